/** Snapshots as trees, whatever their records say: branches, several roots, missing parents, cycles. */
import type { Snapshot } from '../../model/inventory.ts';

export interface SnapshotNode {
  readonly snapshot: Snapshot;
  readonly children: readonly SnapshotNode[];
  /** Set on a root that is one only because its record is wrong. */
  readonly oddity: 'missingParent' | 'cycle' | null;
}

/**
 * The forest of a VM's snapshots. Every snapshot appears exactly once. Siblings and roots are ordered by creation
 * time, then by id, so that the picture does not depend on the order of reading. A snapshot whose parent is missing
 * becomes a root; of a cycle, the oldest member becomes a root. Iterative: chains may be thousands deep.
 */
export function snapshotForest(snapshots: readonly Snapshot[]): readonly SnapshotNode[] {
  const ordered = [...snapshots].sort(
    (a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  );
  const byId = new Map(ordered.map((snapshot) => [snapshot.id, snapshot]));
  const childrenOf = new Map<string, Snapshot[]>();
  const roots: { snapshot: Snapshot; oddity: SnapshotNode['oddity'] }[] = [];
  for (const snapshot of ordered) {
    if (snapshot.parentId === null) roots.push({ snapshot, oddity: null });
    else if (!byId.has(snapshot.parentId)) roots.push({ snapshot, oddity: 'missingParent' });
    else {
      // One parent may have thousands of children: no copying.
      const siblings = childrenOf.get(snapshot.parentId);
      if (siblings) siblings.push(snapshot);
      else childrenOf.set(snapshot.parentId, [snapshot]);
    }
  }

  interface MutableNode extends SnapshotNode {
    readonly children: MutableNode[];
  }
  const placed = new Set<string>();
  const grow = (snapshot: Snapshot, oddity: SnapshotNode['oddity']): MutableNode => {
    const root: MutableNode = { snapshot, children: [], oddity };
    placed.add(snapshot.id);
    const open = [root];
    for (let node = open.pop(); node; node = open.pop()) {
      for (const child of childrenOf.get(node.snapshot.id) ?? []) {
        if (placed.has(child.id)) continue;
        placed.add(child.id);
        const childNode: MutableNode = { snapshot: child, children: [], oddity: null };
        node.children.push(childNode);
        open.push(childNode);
      }
    }
    return root;
  };

  const forest = roots.map(({ snapshot, oddity }) => grow(snapshot, oddity));
  // What no root reached hangs on a cycle.
  for (const snapshot of ordered) {
    if (!placed.has(snapshot.id)) forest.push(grow(oldestOfCycle(snapshot, byId), 'cycle'));
  }
  return forest;
}

/** The ids of a snapshot and of everything below it, parents before children. */
export function subtreeIds(snapshotId: string, snapshots: readonly Snapshot[]): readonly string[] {
  const childrenOf = Map.groupBy(snapshots, (snapshot) => snapshot.parentId);
  const ids = [snapshotId];
  const seen = new Set(ids);
  for (const id of ids) {
    for (const child of childrenOf.get(id) ?? []) {
      if (seen.has(child.id)) continue;
      seen.add(child.id);
      ids.push(child.id);
    }
  }
  return ids;
}

/**
 * How far each of a VM's snapshots stands below the root of its tree, which is 1. A parent that is missing counts as one; a circle of
 * parents ends where it began. O(n): chains are thousands deep.
 */
export function depthsOf(snapshots: readonly Pick<Snapshot, 'id' | 'parentId'>[]): ReadonlyMap<string, number> {
  const parents = new Map(snapshots.map(({ id, parentId }) => [id, parentId]));
  const depths = new Map<string, number>();
  for (const { id } of snapshots) {
    const path = new Set<string>();
    let at: string | null = id;
    for (; at !== null && !depths.has(at) && !path.has(at); at = parents.get(at) ?? null) path.add(at);
    let depth = at === null ? 0 : (depths.get(at) ?? 0);
    for (const each of [...path].reverse()) {
      depth += 1;
      depths.set(each, depth);
    }
  }
  return depths;
}

/** These snapshots of a VM, those that stand higher in its tree first, otherwise in the order given. */
export function parentsFirst(some: readonly Snapshot[], all: readonly Snapshot[]): readonly Snapshot[] {
  const depths = depthsOf(all);
  return some.toSorted((a, b) => (depths.get(a.id) ?? 0) - (depths.get(b.id) ?? 0));
}

function oldestOfCycle(start: Snapshot, byId: ReadonlyMap<string, Snapshot>): Snapshot {
  const path: Snapshot[] = [];
  let at: Snapshot | undefined = start;
  while (at && !path.includes(at)) {
    path.push(at);
    at = at.parentId === null ? undefined : byId.get(at.parentId);
  }
  const cycle = at ? path.slice(path.indexOf(at)) : path;
  return cycle.reduce((oldest, snapshot) =>
    (snapshot.createdAt ?? 0) < (oldest.createdAt ?? 0) ||
    ((snapshot.createdAt ?? 0) === (oldest.createdAt ?? 0) && snapshot.id < oldest.id)
      ? snapshot
      : oldest,
  );
}
