/** What the snapshots of a VM lack besides images that hold their data, by what is gone. */
import type { Obstacle, ReadableVm, Snapshot } from '../model/inventory.ts';
import { firstOf } from './first-of.ts';

export interface Lack {
  readonly obstacle: Obstacle;
  /** All that lack it, at least one. */
  readonly snapshots: readonly Snapshot[];
}

/** Each thing that is gone once, with the snapshots that lack it. */
export function lackedBySnapshots({ snapshots }: Pick<ReadableVm, 'snapshots'>): readonly Lack[] {
  const lacks = new Map<string, { readonly obstacle: Obstacle; readonly snapshots: Snapshot[] }>();
  for (const snapshot of snapshots) {
    for (const obstacle of snapshot.revertObstacles ?? []) {
      const key = JSON.stringify([obstacle.path, obstacle.message]);
      const known = lacks.get(key);
      if (known) known.snapshots.push(snapshot);
      else lacks.set(key, { obstacle, snapshots: [snapshot] });
    }
  }
  return [...lacks.values()];
}

/**
 * What the memory of an external snapshot lacks: its file is gone, or holds that of another one. Its disks can be gone back to all the
 * same. Null: nothing.
 */
export function lostMemory({ kind, memory, revertObstacles = [] }: Snapshot): Obstacle | null {
  if (kind !== 'external' || memory.kind !== 'external') return null;
  return revertObstacles.find(({ path }) => path === memory.file) ?? null;
}

/** To begin a sentence with: `Snapshot “a”`, `Snapshots “a”, “b”`, and with their number where they are many. */
export function namesOf(snapshots: readonly Snapshot[]): string {
  return `Snapshot${snapshots.length === 1 ? '' : 's'} ${firstOf(snapshots.map(({ name }) => `“${name}”`))}`;
}
