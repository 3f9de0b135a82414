/**
 * Refusals of libvirt's plans that follow from a VM, a snapshot and versions, and that no fresh reading is likely to take back.
 * Planning refuses by them; the window says them before anybody asks for a plan. Refusals about dependents are not here: the plan
 * judges them, from a fresh reading, and says more.
 */
import type { Capability, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { firstOf } from '../text/first-of.ts';
import { writableDisks } from '../inventory/disks.ts';
import { type VmWithImages } from '../chains/image-refusals.ts';
import { note } from '../text/plan-note.ts';
import { internalDiskRefusals, overlayRefusals } from './libvirt-disk-refusals.ts';
import { revertNeeds, type RevertNeeds } from './revert-needs.ts';

/** What refusals ask about the host. */
export interface LibvirtAbilities {
  /** For the sentence; null where it is not known. */
  readonly version: string | null;
  readonly can: (id: Capability['id']) => boolean;
}

/** States in which libvirt changes a VM's snapshots at all. */
export function stateRefusals({ name, state }: Pick<ReadableVm, 'name' | 'state'>): PlanNote[] {
  switch (state) {
    case 'running':
    case 'idle':
    case 'paused':
    case 'shutoff':
      return [];
    case 'shutting-down':
      return [note('vmState', `${name} is shutting down. Wait until it is shut off, then try again.`)];
    case 'suspended':
      return [
        note(
          'vmState',
          `${name} sleeps (power management). libvirt takes no snapshot of a sleeping VM: wake it first.`,
        ),
      ];
    case 'crashed':
      return [note('vmState', `${name} has crashed. Shut it off first, so that its disks are not in use.`)];
    case 'unknown':
      return [note('vmState', `The state of ${name} could not be told. Read the host again before changing anything.`)];
  }
}

/**
 * Internal snapshots of VMs with UEFI firmware can be made since 10.9. A store in qcow2 is then part of them as a disk is,
 * without being listed as one: whoever shares it, and what bears the name in it, is not judged here yet (seen on 11.3: a
 * clone's store was set back, and another snapshot's data in it deleted).
 */
function createFirmwareRefusals(vm: ReadableVm, { version, can }: LibvirtAbilities): PlanNote[] {
  if (!vm.hasNvram) return [];
  if (can('createInternalWithNvram')) {
    if (vm.nvramFormat !== 'qcow2') return [];
    return [
      note(
        'firmware',
        `${vm.name} keeps the variables of its firmware in qcow2, and libvirt makes them part of every internal snapshot. Snaptree does not look after them yet; an external snapshot is possible.`,
      ),
    ];
  }
  return [
    note(
      'firmware',
      `${vm.name} has UEFI firmware with its own variable store. libvirt ${version ?? '(unknown version)'} takes no internal snapshot of it; 10.9 is the first that does.`,
    ),
  ];
}

/** Reverting to them came with 10.10. */
function revertFirmwareRefusals(vm: ReadableVm, { version, can }: LibvirtAbilities): PlanNote[] {
  if (!vm.hasNvram || can('internalWithNvram')) return [];
  return [
    note(
      'firmware',
      `${vm.name} has UEFI firmware with its own variable store; libvirt ${version ?? '(unknown version)'} cannot revert it (10.10 is the first that can).`,
    ),
  ];
}

function revertKindRefusals(snapshot: Snapshot, vm: ReadableVm): PlanNote[] {
  if (snapshot.kind === 'internal') return [];
  return [
    note(
      'notBuiltYet',
      snapshot.kind === 'external'
        ? `Where the memory of "${snapshot.name}" of ${vm.name} is, is not known, or it is inside of an image. Snaptree does not revert to such snapshots.`
        : `"${snapshot.name}" of ${vm.name} is not an internal or external snapshot alone. Snaptree does not revert to such snapshots yet.`,
    ),
  ];
}

/** Why a VM cannot go back to an external snapshot. */
export function revertExternalRefusals(snapshot: Snapshot, vm: ReadableVm): PlanNote[] {
  return [
    ...recordRefusals(snapshot, vm, 'Going back to it could leave the VM without some of its disks.'),
    ...(snapshot.memory.kind === 'none' || snapshot.memory.kind === 'external' ? [] : revertKindRefusals(snapshot, vm)),
    ...stateRefusals(vm),
    ...transientOverlayRefusals(vm),
    ...managedSaveRefusals(
      vm,
      `The memory of ${vm.name} was saved. Resumed on top of other disks it would destroy their file systems.`,
    ),
    ...(vm.hasCheckpoints === true
      ? [
          note(
            'dirtyBitmaps',
            `${vm.name} has checkpoints, from which incremental backups are made, and their bitmaps lie in the images that it would leave. Delete the checkpoints with the backup program first; its next backup is a full one.`,
          ),
        ]
      : []),
  ];
}

export function deleteKindRefusals(snapshot: Snapshot): PlanNote[] {
  if (snapshot.kind === 'internal' || snapshot.kind === 'external') return [];
  return [
    note(
      'notBuiltYet',
      snapshot.kind === 'mixed'
        ? `"${snapshot.name}" is internal on some disks and external on others. Snaptree does not delete such snapshots yet, and libvirt before 11.0 wipes images when it does.`
        : `Of what kind the snapshot "${snapshot.name}" is is not known, so it is not deleted.`,
      [snapshot.name],
    ),
  ];
}

/** Those inside of images first: the deletion of external ones is a merge, which would take them away with their images. */
export function mixedKindRefusals(doomed: readonly Snapshot[]): PlanNote[] {
  const internal = doomed.filter(({ kind }) => kind === 'internal').map(({ name }) => `"${name}"`);
  return internal.length === 0 || internal.length === doomed.length
    ? []
    : [
        note(
          'wouldDestroySnapshots',
          `Of what would go ${firstOf(internal)} ${internal.length === 1 ? 'is an internal snapshot' : 'are internal snapshots'}, and the deletion of the others is a merge of images, which would take ${internal.length === 1 ? 'it' : 'them'} away. Delete the internal ${internal.length === 1 ? 'one' : 'ones'} first.`,
          internal,
        ),
      ];
}

/** Why no internal snapshot can be taken of a VM. Empty: as far as it is known here, one can. */
export function createInternalRefusals(known: VmWithImages, abilities: LibvirtAbilities): PlanNote[] {
  return [
    ...stateRefusals(known.vm),
    ...createFirmwareRefusals(known.vm, abilities),
    ...internalDiskRefusals(known, abilities.version),
  ];
}

/**
 * libvirt keeps neither the records nor the chain of a VM that it does not define. Whoever starts it anew does so from a
 * definition of their own, which names the image below the overlay: what was written since is left out, and spoiled by the
 * first write (seen on 9.0).
 */
export function transientOverlayRefusals({ name, persistent }: ReadableVm): PlanNote[] {
  return persistent
    ? []
    : [
        note(
          'transient',
          `${name} exists only as long as it runs. Its next start would be from the image below the overlay, without what was written since, and spoil it. Define it first (virsh dumpxml, virsh define).`,
        ),
      ];
}

/** Why no external snapshot can be taken of a VM, whatever its disks are. */
function externalVmRefusals(vm: ReadableVm): PlanNote[] {
  return [
    ...stateRefusals(vm),
    ...transientOverlayRefusals(vm),
    ...savedImagesRefusals(vm),
    ...(writableDisks(vm.disks).length === 0
      ? [note('noDisk', `${vm.name} has no writable disk that could get an overlay.`)]
      : []),
  ];
}

/** Why no external snapshot can be taken of a VM, whichever of its disks are chosen. */
export function createExternalRefusals(known: VmWithImages): PlanNote[] {
  const { vm } = known;
  const obstacles = writableDisks(vm.disks).map((disk) => overlayRefusals(known, [disk]));
  return [...externalVmRefusals(vm), ...(obstacles.every((each) => each.length > 0) ? obstacles.flat() : [])];
}

export function noMemoryRefusals({ name, state }: Pick<ReadableVm, 'name' | 'state'>): PlanNote[] {
  return state === 'shutoff'
    ? [note('noMemory', `${name} is shut off, so there is no memory to save. Take the snapshot of its disks only.`)]
    : [];
}

/** Why the memory cannot be saved as well: it fits the disks of the same moment only, so that every one needs an overlay. */
export function createMemoryRefusals(known: VmWithImages): PlanNote[] {
  const { vm } = known;
  return [...noMemoryRefusals(vm), ...externalVmRefusals(vm), ...overlayRefusals(known, writableDisks(vm.disks))];
}

/** Of a snapshot whose record is not whole nobody can say what a change of it does. `harm`: what it could do, in a sentence. */
function recordRefusals({ name, unknownPart }: Snapshot, vm: ReadableVm, harm: string): PlanNote[] {
  return unknownPart === undefined
    ? []
    : [
        note(
          'recordIncomplete',
          `Not all of the snapshot "${name}" of ${vm.name} is known: ${unknownPart} ${harm} Look at its record (virsh snapshot-dumpxml) and at what lies on storage.`,
          [name],
        ),
      ];
}

/** A VM whose memory was saved is only seemingly shut off: `harm` says what resuming it after the change would do. */
function managedSaveRefusals({ hasManagedSave }: ReadableVm, harm: string): PlanNote[] {
  return hasManagedSave
    ? [
        note(
          'managedSave',
          `${harm} Start the VM and shut it down, then try again. (To discard its saved memory, virsh managedsave-remove, is to pull its plug: what the guest had not written is lost.)`,
        ),
      ]
    : [];
}

/** A saved memory names the images of its time (seen on 9.0). */
export function savedImagesRefusals(vm: ReadableVm): PlanNote[] {
  return managedSaveRefusals(
    vm,
    `The memory of ${vm.name} was saved, together with the images that it uses. Resumed, it would write to the present images and not to the new overlays, and change the snapshot's data.`,
  );
}

function revertTransientRefusals({ name, memory }: Snapshot, vm: ReadableVm): PlanNote[] {
  return !vm.persistent && memory.kind === 'none'
    ? [
        note(
          'transient',
          `${vm.name} exists only as long as it runs, and "${name}" would shut it off: the VM's definition would be gone.`,
        ),
      ]
    : [];
}

/**
 * QEMU loads no internal snapshot into an image with dirty bitmaps ("Device has active dirty bitmaps"): a VM that runs is
 * ended first and then not started again, and of several disks those before have gone back already (seen on 9.0).
 * A checkpoint is such a bitmap, which is not in the image before the VM ends.
 *
 * @param what what has bitmaps, as the beginning of a sentence
 */
export function bitmapsRefusal(what: string, names: readonly string[] = []): PlanNote {
  return note(
    'dirtyBitmaps',
    `${what}. QEMU refuses to go back to an internal snapshot then, after the VM was ended. Delete the checkpoints with the backup program first; its next backup is a full one.`,
    names,
  );
}

/** @param needs where a VM that runs is ended first, not those of a revert by this libvirt's version alone */
export function revertRefusals(
  snapshot: Snapshot,
  vm: ReadableVm,
  abilities: LibvirtAbilities,
  needs: Pick<RevertNeeds, 'refusals'> = revertNeeds(snapshot, vm, abilities.version),
): PlanNote[] {
  if (snapshot.kind === 'external') return revertExternalRefusals(snapshot, vm);
  return [
    ...recordRefusals(snapshot, vm, 'Going back to it could leave the VM without some of its disks.'),
    ...revertKindRefusals(snapshot, vm),
    ...stateRefusals(vm),
    ...needs.refusals,
    ...revertFirmwareRefusals(vm, abilities),
    // Reverting keeps the saved memory, also where the snapshot has memory of its own (seen on 9.0): the next start resumes it.
    ...managedSaveRefusals(
      vm,
      `The memory of ${vm.name} was saved. Resumed on top of other disks it would destroy their file systems.`,
    ),
    ...revertTransientRefusals(snapshot, vm),
    ...(vm.hasCheckpoints === true
      ? [bitmapsRefusal(`${vm.name} has checkpoints, from which incremental backups are made`)]
      : []),
  ];
}

/** @param doomed the snapshots that would go */
export function deleteRefusals(doomed: readonly Snapshot[], vm: ReadableVm): PlanNote[] {
  return [
    ...stateRefusals(vm),
    ...doomed.flatMap((one) => deleteRecordRefusals(one, vm)),
    ...doomed.flatMap(deleteKindRefusals),
    ...mixedKindRefusals(doomed),
  ];
}

export function deleteRecordRefusals(snapshot: Snapshot, vm: ReadableVm): PlanNote[] {
  return recordRefusals(snapshot, vm, 'Which images deleting it would change is not known either.');
}

/** What speaks against any merge of a VM's images. */
export function mergeVmRefusals(vm: ReadableVm): PlanNote[] {
  return [
    ...stateRefusals(vm),
    ...(vm.hasManagedSave
      ? [
          note(
            'managedSave',
            `The memory of ${vm.name} was saved, together with the names of the images that it uses: it could not be resumed on other ones. Start the VM and shut it down, then try again.`,
          ),
        ]
      : []),
    ...(vm.hasCheckpoints === true
      ? [
          note(
            'dirtyBitmaps',
            `${vm.name} has checkpoints, from which incremental backups are made. Their bitmaps lie in the images that would be merged. Delete the checkpoints with the backup program first; its next backup is a full one.`,
          ),
        ]
      : []),
  ];
}
