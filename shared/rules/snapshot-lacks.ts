/** What the snapshots of a VM lack besides images that hold their data, by what is gone. */
import type { Obstacle, ReadableVm, Snapshot } from '../model/inventory.ts';

export interface Lack {
  readonly obstacle: Obstacle;
  /** All that lack it, at least one. */
  readonly snapshots: readonly Snapshot[];
}

/** Names that a sentence spells out before it only counts. */
const maximumNames = 5;

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

/** To begin a sentence with: `Snapshot “a”`, `Snapshots “a”, “b”`, and with their number where they are many. */
export function namesOf(snapshots: readonly Snapshot[]): string {
  const names = snapshots.slice(0, maximumNames).map(({ name }) => `“${name}”`);
  const more = snapshots.length - names.length;
  return `Snapshot${snapshots.length === 1 ? '' : 's'} ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
