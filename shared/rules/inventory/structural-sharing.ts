/**
 * Plain data that is replaced and never changed in place: what did not change stays the same object, so that whoever looks
 * at a part of it sees with `===` whether there is anything to do.
 */

/** The fields that hold lists of things with an identity; by name, with the field that identifies, and the same for the things. */
export type IdentifiedLists = Readonly<Record<string, { readonly key: string; readonly lists: IdentifiedLists }>>;

export type Fields = Readonly<Record<string, unknown>>;

/** Of data without such lists. */
export const noLists: IdentifiedLists = {};

/** Of a plain object only: what a map, a set or anything else of a class of its own holds are no fields of it. */
export function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function haveSameNames(a: Fields, b: Fields): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name));
}

/** By identity; null where it is no list of things that each have one of their own. */
export function byIdentity(list: unknown, key: string): ReadonlyMap<string, Fields> | null {
  if (!Array.isArray(list)) return null;
  const result = new Map<string, Fields>();
  for (const item of list as readonly unknown[]) {
    const id = isFields(item) ? item[key] : undefined;
    if (typeof id !== 'string' || !isFields(item)) return null;
    result.set(id, item);
  }
  return result.size === list.length ? result : null;
}

/**
 * `after`, with every part of it that equals what `before` has at the same place (in `lists`: under the same identity)
 * replaced by that. Gives `before` itself where all is equal, and `after` itself where nothing can be shared. Parts are
 * plain objects, arrays, and what maps hold; a set equals one with the same members; anything else equals only itself.
 */
export function shared<Value>(before: unknown, after: Value, lists: IdentifiedLists = noLists): Value {
  // What is equal to a value in all its parts is of its type.
  return share(before, after, lists) as Value;
}

function share(before: unknown, after: unknown, lists: IdentifiedLists): unknown {
  if (Object.is(before, after)) return before;
  if (Array.isArray(before) && Array.isArray(after)) {
    const earlier = before as readonly unknown[];
    return shareItems(earlier, after, (_item, index) => earlier[index], noLists);
  }
  if (before instanceof Map && after instanceof Map) return shareMap(before, after);
  if (before instanceof Set && after instanceof Set) return isSameSet(before, after) ? before : after;
  return isFields(before) && isFields(after) ? shareFields(before, after, lists) : after;
}

function shareMap(before: ReadonlyMap<unknown, unknown>, after: ReadonlyMap<unknown, unknown>): unknown {
  const result = new Map([...after].map(([key, value]) => [key, share(before.get(key), value, noLists)]));
  const isSame = [...result].every(([key, value]) => before.has(key) && Object.is(before.get(key), value));
  return isSame && result.size === before.size ? before : result;
}

function isSameSet(before: ReadonlySet<unknown>, after: ReadonlySet<unknown>): boolean {
  return before.size === after.size && [...after].every((member) => before.has(member));
}

function shareFields(before: Fields, after: Fields, lists: IdentifiedLists): Fields {
  const common: Record<string, unknown> = {};
  let isSame = haveSameNames(before, after);
  for (const [name, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, name)) continue;
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
    const was = before[name];
    const result = list ? shareList(was, value, list) : share(was, value, noLists);
    if (!Object.is(result, was)) isSame = false;
    if (!Object.is(result, value)) common[name] = result;
  }
  if (isSame) return before;
  return Object.keys(common).length === 0 ? after : { ...after, ...common };
}

function shareList(before: unknown, after: unknown, { key, lists }: IdentifiedLists[string]): unknown {
  const known = byIdentity(before, key);
  if (known === null || !Array.isArray(before) || !Array.isArray(after)) return share(before, after, noLists);
  return shareItems(before, after, (item) => known.get(String(isFields(item) ? item[key] : '')), lists);
}

function shareItems(
  before: readonly unknown[],
  after: readonly unknown[],
  earlier: (item: unknown, index: number) => unknown,
  lists: IdentifiedLists,
): readonly unknown[] {
  const result = after.map((item, index) => share(earlier(item, index), item, lists));
  return result.length === before.length && result.every((item, index) => Object.is(item, before[index]))
    ? before
    : result;
}
