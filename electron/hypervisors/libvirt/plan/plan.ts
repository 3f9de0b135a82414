/** From a request to a plan, for libvirt. Pure: nothing is read or run here. */
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { Inventory, ReadableVm, Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import type { PlanDraft } from '../../driver.ts';
import { planCreate } from './plan-create.ts';
import { planDelete } from './plan-delete.ts';
import { planRevert } from './plan-revert.ts';
import { chainsOf, planContext } from './plan-rules.ts';

/**
 * The plan for `request` on the host of `inventory`, whose VMs virsh reaches at `uri`. A refused plan has no steps and
 * leaves everything as it is. Throws `vmNotFound` and `vmUnreadable`.
 */
export function planLibvirt(uri: string, request: ChangeRequest, inventory: Inventory): PlanDraft {
  const vm = findVm(request.vmUuid, inventory);
  const context = planContext(uri, inventory, vm);
  const draft = ((): PlanDraft => {
    switch (request.action) {
      case 'createSnapshot':
        return planCreate(request, context);
      case 'revertToSnapshot':
        return planRevert(request, findSnapshot(request.snapshotId, vm), context);
      case 'deleteSnapshot':
        return planDelete(request, findSnapshot(request.snapshotId, vm), context);
    }
  })();
  if (draft.refusals.length === 0) return draft;
  return {
    ...draft,
    steps: [],
    // What to know before running it is of no use for a plan that is not run.
    warnings: [],
    expectedPause: null,
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
    },
  };
}

function findVm(uuid: string, inventory: Inventory): ReadableVm {
  const vm = inventory.vms.find((candidate) => candidate.uuid === uuid);
  if (!vm) {
    throw new SnaptreeError(
      'vmNotFound',
      `There is no VM with the UUID ${uuid} on ${inventory.hostName} any more. Nothing was changed.`,
    );
  }
  if (!vm.readable) {
    throw new SnaptreeError(
      'vmUnreadable',
      `The VM ${vm.name ?? uuid} on ${inventory.hostName} could not be read (${vm.reason}), so nothing can be planned for it. Nothing was changed.`,
    );
  }
  return vm;
}

function findSnapshot(id: string, vm: ReadableVm): Snapshot {
  const snapshot = vm.snapshots.find((candidate) => candidate.id === id);
  if (!snapshot) {
    throw new SnaptreeError('snapshotNotFound', `${vm.name} has no snapshot "${id}" any more. Nothing was changed.`);
  }
  return snapshot;
}
