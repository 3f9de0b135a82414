/** What undoes an operation, where anything does. Pure. */
import { SnaptreeError } from '../../errors.ts';
import type { Inventory, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { Operation } from '../../model/operation.ts';
import type { ChangeRequest, PowerChange } from '../../model/plan.ts';
import { imagesById } from '../chains/chains.ts';
import { savedState } from './saved-state.ts';

/**
 * The request that undoes `operation` on the host as it is now. Throws `operationNotResolvable` with the reason why not.
 *
 * @param now for the name of what is saved before something is undone by going back
 */
export function undoRequest(operation: Operation, inventory: Inventory, now: Date): ChangeRequest {
  const { plan, state, endedAt } = operation;
  const no = (why: string): SnaptreeError =>
    new SnaptreeError('operationNotResolvable', `“${plan.title}” for the VM ${plan.vmName} cannot be undone: ${why}`);
  if (endedAt === null) throw no('it has not ended. Resume or forget it first.');
  const { request } = plan;
  // What was saved first is the way back wherever the rest of it ended.
  const hasSaved = request.action === 'revertToSnapshot' && (operation.made ?? []).length > 0;
  if (state !== 'succeeded' && !hasSaved) {
    throw no(`it ended as ${state}. Look at the VM with “snaptree tree” and plan what is to become of it.`);
  }
  switch (request.action) {
    case 'revertToSnapshot': {
      if (request.saveAs === null) {
        throw no(
          'the state before the revert was not saved first, and nothing else keeps it. A snapshot that was taken before can be reverted to.',
        );
      }
      const { vm, snapshot } = ownSnapshot(operation, request.saveAs, inventory, no, 'plan revert');
      const saved = savedState(snapshot, vm, imagesById(inventory.images), { now });
      return { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, ...saved };
    }
    case 'deleteSnapshot':
      throw no('what a deleted snapshot held is gone from the storage.');
    case 'commitImages':
    case 'pullImages':
      throw no('what was merged cannot be taken apart again.');
    case 'changePower':
      if (request.to === 'suspend') return { action: 'changePower', vmUuid: request.vmUuid, to: 'resume' };
      throw no(powerIsNotUndone(request.to));
    case 'cloneVm':
      throw no(
        `nothing of ${request.newVm.name} is known that was not written since. Remove that VM and its images by hand where nobody needs them.`,
      );
    case 'describeSnapshot':
      throw no(
        'what the description was before stands in the plan (“snaptree operations show”): describe it so again.',
      );
    case 'renameSnapshot':
      return {
        action: 'renameSnapshot',
        vmUuid: request.vmUuid,
        snapshotId: request.name,
        name: request.snapshotId,
      };
    case 'repairRecords':
      throw no(
        `what the records led to is gone. Copies of them are in ~/.local/state/snaptree/kept-records/${request.vmUuid} on the host: “snaptree plan repair --define” defines them again.`,
      );
    case 'defineRecords':
      throw no(
        'the records say what they said before. virsh snapshot-delete --metadata removes one alone, and no data; what is below comes first.',
      );
    case 'adoptSnapshot':
      throw no(
        `its record says what is on storage. Where you do not want it, virsh snapshot-delete --metadata removes the record of ${request.name} alone, and no data.`,
      );
    case 'setAsideImage':
      return { action: 'setAsideImage', vmUuid: request.vmUuid, imageId: request.to, to: request.imageId };
    case 'rebaseImage':
      throw no(
        'the command that takes it back stands in the plan (“snaptree operations show”). Once a guest wrote to the disk, it does not bring back what was.',
      );
    case 'saveMemory':
      return request.file === null
        ? { action: 'changePower', vmUuid: request.vmUuid, to: 'start' }
        : { action: 'restoreMemory', vmUuid: request.vmUuid, file: request.file };
    case 'restoreMemory':
      throw no('what its guest did since stays done.');
    case 'discardMemory':
      throw no('memory that was discarded is gone.');
    case 'createSnapshot': {
      const { vm, snapshot } = ownSnapshot(operation, request.name, inventory, no, 'plan delete');
      const later = vm.snapshots.filter(({ parentId }) => parentId === snapshot.id);
      if (later.length > 0) {
        throw no(
          `there are snapshots below it now: ${later.map(({ name }) => name).join(', ')}. ${ifMeant('plan delete')}`,
        );
      }
      return { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, withDescendants: false };
    }
  }
}

function powerIsNotUndone(to: Exclude<PowerChange, 'suspend'>): string {
  switch (to) {
    case 'start':
    case 'resume':
      return 'what its guest did since stays done. Shut the VM down, or pause it, if that is what you want.';
    case 'shutdown':
      return 'its guest has ended. Start the VM, and it boots anew.';
    case 'destroy':
      return 'what its guest had in memory is gone. Start the VM, and it boots anew.';
  }
}

/** The snapshot that the operation made. A name is used again; the time tells one snapshot from a later one. */
function ownSnapshot(
  operation: Operation,
  name: string,
  inventory: Inventory,
  no: (why: string) => SnaptreeError,
  command: string,
): { readonly vm: ReadableVm; readonly snapshot: Snapshot } {
  const vm = inventory.vms.find(({ uuid }) => uuid === operation.plan.vmUuid);
  if (!vm?.readable) throw no('the VM is no longer there, or could not be read.');
  const snapshot = vm.snapshots.find(({ id }) => id === name);
  if (!snapshot) throw no(`its snapshot ${name} is no longer there.`);
  const own = operation.made?.find(({ snapshotId }) => snapshotId === snapshot.id);
  if (!own) {
    throw no(
      `it is not known whether the snapshot that is named ${name} now is the one that it made. ${ifMeant(command)}`,
    );
  }
  if (snapshot.createdAt !== own.createdAt) {
    throw no(`the snapshot that is named ${name} now is another one, made at another time. ${ifMeant(command)}`);
  }
  return { vm, snapshot };
}

function ifMeant(command: string): string {
  return `Use “snaptree ${command}” if it is the one you mean.`;
}
