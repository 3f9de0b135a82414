/** The snapshots of a VM as they are after a change. */
import type { Snapshot } from '../../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../../shared/model/plan.ts';
import type { PlanningContext } from './planning-context.ts';

type Tree = Pick<Plan['after'], 'snapshots' | 'currentSnapshotId'>;

/** With a new snapshot below the present current one; it is current then. */
export function treeWithNew(
  { name, description }: Extract<ChangeRequest, { action: 'createSnapshot' }>,
  { vm, inventory }: PlanningContext,
  rest: Pick<Snapshot, 'kind' | 'memory' | 'vmState' | 'disks'>,
): Tree {
  const parentId = vm.currentSnapshotId;
  const added = { id: name, name, description, parentId, createdAt: inventory.readAt, ...rest };
  return { snapshots: [...vm.snapshots, added], currentSnapshotId: name };
}

/** Without some snapshots: their children go to the nearest ancestor that stays, and so does being current. */
export function treeWithout(ids: ReadonlySet<string>, { vm }: PlanningContext): Tree {
  const byId = new Map(vm.snapshots.map((snapshot) => [snapshot.id, snapshot]));
  return {
    snapshots: vm.snapshots
      .filter(({ id }) => !ids.has(id))
      .map((kept) => ({ ...kept, parentId: survivingAncestor(kept.parentId, ids, byId) })),
    currentSnapshotId: survivingAncestor(vm.currentSnapshotId, ids, byId),
  };
}

/** The nearest ancestor that stays, starting with `id` itself; null where none does. Survives cycles. */
function survivingAncestor(
  id: string | null,
  doomedIds: ReadonlySet<string>,
  byId: ReadonlyMap<string, Snapshot>,
): string | null {
  const seen = new Set<string>();
  let at = id;
  while (at !== null && doomedIds.has(at) && !seen.has(at)) {
    seen.add(at);
    at = byId.get(at)?.parentId ?? null;
  }
  return at !== null && doomedIds.has(at) ? null : at;
}
