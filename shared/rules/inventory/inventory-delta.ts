/**
 * What changed between two pictures of a host, and how a picture becomes the next one by it. Nothing here names a field of
 * the model but the lists whose things have an identity: any other field is carried whole where it changed.
 */
import type { InventoryState, InventoryStateDelta } from '../../contract.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { InventoryDelta } from '../../model/inventory-delta.ts';
import { byIdentity, haveSameNames, noLists, shared, type Fields, type IdentifiedLists } from './structural-sharing.ts';

const inventoryLists: IdentifiedLists = {
  vms: { key: 'uuid', lists: { snapshots: { key: 'id', lists: noLists } } },
  images: { key: 'id', lists: noLists },
};

interface FieldsDelta {
  readonly parts: Fields;
  readonly lists?: Readonly<Record<string, ListDelta | undefined>> | undefined;
}

interface ListDelta {
  readonly gone: readonly string[];
  readonly entries: readonly ListEntry[];
  readonly length: number;
}

interface ListEntry {
  readonly id: string;
  readonly after: string | null;
  readonly item: unknown;
  readonly delta: FieldsDelta | null;
}

/** `after`, in which every VM, snapshot, image or other part that equals the one in `before` is that very object. */
export function sharedInventory(before: Inventory | null, after: Inventory): Inventory {
  return shared(before, after, inventoryLists);
}

/**
 * What makes `after` of `before`; null where only the whole will do: where there was no inventory before, or there is none
 * now. Takes little time where the two share what did not change.
 */
export function inventoryStateDelta(before: InventoryState, after: InventoryState): InventoryStateDelta | null {
  const { inventory: wasInventory, ...was } = before;
  const { inventory, ...now } = after;
  const parts = fieldsDelta(was, shared(was, now), noLists)?.parts;
  if (parts === undefined || (wasInventory === null) !== (inventory === null)) return null;
  if (wasInventory === null || inventory === null) return { parts, inventory: null };
  const delta = inventoryDelta(wasInventory, inventory);
  return delta && { parts, inventory: isEmpty(delta) ? null : delta };
}

/** What makes `after` of `before`; null where they have not the same fields. */
export function inventoryDelta(before: Inventory, after: Inventory): InventoryDelta | null {
  return fieldsDelta(before, sharedInventory(before, after), inventoryLists);
}

/** Whether a delta says that nothing changed. */
export function isEmptyDelta({ parts, inventory }: InventoryStateDelta): boolean {
  return inventory === null && Object.keys(parts).length === 0;
}

/**
 * The picture after `delta`; what did not change in it is the same object as before. Null where the delta is of another
 * picture than this one: then only everything anew helps.
 */
export function applyInventoryStateDelta(before: InventoryState, delta: InventoryStateDelta): InventoryState | null {
  // The parts hold whole values of the fields that they name.
  const state = { ...before, ...delta.parts } as InventoryState;
  if (delta.inventory === null) return state;
  if (before.inventory === null) return null;
  const inventory = applied(before.inventory, delta.inventory, inventoryLists) as Inventory | null;
  return inventory && { ...state, inventory };
}

function isEmpty({ parts, lists }: FieldsDelta): boolean {
  return Object.keys(parts).length === 0 && lists === undefined;
}

/** Of two that share what is equal; null where they have not the same fields. */
function fieldsDelta(before: Fields, after: Fields, lists: IdentifiedLists): FieldsDelta | null {
  if (!haveSameNames(before, after)) return null;
  const parts: Record<string, unknown> = {};
  const changedLists: Record<string, ListDelta> = {};
  for (const [name, value] of Object.entries(after)) {
    if (Object.is(before[name], value)) continue;
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
    const delta = list ? listDelta(before[name], value, list) : null;
    if (delta) changedLists[name] = delta;
    else parts[name] = value;
  }
  return Object.keys(changedLists).length === 0 ? { parts } : { parts, lists: changedLists };
}

/** Null where the things in either have no identity of their own. */
function listDelta(before: unknown, after: unknown, { key, lists }: IdentifiedLists[string]): ListDelta | null {
  const was = byIdentity(before, key);
  const now = byIdentity(after, key);
  if (was === null || now === null) return null;
  const isOther = ([id, item]: readonly [string, Fields]): boolean => was.get(id) !== item;
  // Those that did not change stay where they are; where they changed places among each other, each is told its own.
  const places = new Map([...was.keys()].map((id, index) => [id, index]));
  const staying = [...now].filter((entry) => !isOther(entry)).map(([id]) => places.get(id) ?? 0);
  const isOrdered = staying.every((place, index) => index === 0 || place > (staying[index - 1] ?? 0));
  const entries: ListEntry[] = [];
  let previous: string | null = null;
  for (const entry of now) {
    const [id, item] = entry;
    if (!isOrdered || isOther(entry)) entries.push(listEntry(id, previous, was.get(id), item, lists));
    previous = id;
  }
  return { gone: [...was.keys()].filter((id) => !now.has(id)), entries, length: now.size };
}

function listEntry(
  id: string,
  after: string | null,
  before: Fields | undefined,
  item: Fields,
  lists: IdentifiedLists,
): ListEntry {
  if (before === item) return { id, after, item: null, delta: null };
  const delta = before === undefined ? null : fieldsDelta(before, item, lists);
  return delta === null ? { id, after, item, delta: null } : { id, after, item: null, delta };
}

/** Null where the delta does not fit. */
function applied(before: Fields, delta: FieldsDelta, lists: IdentifiedLists): Fields | null {
  const result: Record<string, unknown> = { ...before, ...delta.parts };
  for (const [name, change] of Object.entries(delta.lists ?? {})) {
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
    if (change === undefined) continue;
    const items = list === undefined ? null : appliedToList(before[name], change, list);
    if (items === null) return null;
    result[name] = items;
  }
  return result;
}

function appliedToList(
  before: unknown,
  { gone, entries, length }: ListDelta,
  { key, lists }: IdentifiedLists[string],
): readonly unknown[] | null {
  const known = byIdentity(before, key);
  if (known === null || gone.some((id) => !known.has(id))) return null;
  const placed = new Map<string | null, readonly [id: string, item: unknown]>();
  const moved = new Set(gone);
  for (const entry of entries) {
    const item = itemOf(entry, known.get(entry.id), lists);
    if (item === null || moved.has(entry.id)) return null;
    moved.add(entry.id);
    placed.set(entry.after, [entry.id, item]);
  }
  const result: unknown[] = [];
  const addPlacedAfter = (id: string | null): void => {
    for (let next = placed.get(id); next !== undefined; next = placed.get(next[0])) result.push(next[1]);
  };
  addPlacedAfter(null);
  for (const [id, item] of known) {
    if (moved.has(id)) continue;
    result.push(item);
    addPlacedAfter(id);
  }
  return result.length === length ? result : null;
}

function itemOf({ item, delta }: ListEntry, before: Fields | undefined, lists: IdentifiedLists): unknown {
  if (item !== null) return item;
  if (before === undefined) return null;
  return delta === null ? before : applied(before, delta, lists);
}
