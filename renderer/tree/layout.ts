/**
 * The snapshot tree as rows and lanes. A row's node sits in a lane; the last child goes on in its parent's lane, every
 * earlier child opens the lane to the right, so a straight line of snapshots is a straight line on the screen. "You are
 * here", the present state of the VM, is a node of its own directly below the current snapshot, or below the restore points that lie
 * between: memory that was saved since.
 *
 * O(n) time and room: the lanes that pass a row are a list that rows share, not an array a row.
 */
import type { Snapshot } from '../../shared/model/inventory.ts';
import { pointKey, type RestorePoint } from '../../shared/rules/snapshots/restore-points.ts';
import { noMarks, type LackMark, type LackMarks } from './lack-marks.ts';
import { snapshotForest, type SnapshotNode } from '../../shared/rules/snapshots/snapshot-forest.ts';

/** Lanes that pass through a row, the innermost (rightmost) first. */
export interface PassingLanes {
  readonly lane: number;
  /** The line leads to "you are here". */
  readonly onPath: boolean;
  readonly next: PassingLanes | null;
}

export interface TreeRow {
  /** `here`, or `snapshot:` and the snapshot's id, or `memory:` and the file. Stable across readings. */
  readonly key: string;
  /** Null for the row "you are here", and for restore points. */
  readonly snapshot: Snapshot | null;
  /** Memory that was saved; null for every other row. */
  readonly point: RestorePoint | null;
  readonly oddity: SnapshotNode['oddity'];
  /** What it lacks to be reverted to; null where it lacks nothing. */
  readonly lack: LackMark | null;
  /** From 1, as `aria-level` has it. */
  readonly level: number;
  readonly positionInSet: number;
  readonly setSize: number;
  /** Index of the parent's row; -1 for a root. */
  readonly parentIndex: number;
  /** Null where there is nothing below. */
  readonly expanded: boolean | null;
  /** Rows that are not shown because this one is collapsed. */
  readonly hiddenCount: number;
  readonly hidesHere: boolean;
  /** More than one child: the tree branches here. */
  readonly branches: boolean;
  readonly lane: number;
  /** The lane that the line from above comes from; null for a root. */
  readonly parentLane: number | null;
  readonly passing: PassingLanes | null;
  /** Whether the line from the parent, and the line to a child in the same lane, lead to "you are here". */
  readonly onPath: boolean;
  readonly childOnPath: boolean;
  readonly hasLineBelow: boolean;
}

export interface TreeLayout {
  readonly rows: readonly TreeRow[];
  readonly laneCount: number;
}

export const hereKey = 'here';

export function snapshotKey(snapshotId: string): string {
  return `snapshot:${snapshotId}`;
}

const noPoints: readonly RestorePoint[] = [];

interface LayoutNode {
  readonly key: string;
  readonly snapshot: Snapshot | null;
  readonly point: RestorePoint | null;
  readonly oddity: SnapshotNode['oddity'];
  readonly children: LayoutNode[];
  parent: LayoutNode | null;
  /** Nodes below. */
  below: number;
  onPath: boolean;
}

/**
 * Lays out the snapshots of a VM.
 * @param currentSnapshotId below which "you are here" hangs; it is a root of its own where this is null or not there
 * @param collapsed keys of rows whose descendants are not shown
 * @param lacks what snapshots lack, for their rows
 * @param points between the current snapshot and "you are here", the oldest first
 */
