/** What several selected snapshots are together. Pure. */
import type { Snapshot } from '../../model/inventory.ts';

/** One line of the tree without a gap, each made on the one before it. */
export interface SnapshotRange {
  readonly oldest: Snapshot;
  /** Null: the present state of the VM. */
  readonly youngest: Snapshot | null;
}

/** Why they are no range, in a sentence. */
export interface NoRange {
  readonly reason: string;
}

/**
 * The range that the selected ones are.
 *
 * @param selected at least one; null is the present state ("you are here")
 * @param currentSnapshotId what the present state was built on
 */
export function rangeOf(
  selected: ReadonlySet<string | null>,
  snapshots: readonly Snapshot[],
  currentSnapshotId: string | null,
): SnapshotRange | NoRange {
  const chosen = snapshots.filter(({ id }) => selected.has(id));
  const parents = new Map<string | null, string | null>(chosen.map(({ id, parentId }) => [id, parentId]));
  if (selected.has(null)) parents.set(null, currentSnapshotId);
  const oldest = chosen.find(({ parentId }) => parentId === null || !selected.has(parentId));
  if (!oldest) return { reason: 'Select a snapshot as well: the present state alone is no range.' };
  let last: Snapshot | null = oldest;
  for (let length = 1; length < parents.size; length += 1) {
    // Nothing is made on the present state.
    if (last === null) return { reason: gap };
    const next = madeOn(last.id, parents);
    const [only] = next;
    if (only === undefined) return { reason: gap };
    if (next.length > 1) return { reason: fork(last.name) };
    last = chosen.find(({ id }) => id === only) ?? null;
  }
  return { oldest, youngest: last };
}

const madeOn = (parentId: string, parents: ReadonlyMap<string | null, string | null>): readonly (string | null)[] =>
  [...parents].filter(([id, parent]) => parent === parentId && id !== parentId).map(([id]) => id);

/** The ids from one to the other where one was made on the other, both included; null where neither was. */
export function pathBetween(
  from: string | null,
  to: string | null,
  snapshots: readonly Snapshot[],
  currentSnapshotId: string | null,
): readonly (string | null)[] | null {
  const parents = new Map<string | null, string | null>(snapshots.map(({ id, parentId }) => [id, parentId]));
  const parentOf = (id: string | null) => (id === null ? currentSnapshotId : (parents.get(id) ?? null));
  const upFrom = (start: string | null, end: string | null): readonly (string | null)[] | null => {
    const path: (string | null)[] = [start];
    // Records may name each other as parents in a circle.
    for (let id = start; id !== end && path.length <= snapshots.length + 1;) {
      id = parentOf(id);
      if (id === null) return null;
      path.push(id);
    }
    return path.at(-1) === end ? path : null;
  };
  if (from === to) return [from];
  return (to === null ? null : upFrom(from, to)) ?? (from === null ? null : upFrom(to, from));
}

const gap =
  'What is selected is not one line of the tree without a gap. Select snapshots that were each made on the one before, or only the first and the last with Shift.';

const fork = (name: string): string =>
  `What is selected branches at “${name}”. Select one line of the tree: a merge goes along one chain.`;
