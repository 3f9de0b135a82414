/** The room that a change finds. */
import type { Plan, PlanNote } from '../../../shared/model/plan.ts';
import { fileSystems } from '../../../shared/rules/findings-storage.ts';
import { folderOf } from '../../../shared/rules/folders.ts';
import { readableBytes } from '../../../shared/rules/units.ts';
import { note } from './notes.ts';
import type { PlanningContext } from './planning-context.ts';

/** What a change may write beside an image (or into it), in bytes, at most. */
export interface RoomNeed {
  readonly imageId: string;
  readonly bytes: number;
}

export type Room = Plan['space'];

/** What is needed and free on each file system, the tightest first; those of which the free bytes were not read come last. */
export function roomFor({ inventory }: PlanningContext, needs: readonly RoomNeed[]): readonly Room[] {
  const systems = fileSystems(inventory.filesystems);
  const rooms = new Map<string, { folder: string; neededBytes: number; freeBytes: number | null }>();
  for (const { imageId, bytes } of needs) {
    const folder = folderOf(imageId);
    const system = systems.find(({ folders }) => folders.includes(folder));
    const key = system?.folders.join('\0') ?? folder;
    const known = rooms.get(key);
    if (known) known.neededBytes += bytes;
    else rooms.set(key, { folder, neededBytes: bytes, freeBytes: system?.freeBytes ?? null });
  }
  const left = ({ freeBytes, neededBytes }: Room) => (freeBytes ?? Infinity) - (neededBytes ?? 0);
  return [...rooms.values()].sort((a, b) => left(a) - left(b));
}

/** The room that a change finds which needs none: the least that is free where its images lie. */
export function roomBeside(context: PlanningContext, imageIds: readonly string[]): Room {
  return tightest(
    roomFor(
      context,
      imageIds.map((imageId) => ({ imageId, bytes: 0 })),
    ),
  );
}

/** The room of a plan: that of the file system where it is tightest. */
export function tightest(rooms: readonly Room[]): Room {
  return rooms[0] ?? { folder: null, neededBytes: 0, freeBytes: null };
}

/**
 * A warning for each file system on which a change may need more room than there is.
 *
 * @param say gives the sentences, from words for the bytes needed, the bytes free and where
 */
export function roomWarnings(
  rooms: readonly Room[],
  code: string,
  say: (needed: string, free: string, where: string) => string,
): PlanNote[] {
  return rooms.flatMap(({ neededBytes, freeBytes, folder }) =>
    neededBytes === null || freeBytes === null || neededBytes <= freeBytes
      ? []
      : [note(code, say(readableBytes(neededBytes), readableBytes(freeBytes), folder ?? 'the storage'))],
  );
}
