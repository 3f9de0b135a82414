/** What every driver plans from: an inventory with the indexes that the rules need, made once a plan. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../../shared/model/inventory.ts';
import { dependentsIndex, imagesById, type Dependents } from '../../../shared/rules/chains/chains.ts';

export interface PlanningContext {
  readonly inventory: Inventory;
  readonly vm: ReadableVm;
  readonly images: ReadonlyMap<string, Image>;
  readonly dependents: ReadonlyMap<string, Dependents>;
}

/** The context of a plan for the VM with `vmUuid`. Throws `vmNotFound` and `vmUnreadable`. */
export function planningContext(inventory: Inventory, vmUuid: string): PlanningContext {
  const vm = inventory.vms.find((candidate) => candidate.uuid === vmUuid);
  if (!vm) {
    throw new SnaptreeError(
      'vmNotFound',
      `There is no VM with the UUID ${vmUuid} on ${inventory.hostName} any more. Nothing was changed.`,
    );
  }
  if (!vm.readable) {
    throw new SnaptreeError(
      'vmUnreadable',
      `The VM ${vm.name ?? vmUuid} on ${inventory.hostName} could not be read (${vm.reason}), so nothing can be planned for it. Nothing was changed.`,
    );
  }
  return { inventory, vm, images: imagesById(inventory.images), dependents: dependentsIndex(inventory) };
}

/** The snapshot of the VM that a request names. Throws `snapshotNotFound`. */
export function plannedSnapshot({ vm }: PlanningContext, id: string): Snapshot {
  const snapshot = vm.snapshots.find((candidate) => candidate.id === id);
  if (!snapshot) {
    throw new SnaptreeError('snapshotNotFound', `${vm.name} has no snapshot "${id}" any more. Nothing was changed.`);
  }
  return snapshot;
}
