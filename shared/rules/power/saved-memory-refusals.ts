/** Why the memory of a guest cannot be saved, gone on from, or given up, as far as it follows from what was read of its VM. */
import type { ReadableVm } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { note } from '../text/plan-note.ts';
import { startObstacleNotes, transientRefusals, type VmOnHost } from './power-refusals.ts';

/** For a managed save and for one to a file alike. */
export function saveRefusals(vm: ReadableVm): PlanNote[] {
  const state = stateAgainstSave(vm);
  const thrown = vm.disks.filter(({ transient }) => transient === true).map(({ target }) => target);
  return [
    ...(state === null ? [] : [note('vmState', state)]),
    ...transientRefusals(vm),
    // What is thrown away when the VM ends is what the guest in the memory has on its disk.
    ...(thrown.length === 0
      ? []
      : [
          note(
            'transientDisk',
            `What ${vm.name} wrote to ${thrown.join(', ')} is thrown away when it ends (<transient/>), and its memory would not fit that disk any more.`,
            thrown,
          ),
        ]),
  ];
}

function stateAgainstSave({ name, state }: ReadableVm): string | null {
  switch (state) {
    case 'running':
    case 'idle':
    case 'paused':
      return null;
    case 'shutoff':
      return `${name} is shut off, so there is no memory to save.`;
    case 'shutting-down':
      return `${name} is shutting down. Wait until it is shut off.`;
    case 'suspended':
      return `${name} sleeps (power management). Wake it first (virsh dompmwakeup).`;
    case 'crashed':
      return `${name} has crashed: its guest could not go on from its memory. Force it off.`;
    case 'unknown':
      return `The state of ${name} could not be told. Read the host again before changing anything.`;
  }
}

/** To go on from a file. */
export function restoreRefusals(known: VmOnHost): PlanNote[] {
  const { vm } = known;
  return [
    ...(vm.state === 'shutoff'
      ? []
      : [
          note(
            'vmState',
            `${vm.name} is not shut off. Shut it down, or save its memory, before it goes on from another.`,
          ),
        ]),
    // libvirt keeps the definition of a VM that it restores only where it has one.
    ...(vm.persistent ? [] : transientRefusals(vm)),
    ...(vm.hasManagedSave
      ? [
          note(
            'managedSave',
            `The memory of ${vm.name} was saved by libvirt as well, and its next start would go on from that, on disks that this guest has written to. Start it from that memory, or discard it first.`,
          ),
        ]
      : []),
    ...(vm.state === 'shutoff' ? startObstacleNotes(known) : []),
  ];
}

export function discardRefusals({ name, hasManagedSave }: ReadableVm): PlanNote[] {
  return hasManagedSave ? [] : [note('noManagedSave', `There is no memory of ${name} that libvirt saved.`)];
}
