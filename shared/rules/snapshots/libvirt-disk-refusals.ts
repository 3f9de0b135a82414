/**
 * Refusals of libvirt's plans that follow from the disks of a VM and their images: what cannot be part of a snapshot, and why.
 * Planning refuses by them, from a fresh reading; the window does not propose what they refuse.
 */
import type { Disk, ReadableVm } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { writableDisks } from '../inventory/disks.ts';
import { chainRefusals, corruptRefusals, type VmWithImages } from '../chains/image-refusals.ts';
import { note } from '../text/plan-note.ts';
import { isAtLeast } from '../text/version-numbers.ts';

/** Why disks can get no overlays. */
export function overlayRefusals(known: VmWithImages, disks: readonly Disk[]): PlanNote[] {
  return [
    ...chainRefusals(known, disks),
    ...corruptRefusals(known, disks),
    ...shareableRefusals(disks),
    ...transientDiskRefusals(known.vm, disks),
    ...encryptedOverlayRefusals(known, new Set(disks.map(({ target }) => target))),
  ];
}

/** Why the writable disks of a VM can hold no internal snapshot, which is one of all of them. */
export function internalDiskRefusals(known: VmWithImages, libvirtVersion: string | null): PlanNote[] {
  const { vm } = known;
  const disks = writableDisks(vm.disks);
  const targets = new Set(disks.map(({ target }) => target));
  return [
    ...chainRefusals(known, disks),
    ...corruptRefusals(known, disks),
    ...internalFormatRefusals(known, disks),
    ...floppyRefusals(vm),
    ...transientDiskRefusals(vm, disks),
    ...(vm.state === 'shutoff' ? everyDiskRefusals(vm, libvirtVersion, targets, 'Making it') : []),
    ...encryptionRefusals(known, targets, 'An internal snapshot'),
  ];
}

/** libvirt: "shared access for disk 'vdb' requires use of supported storage format", which an overlay is not (seen on 11.3). */
function shareableRefusals(disks: readonly Disk[]): PlanNote[] {
  return disks
    .filter(({ shareable }) => shareable)
    .map(({ target }) =>
      note(
        'shareable',
        `Disk ${target} is shared with other VMs (<shareable/>). An overlay would be seen by this VM alone, and libvirt refuses it. Leave the disk out.`,
        [target],
      ),
    );
}

/** Every disk that an internal snapshot would have to be in must be of a format that holds one. */
function diskFormatRefusals(vm: ReadableVm, disks: readonly Disk[]): PlanNote[] {
  if (disks.length === 0)
    return [note('noDisk', `${vm.name} has no writable disk that could hold an internal snapshot.`)];
  return disks
    .filter((disk) => disk.format !== 'qcow2')
    .map((disk) =>
      note(
        'formatWithoutSnapshots',
        `Disk ${disk.target} is ${disk.format ?? 'of an unknown format'}, which holds no internal snapshots. Every writable disk must be qcow2; an external snapshot is possible.`,
        [disk.target],
      ),
    );
}

/**
 * libvirt counts a floppy in and cannot be told to leave it out, but writes nothing into it while the VM is shut off:
 * the record then promises data that is not there (seen on 9.0). While the VM runs, a raw one makes QEMU refuse.
 */
function floppyRefusals(vm: ReadableVm): PlanNote[] {
  return vm.disks
    .filter((disk) => disk.device === 'floppy' && !disk.readOnly && disk.source !== null)
    .map((disk) =>
      note(
        'floppy',
        `In the drive ${disk.target} lies a floppy that can be written to (${disk.source ?? ''}). libvirt would record it as part of the snapshot without its data. Take it out first.`,
        [disk.target],
      ),
    );
}

/**
 * libvirt puts an overlay on such a disk while the VM runs, and removes it afterwards. It refuses snapshots of both kinds then
 * ("migration with transient disk is not supported", "block jobs are not supported on transient disk"; seen on 9.0).
 */
