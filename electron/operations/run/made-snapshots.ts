/** Which snapshots a step made, and which of its names are of somebody else. Pure. */
import type { Inventory, Snapshot } from '../../../shared/model/inventory.ts';
import type { MadeSnapshot } from '../../../shared/model/operation.ts';
import type { ChangeRequest, Plan, PlanStep } from '../../../shared/model/plan.ts';
import { oneLine } from '../host/one-line.ts';

/** The snapshots that a step of `plan` made, where it makes any. */
export function madeBy({ request, vmUuid }: Plan, step: PlanStep, inventory: Inventory): MadeSnapshot[] {
  const vm = inventory.vms.find(({ uuid }) => uuid === vmUuid);
  const names = namesMade(request, step);
  return (vm?.readable ? vm.snapshots : []).flatMap(({ id, createdAt }) =>
    createdAt !== null && names.includes(id) ? [{ snapshotId: id, createdAt }] : [],
  );
}

/**
 * Why a snapshot that has the name of the one that a step of `plan` was to make is not that one, in a sentence; null where
 * nothing speaks against it. A name alone says nothing where the command did not say how it ended: others make snapshots too.
 */
export function unlikePlanned(
  { request, vmUuid, vmName, after }: Plan,
  step: PlanStep,
  inventory: Inventory,
): string | null {
  const vm = inventory.vms.find(({ uuid }) => uuid === vmUuid);
  for (const name of namesMade(request, step)) {
    const planned = after.snapshots.find(({ id }) => id === name);
    const found = vm?.readable ? vm.snapshots.find(({ id }) => id === name) : undefined;
    const differences = planned && found ? differencesOf(planned, found) : [];
    if (differences.length > 0) {
      return `There is a snapshot “${oneLine(name)}” of ${oneLine(vmName)}, and it is not the one that was to be made: it has another ${differences.join(' and another ')}. Somebody else made it, so whether the step had any effect is not known.`;
    }
  }
  return null;
}

/** What a plan fixes of a snapshot, and its hypervisor keeps. Its time is the host's, and its state may change meanwhile. */
function differencesOf(planned: Snapshot, found: Snapshot): readonly string[] {
  return [
    ...(planned.description.trim() === found.description.trim() ? [] : ['description']),
    ...(planned.parentId === found.parentId ? [] : ['parent']),
    ...(kindsOf(planned) === kindsOf(found) ? [] : ['choice of disks']),
    ...(planned.memory.kind === found.memory.kind ? [] : ['kind of memory']),
  ];
}

function kindsOf({ disks }: Snapshot): string {
  const kinds = disks.filter(({ kind }) => kind !== 'none').map(({ target, kind }) => `${target} ${kind}`);
  return kinds.toSorted().join('\n');
}

function namesMade(request: ChangeRequest, { verify }: PlanStep): readonly string[] {
  const name = nameMade(request);
  return verify.flatMap((each) =>
    each.kind === 'snapshotExists' && each.snapshotId === name ? [each.snapshotId] : [],
  );
}

function nameMade(request: ChangeRequest): string | null {
  switch (request.action) {
    case 'createSnapshot':
      return request.name;
    case 'revertToSnapshot':
      return request.saveAs;
    case 'deleteSnapshot':
    case 'commitImages':
    case 'pullImages':
    case 'changePower':
    case 'cloneVm':
    case 'saveMemory':
    case 'restoreMemory':
    case 'discardMemory':
    case 'describeSnapshot':
    case 'renameSnapshot':
    case 'repairRecords':
    case 'defineRecords':
    case 'adoptSnapshot':
    case 'setAsideImage':
    case 'rebaseImage':
      return null;
  }
}