export function layoutTree(
  snapshots: readonly Snapshot[],
  currentSnapshotId: string | null,
  collapsed: ReadonlySet<string>,
  lacks: LackMarks = noMarks,
  points: readonly RestorePoint[] = noPoints,
): TreeLayout {
  const roots = layoutNodes(snapshots, currentSnapshotId, points);
  const rows: TreeRow[] = [];
  let laneCount = 1;

  interface Open {
    readonly node: LayoutNode;
    readonly level: number;
    readonly position: number;
    readonly setSize: number;
    readonly parentIndex: number;
    readonly parentLane: number | null;
    readonly lane: number;
    readonly passing: PassingLanes | null;
  }
  const open: Open[] = roots
    .map((node, index) => ({
      node,
      level: 1,
      position: index + 1,
      setSize: roots.length,
      parentIndex: -1,
      parentLane: null,
      lane: 0,
      passing: null,
    }))
    .reverse();

  for (let at = open.pop(); at; at = open.pop()) {
    const { node, lane, passing } = at;
    const isCollapsed = collapsed.has(node.key) && node.children.length > 0;
    const shown = isCollapsed ? [] : node.children;
    const index = rows.length;
    laneCount = Math.max(laneCount, lane + 1);
    rows.push({
      key: node.key,
      snapshot: node.snapshot,
      point: node.point,
      oddity: node.oddity,
      lack: (node.snapshot && lacks.get(node.snapshot.id)) ?? null,
      level: at.level,
      positionInSet: at.position,
      setSize: at.setSize,
      parentIndex: at.parentIndex,
      expanded: node.children.length === 0 ? null : !isCollapsed,
      hiddenCount: isCollapsed ? node.below : 0,
      hidesHere: isCollapsed && node.onPath,
      branches: node.children.length > 1,
      lane,
      parentLane: at.parentLane,
      passing,
      onPath: node.onPath,
      childOnPath: node.onPath && shown.length > 0,
      hasLineBelow: shown.length > 0,
    });
    const pathChild = shown.findIndex((child) => child.onPath);
    for (let position = shown.length - 1; position >= 0; position -= 1) {
      const child = shown[position];
      if (!child) continue;
      const isLast = position === shown.length - 1;
      open.push({
        node: child,
        level: at.level + 1,
        position: position + 1,
        setSize: shown.length,
        parentIndex: index,
        parentLane: lane,
        lane: isLast ? lane : lane + 1,
        passing: isLast ? passing : { lane, onPath: pathChild > position, next: passing },
      });
    }
  }
  return { rows, laneCount };
}

/** The forest with "you are here" in it, sizes counted and the path to it marked. Iterative: chains are deep. */
function layoutNodes(
  snapshots: readonly Snapshot[],
  currentSnapshotId: string | null,
  points: readonly RestorePoint[],
): readonly LayoutNode[] {
  const create = (node: SnapshotNode, parent: LayoutNode | null): LayoutNode => ({
    key: snapshotKey(node.snapshot.id),
    snapshot: node.snapshot,
    point: null,
    oddity: node.oddity,
    children: [],
    parent,
    below: 0,
    onPath: false,
  });
  const here: LayoutNode = {
    key: hereKey,
    snapshot: null,
    point: null,
    oddity: null,
    children: [],
    parent: null,
    below: 0,
    onPath: true,
  };
  /** "You are here", with the restore points above it. */
  const present = points.toReversed().reduce<LayoutNode>((below, point) => {
    const node: LayoutNode = {
      ...here,
      parent: null,
      key: pointKey(point),
      point,
      children: [below],
      below: below.below + 1,
    };
    below.parent = node;
    return node;
  }, here);
  const roots: LayoutNode[] = [];
  const order: LayoutNode[] = [];
  const open: { readonly source: SnapshotNode; readonly parent: LayoutNode | null }[] = [];
  for (const source of snapshotForest(snapshots).toReversed()) open.push({ source, parent: null });
  for (let at = open.pop(); at; at = open.pop()) {
    const node = create(at.source, at.parent);
    order.push(node);
    (at.parent?.children ?? roots).push(node);
    if (node.snapshot?.id === currentSnapshotId) {
      present.parent = node;
      node.children.push(present);
    }
    for (const source of at.source.children.toReversed()) open.push({ source, parent: node });
  }
  for (const node of order.toReversed()) {
    node.below = node.children.reduce((sum, child) => sum + child.below + 1, 0);
  }
  for (let node = here.parent; node; node = node.parent) node.onPath = true;
  return present.parent ? roots : [present, ...roots];
}

/** The passing lanes as an array, the leftmost first. */
export function passingLanes(passing: PassingLanes | null): readonly PassingLanes[] {
  const lanes: PassingLanes[] = [];
  for (let lane = passing; lane; lane = lane.next) lanes.push(lane);
  return lanes.reverse();
}
