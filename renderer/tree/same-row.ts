/** Whether a row of the snapshot tree looks as before: a reading makes all of them anew, and most are the same. */
import type { Snapshot } from '../../shared/model/inventory.ts';
import { isSameMark } from './lack-marks.ts';
import type { PassingLanes, TreeRow } from './layout.ts';

export function isSameRow(a: TreeRow, b: TreeRow): boolean {
  const keys = Object.keys(b) as (keyof TreeRow)[];
  return keys.every((key) => {
    // Where the parent is, no row shows.
    if (key === 'parentIndex') return true;
    if (key === 'snapshot') return isSameSnapshot(a.snapshot, b.snapshot);
    if (key === 'point') return JSON.stringify(a.point) === JSON.stringify(b.point);
    if (key === 'lack') return isSameMark(a.lack, b.lack);
    if (key === 'passing') return isSamePassing(a.passing, b.passing);
    return a[key] === b[key];
  });
}

/** By what it says: a snapshot that was read again is another object. */
function isSameSnapshot(a: Snapshot | null, b: Snapshot | null): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function isSamePassing(a: PassingLanes | null, b: PassingLanes | null): boolean {
  let left = a;
  let right = b;
  while (left && right && left !== right) {
    if (left.lane !== right.lane || left.onPath !== right.onPath) return false;
    left = left.next;
    right = right.next;
  }
  return left === right;
}
