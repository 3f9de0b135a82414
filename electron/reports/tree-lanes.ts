/** How a VM's snapshot tree is drawn beside its rows: straight lines for chains, a lane to the right for each branch. */

export interface TreeRow {
  readonly snapshotId: string | null;
  readonly parentId: string | null;
}

export interface TreeCell {
  /** The column of the snapshot's dot; 0 is leftmost. */
  readonly lane: number;
  /** Columns to the left in which a line goes past, to later children of earlier snapshots. */
  readonly through: readonly number[];
  /** How the line from the parent comes: from above in its own lane, out of the lane to the left, or not at all. */
  readonly from: 'above' | 'left' | 'none';
  readonly hasChildren: boolean;
}

/** More lanes are not drawn: what is deeper stands in the last. */
export const mostLanes = 12;

/**
 * The cells of rows in tree order (parents before children). A parent that does not stand above its child is none: its
 * record is wrong.
 */
export function treeCells(rows: readonly TreeRow[]): readonly TreeCell[] {
  const indexOf = new Map<string, number>();
  const parents: (number | undefined)[] = [];
  const lastChild = new Map<number, number>();
  rows.forEach(({ snapshotId, parentId }, index) => {
    const parent = parentId === null ? undefined : indexOf.get(parentId);
    parents.push(parent);
    if (parent !== undefined) lastChild.set(parent, index);
    if (snapshotId !== null) indexOf.set(snapshotId, index);
  });
  const cells: TreeCell[] = [];
  rows.forEach((_row, index) => {
    const parentIndex = parents[index];
    const parent = parentIndex === undefined ? undefined : cells[parentIndex];
    const hasChildren = lastChild.has(index);
    if (parentIndex === undefined || !parent) {
      cells.push({ lane: 0, through: [], from: 'none', hasChildren });
    } else if (lastChild.get(parentIndex) === index || parent.lane + 1 >= mostLanes) {
      cells.push({ lane: parent.lane, through: parent.through, from: 'above', hasChildren });
    } else {
      cells.push({ lane: parent.lane + 1, through: [...parent.through, parent.lane], from: 'left', hasChildren });
    }
  });
  return cells;
}