function transientDiskRefusals({ state }: ReadableVm, disks: readonly Disk[]): PlanNote[] {
  if (state === 'shutoff') return [];
  return disks
    .filter(({ transient }) => transient === true)
    .map(({ target }) =>
      note(
        'transientDisk',
        `What is written to disk ${target} is thrown away when the VM is shut off (<transient/>), and libvirt takes no snapshot of it while the VM runs.`,
        [target],
      ),
    );
}

function internalFormatRefusals({ vm, images }: VmWithImages, disks: readonly Disk[]): PlanNote[] {
  // QEMU (qcow2_snapshot_create) answers “Operation not supported”.
  const onDataFiles = disks.flatMap((disk): PlanNote[] => {
    const dataFile = disk.imageId === null ? undefined : images.get(disk.imageId)?.dataFile;
    if (!dataFile) return [];
    const message = `Disk ${disk.target} keeps its data in a file of its own (${dataFile.imageId ?? dataFile.reference}), and such an image holds no internal snapshots; an external snapshot is possible.`;
    return [note('formatWithoutSnapshots', message, [disk.target])];
  });
  return [...diskFormatRefusals(vm, disks), ...onDataFiles];
}

/**
 * Disks that an old libvirt changes along with a snapshot's own while the VM is shut off: nobody is told, and what else uses their
 * images reads other data. It makes, sets back and deletes internal snapshots in every disk (`device='disk'`) then, whatever the
 * record says of it: read-only and shared ones, and those left out, too. Seen on 7.0 and not on 9.0; which version between them
 * ended it was not looked for, so all before 9.0 count.
 *
 * @param targets the disks in which the snapshot is to be
 */
export function everyDiskRefusals(
  vm: ReadableVm,
  version: string | null,
  targets: ReadonlySet<string>,
  verb: string,
): PlanNote[] {
  if (isAtLeast(version, '9.0.0')) return [];
  return vm.disks
    .filter(({ target, device, source }) => device === 'disk' && source !== null && !targets.has(target))
    .map(({ target, source }) =>
      note(
        'diskTakenAlong',
        `libvirt ${version ?? '(unknown version)'} changes every disk of a VM that is shut off, also ${target} (${source ?? ''}), which is not to be part of the snapshot: ${verb} would change its image without a word. Detach that disk first, or do it while the VM runs.`,
        [target],
      ),
    );
}

function encryptedDisks({ vm, images }: VmWithImages, targets: ReadonlySet<string>): readonly Disk[] {
  return vm.disks.filter(
    ({ target, imageId, encryption }) =>
      targets.has(target) &&
      (encryption !== undefined || (imageId !== null && images.get(imageId)?.encryption !== undefined)),
  );
}

/**
 * libvirt hands no key to qemu-img, which it runs for the internal snapshots of VMs that are shut off: "Parameter
 * 'encrypt.key-secret' is required for cipher" (seen on 9.0).
 */
export function encryptionRefusals(known: VmWithImages, targets: ReadonlySet<string>, verb: string): PlanNote[] {
  if (known.vm.state !== 'shutoff') return [];
  return encryptedDisks(known, targets).map(({ target }) =>
    note(
      'encrypted',
      `${verb} needs the key of disk ${target}, which is encrypted, and libvirt does not give it to qemu-img while ${known.vm.name} is shut off.`,
      [target],
    ),
  );
}

/** libvirt makes the overlay and forgets the encryption below it: the VM does not start any more (seen on 9.0). */
export function encryptedOverlayRefusals(known: VmWithImages, targets: ReadonlySet<string>): PlanNote[] {
  return encryptedDisks(known, targets).map(({ target }) =>
    note(
      'encrypted',
      `Disk ${target} is encrypted. libvirt would make an overlay that is not, and the VM may not start on it any more. Leave the disk out.`,
      [target],
    ),
  );
}
