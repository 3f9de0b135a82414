/** What undoes an operation, where anything does. Pure. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';

/** Seconds by which the host's clock and ours may differ and the snapshot still counts as that operation's. */
const clockTolerance = 300;

/** The request that undoes `operation` on the host as it is now. Throws `operationNotResolvable` with the reason why not. */
export function undoRequest(operation: Operation, inventory: Inventory): ChangeRequest {
  const { plan, state, startedAt, endedAt } = operation;
  const no = (why: string): SnaptreeError =>
    new SnaptreeError('operationNotResolvable', `“${plan.title}” for the VM ${plan.vmName} cannot be undone: ${why}`);
  if (endedAt === null) throw no('it has not ended. Resume or forget it first.');
  if (state !== 'succeeded') {
    throw no(`it ended as ${state}. Look at the VM with “snaptree tree” and plan what is to become of it.`);
  }
  const { request } = plan;
  switch (request.action) {
    case 'revertToSnapshot':
      throw no(
        'a revert throws away what the VM was before it, and nothing keeps that. A snapshot that was taken before can be reverted to.',
      );
    case 'deleteSnapshot':
      throw no('what a deleted snapshot held is gone from the storage.');
    case 'createSnapshot': {
      const vm = inventory.vms.find(({ uuid }) => uuid === request.vmUuid);
      if (!vm?.readable) throw no('the VM is no longer there, or could not be read.');
      const snapshot = vm.snapshots.find(({ id }) => id === request.name);
      if (!snapshot) throw no(`its snapshot ${request.name} is no longer there.`);
      const { createdAt } = snapshot;
      if (createdAt === null || createdAt < startedAt - clockTolerance || createdAt > endedAt + clockTolerance) {
        throw no(
          `the snapshot that is named ${request.name} now was not made when this operation ran (or the clock of ${plan.hostName} is wrong). Use “snaptree plan delete” if it is the one you mean.`,
        );
      }
      return { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, withDescendants: false };
    }
  }
}
