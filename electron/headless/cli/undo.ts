/** What undoes an operation, where anything does. Pure. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';

/** The request that undoes `operation` on the host as it is now. Throws `operationNotResolvable` with the reason why not. */
export function undoRequest(operation: Operation, inventory: Inventory): ChangeRequest {
  const { plan, state, endedAt } = operation;
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
      // A name is used again; the time tells one snapshot from a later one. What is not known to be its own stays.
      const own = operation.made?.find(({ snapshotId }) => snapshotId === snapshot.id);
      const ifMeant = 'Use “snaptree plan delete” if it is the one you mean.';
      if (!own)
        throw no(
          `it is not known whether the snapshot that is named ${request.name} now is the one that it made. ${ifMeant}`,
        );
      if (snapshot.createdAt !== own.createdAt) {
        throw no(`the snapshot that is named ${request.name} now is another one, made at another time. ${ifMeant}`);
      }
      const later = vm.snapshots.filter(({ parentId }) => parentId === snapshot.id);
      if (later.length > 0) {
        throw no(`there are snapshots below it now: ${later.map(({ name }) => name).join(', ')}. ${ifMeant}`);
      }
      return { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, withDescendants: false };
    }
  }
}
