/** What plans for internal and external snapshots have in common. */
import type { Disk, Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote } from '../../../../shared/model/plan.ts';
import { checkSnapshotName } from '../../../../shared/rules/snapshot-names.ts';
import { note, type PlanContext } from './plan-rules.ts';

export type CreateRequest = Extract<ChangeRequest, { action: 'createSnapshot' }>;

/** The record that the new snapshot will have, below the present current one. */
export function newSnapshot(
  request: CreateRequest,
  { vm, inventory }: PlanContext,
  rest: Pick<Snapshot, 'kind' | 'memory' | 'vmState' | 'disks'>,
): Snapshot {
  return {
    id: request.name,
    name: request.name,
    description: request.description,
    parentId: vm.currentSnapshotId,
    createdAt: inventory.readAt,
    ...rest,
  };
}

/** Name and description as options of `snapshot-create-as`. virsh refuses an option whose value is empty. */
export function namingOptions({ name, description }: CreateRequest): string[] {
  return [`--name=${name}`, ...(description === '' ? [] : [`--description=${description}`])];
}

/** A name must be possible, and not taken. */
export function nameRefusals(request: CreateRequest, context: PlanContext): PlanNote[] {
  const { name } = request;
  const problem = checkSnapshotName(name);
  if (problem !== null) return [note('badName', problem)];
  return isNameTaken(request, context)
    ? [note('nameTaken', `${context.vm.name} already has a snapshot named "${name}".`, [name])]
    : [];
}

/** Whether a record of the VM has the name already. */
export function isNameTaken({ name }: CreateRequest, { vm }: PlanContext): boolean {
  return vm.snapshots.some((snapshot) => snapshot.name === name);
}

/** The active layers of these disks must be the same afterwards. */
export function activeLayersStay(disks: readonly Disk[]): Expectation[] {
  return disks.flatMap((disk): Expectation[] =>
    disk.imageId === null ? [] : [{ kind: 'activeLayer', target: disk.target, imageId: disk.imageId }],
  );
}
