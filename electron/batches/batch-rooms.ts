/** The room that a batch needs as a whole. Pure. */
import type { BatchRoom } from '../../shared/model/batch.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Plan, PlanNote } from '../../shared/model/plan.ts';
import { fileSystems } from '../../shared/rules/findings/findings-storage.ts';
import { folderOf } from '../../shared/rules/text/folders.ts';
import { note } from '../../shared/rules/text/plan-note.ts';
import { readableBytes } from '../../shared/rules/text/units.ts';

/** What one change needs on one file system. */
export interface RoomUse {
  /** Of the file system: the same for all folders that lie on it. */
  readonly key: string;
  readonly folders: readonly string[];
  readonly freeBytes: number | null;
  readonly likelyBytes: number | null;
  readonly atMostBytes: number | null;
  /** By the files that it deletes in the end. */
  readonly freedBytes: number;
}

/**
 * Of each file system that a plan writes on or deletes from.
 *
 * @param gone files that changes before it delete: of two plans for the same host, each may say that it deletes a file, which is free once
 */
export function roomUses(
  plan: Pick<Plan, 'rooms' | 'steps' | 'hostId'>,
  inventory: Inventory,
  gone: ReadonlySet<string> = new Set(),
): readonly RoomUse[] {
  const systems = fileSystems(inventory.filesystems);
  const sizes = new Map(inventory.images.map((image) => [image.id, image.allocatedBytes ?? 0]));
  const uses = new Map<string, RoomUse>();
  const add = (folder: string, part: (known: RoomUse) => Partial<RoomUse>): void => {
    const system = systems.find(({ folders }) => folders.includes(folder));
    const key = `${plan.hostId}:${system?.folders[0] ?? folder}`;
    const known = uses.get(key) ?? {
      key,
      folders: [],
      freeBytes: system?.freeBytes ?? null,
      likelyBytes: 0,
      atMostBytes: 0,
      freedBytes: 0,
    };
    const more = part(known);
    uses.set(key, { ...known, ...more, folders: [...new Set([...known.folders, folder, ...(more.folders ?? [])])] });
  };
  for (const { folders, likelyBytes, atMostBytes } of plan.rooms) {
    add(folders[0] ?? '', () => ({ folders, likelyBytes, atMostBytes }));
  }
  for (const path of filesDeleted(plan)) {
    const bytes = gone.has(path) ? 0 : (sizes.get(path) ?? 0);
    add(folderOf(path), ({ freedBytes }) => ({ freedBytes: freedBytes + bytes }));
  }
  return [...uses.values()];
}

/** The files that are gone when a plan has come to a good end. */
export function filesDeleted({ steps }: Pick<Plan, 'steps'>): ReadonlySet<string> {
  return new Set(steps.filter(({ runs }) => runs !== 'onFailure').flatMap(({ deletes }) => deletes));
}

/** Whether a change writes so much on a file system that another one there is not to be made at the same time. */
export function fillsRoom({ likelyBytes, atMostBytes }: Pick<RoomUse, 'likelyBytes' | 'atMostBytes'>): boolean {
  return likelyBytes !== 0 || atMostBytes !== 0;
}

/**
 * What is needed at the peak on each file system, where the changes are made one after the other and each deletes at its end what it
 * deletes; the tightest first.
 */
export function batchRooms(
  items: readonly { readonly hostName: string; readonly uses: readonly RoomUse[] }[],
): BatchRoom[] {
  const rooms = new Map<string, BatchRoom & { likelyBalance: number; atMostBalance: number }>();
  for (const { hostName, uses } of items) {
    for (const use of uses) {
      const before = rooms.get(use.key) ?? {
        hostName,
        folders: [],
        likelyBytes: 0,
        atMostBytes: 0,
        freedBytes: 0,
        freeBytes: use.freeBytes,
        likelyBalance: 0,
        atMostBalance: 0,
      };
      const peak = (known: number | null, balance: number, needed: number | null) =>
        known === null || needed === null ? null : Math.max(known, balance + needed, 0);
      const { freedBytes } = use;
      rooms.set(use.key, {
        ...before,
        folders: [...new Set([...before.folders, ...use.folders])],
        likelyBytes: peak(before.likelyBytes, before.likelyBalance, use.likelyBytes),
        atMostBytes: peak(before.atMostBytes, before.atMostBalance, use.atMostBytes),
        freedBytes: before.freedBytes + freedBytes,
        likelyBalance: before.likelyBalance + (use.likelyBytes ?? 0) - freedBytes,
        atMostBalance: before.atMostBalance + (use.atMostBytes ?? 0) - freedBytes,
      });
    }
  }
  const left = ({ freeBytes, atMostBytes, likelyBytes }: BatchRoom) =>
    (freeBytes ?? Infinity) - (atMostBytes ?? likelyBytes ?? 0);
  return [...rooms.values()]
    .map(({ likelyBalance: _likely, atMostBalance: _atMost, ...room }) => room)
    .sort((a, b) => left(a) - left(b));
}

/** A refusal where what is likely needed is more than is free; a warning where only what may be needed at most is. */
export function batchRoomNotes(rooms: readonly BatchRoom[]): {
  readonly refusals: PlanNote[];
  readonly warnings: PlanNote[];
} {
  const refusals: PlanNote[] = [];
  const warnings: PlanNote[] = [];
  for (const { hostName, folders, likelyBytes, atMostBytes, freeBytes } of rooms) {
    if (freeBytes === null) continue;
    const where = `in ${folders[0] ?? ''} on ${hostName}, where ${readableBytes(freeBytes)} are free`;
    if (likelyBytes !== null && likelyBytes > freeBytes) {
      const message = `All of it together likely needs ${readableBytes(likelyBytes)} ${where}. Take changes out, or make room first.`;
      refusals.push(note('batchNeedsRoom', message, [...folders]));
    } else if (atMostBytes !== null && atMostBytes > freeBytes) {
      const message = `All of it together may need up to ${readableBytes(atMostBytes)} ${where}. Each change looks for its room again before it begins, and is not begun where it is not there.`;
      warnings.push(note('batchMayNeedRoom', message, [...folders]));
    }
  }
  return { refusals, warnings };
}
