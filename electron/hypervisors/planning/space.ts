/** The room that a change needs and finds, on each file system. */
import type { PlanNote, PlanRoom } from '../../../shared/model/plan.ts';
import { fileSystems } from '../../../shared/rules/findings/findings-storage.ts';
import { folderOf } from '../../../shared/rules/text/folders.ts';
import type { Growth } from '../../../shared/rules/chains/image-growth.ts';
import { readableBytes, sumOf } from '../../../shared/rules/text/units.ts';
import { note } from '../../../shared/rules/text/plan-note.ts';
import type { PlanningContext } from './planning-context.ts';

/** By how much a file, one that is there or a new one, may grow; see `PlanRoom`. */
export interface RoomNeed extends Growth {
  readonly path: string;
  readonly guestBytes: number | null;
}

/** What is needed and free on each file system, the tightest first; those of which the free bytes were not read come last. */
export function roomsFor({ inventory }: PlanningContext, needs: readonly RoomNeed[]): PlanRoom[] {
  const systems = fileSystems(inventory.filesystems);
  const rooms = new Map<string, PlanRoom>();
  for (const { path, ...need } of needs) {
    const folder = folderOf(path);
    const system = systems.find(({ folders }) => folders.includes(folder));
    const key = system?.folders.join('\0') ?? folder;
    const known = rooms.get(key) ?? { folders: [], likelyBytes: 0, atMostBytes: 0, guestBytes: 0 };
    rooms.set(key, {
      folders: [...new Set([...known.folders, folder])],
      likelyBytes: sumOf([known.likelyBytes, need.likelyBytes]),
      atMostBytes: sumOf([known.atMostBytes, need.atMostBytes]),
      guestBytes: sumOf([known.guestBytes, need.guestBytes]),
      freeBytes: system?.freeBytes ?? null,
    });
  }
  const left = (room: PlanRoom) => (room.freeBytes ?? Infinity) - (atMostWithGuest(room) ?? room.likelyBytes ?? 0);
  return [...rooms.values()].sort((a, b) => left(a) - left(b));
}

/** The room that a change finds which needs none: what is free where its images lie. */
export function roomsBeside(context: PlanningContext, imageIds: readonly string[]): PlanRoom[] {
  return roomsFor(
    context,
    imageIds.map((path) => ({ path, likelyBytes: 0, atMostBytes: 0, guestBytes: 0 })),
  );
}

/** With what the guest may add. */
export function atMostWithGuest({ atMostBytes, guestBytes }: PlanRoom): number | null {
  return sumOf([atMostBytes, guestBytes]);
}

/**
 * A warning for each file system on which a change may need more room than there is.
 *
 * @param say gives the sentences, from words for the bytes needed, the bytes free and where
 * @param most what counts as needed at most
 */
export function roomWarnings(
  rooms: readonly PlanRoom[],
  code: string,
  say: (needed: string, free: string, where: string) => string,
  most: (room: PlanRoom) => number | null = ({ atMostBytes }) => atMostBytes,
): PlanNote[] {
  return rooms.flatMap((room) => {
    const { likelyBytes, freeBytes, folders } = room;
    const needed = most(room);
    if (needed === null || freeBytes === null || needed <= freeBytes) return [];
    const [atMost, likely] = [readableBytes(needed), likelyBytes === null ? null : readableBytes(likelyBytes)];
    const words = likely === null || likely === atMost ? atMost : `${atMost} (likely ${likely})`;
    return [note(code, say(words, readableBytes(freeBytes), folders[0] ?? ''))];
  });
}
