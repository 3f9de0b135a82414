/**
 * What a new VM is made from, and why it cannot be, as far as that follows from the VM, the snapshot and their images. Planning refuses
 * by these rules, from a fresh reading; the window does not propose what they refuse. Pure.
 */
import type { Disk, Image, InternalSnapshot, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../model/plan.ts';
import {
  chainRefusals,
  corruptRefusals,
  definedChainRefusals,
  otherPathRefusals,
  type VmWithImages,
} from '../chains/image-refusals.ts';
import { otherAtNextStart } from '../chains/next-start.ts';
import { isForMedia, writableDisks } from '../inventory/disks.ts';
import { note } from '../text/plan-note.ts';
import { utf8Length } from '../text/units.ts';
import { isOneLine } from '../text/one-line.ts';
import { dataIn } from './snapshot-data.ts';

export type CloneKind = Extract<ChangeRequest, { action: 'cloneVm' }>['kind'];

/** A disk of the old VM, and where the data is that the new one begins with. */
export interface ClonedDisk {
  readonly disk: Disk;
  readonly image: Image;
  /** Inside of the image; null: what is read through it. */
  readonly internal: InternalSnapshot | null;
}

/** Every disk that the new VM has for itself, as far as its data is known. */
export function clonedDisks({ vm, images }: VmWithImages, snapshot: Snapshot | null): readonly ClonedDisk[] {
  return writableDisks(vm.disks).flatMap((disk): readonly ClonedDisk[] => {
    const held = snapshot?.disks.find(({ target }) => target === disk.target);
    const imageId =
      snapshot === null ? disk.imageId : held === undefined || held.kind === 'none' ? null : held.dataImageId;
    const image = imageId === null ? undefined : images.get(imageId);
    if (!image) return [];
    if (snapshot === null || held?.kind !== 'internal') return [{ disk, image, internal: null }];
    const data = dataIn(snapshot, image);
    return data.kind === 'own' ? [{ disk, image, internal: data.internal }] : [];
  });
}

/** The disk as it would be if the VM used the data that is cloned. */
export function asSource({ disk, image }: ClonedDisk): Disk {
  if (disk.imageId === image.id) return disk;
  const { openedAs: _, definedChain: _defined, ...rest } = disk;
  return { ...rest, imageId: image.id, source: image.id };
}

/** Why no VM of this kind can be made of the present state (null) or a snapshot. */
export function cloneRefusals(known: VmWithImages, snapshot: Snapshot | null, kind: CloneKind): PlanNote[] {
  const { vm } = known;
  const cloned = clonedDisks(known, snapshot);
  const sources = cloned.map(asSource);
  return [
    ...(snapshot === null ? presentRefusals(vm) : snapshotRefusals(snapshot, known, kind)),
    ...diskRefusals(known, snapshot, cloned),
    ...chainRefusals(known, sources),
    ...corruptRefusals(known, sources),
    ...definedChainRefusals(known, sources),
    ...otherPathRefusals(known, cloned, 'the new VM'),
    // The definition that the new VM gets is that of the next start.
    ...otherAtNextStart(vm).map(({ imageId, message }) => note('nextStartDiffers', message, [imageId])),
  ];
}

function presentRefusals({ name, state, hasManagedSave }: ReadableVm): PlanNote[] {
  if (state !== 'shutoff') {
    return [
      note(
        'vmState',
        `${name} is ${state}: its disks change while they would be read, and no new VM can be made of that. Shut it off, or take an external snapshot and make the new VM from that.`,
      ),
    ];
  }
  return hasManagedSave
    ? [
        note(
          'managedSave',
          `The memory of ${name} was saved, and its disks are in the middle of what it does: a VM made of them would find them as after a power cut. Start ${name} and shut it down, then try again.`,
        ),
      ]
    : [];
}

function snapshotRefusals(snapshot: Snapshot, known: VmWithImages, kind: CloneKind): PlanNote[] {
  const { name, unknownPart } = snapshot;
  const { vm } = known;
  if (unknownPart !== undefined) {
    return [
      note('recordIncomplete', `Not all of the snapshot "${name}" of ${vm.name} is known: ${unknownPart}`, [name]),
    ];
  }
  switch (snapshot.kind) {
    case 'external':
      return [];
    case 'internal':
      if (kind === 'thin') {
        return [
          note(
            'internalData',
            `"${name}" is inside of the images of ${vm.name}, and no overlay can hang on that. Make a full clone of it.`,
            [name],
          ),
        ];
      }
      return vm.state === 'shutoff'
        ? []
        : [
            note(
              'vmState',
              `"${name}" is inside of images that ${vm.name} has open (it is ${vm.state}), and nobody else may read it there. Shut ${vm.name} off first.`,
              [name],
            ),
          ];
    default:
      return [
        note(
          'snapshotKind',
          `"${name}" of ${vm.name} is not an internal or external snapshot alone. Snaptree makes no VM of such a snapshot.`,
          [name],
        ),
      ];
  }
}

function diskRefusals(known: VmWithImages, snapshot: Snapshot | null, cloned: readonly ClonedDisk[]): PlanNote[] {
  const { vm } = known;
  const writable = writableDisks(vm.disks);
  const found = new Map(cloned.map((each) => [each.disk.target, each]));
  const none =
    writable.length === 0 ? [note('noDisk', `${vm.name} has no writable disk that a new VM could begin with.`)] : [];
  return [
    ...none,
    ...writable.flatMap((disk) => {
      const { target } = disk;
      const source = found.get(target);
      if (!source) return [dataRefusal(disk, snapshot, vm)];
      const { image } = source;
      if (disk.shareable) {
        const message = `Disk ${target} is shared with other VMs (<shareable/>): the new VM would write to it as well, or have a copy that the others do not see. Snaptree does not clone such disks.`;
        return [note('shareable', message, [target])];
      }
      if (disk.encryption !== undefined || image.encryption !== undefined) {
        const message = `Disk ${target} is encrypted, and only libvirt has its key. Snaptree does not clone such disks.`;
        return [note('encrypted', message, [target])];
      }
      if (image.kind === 'network') {
        const message = `${image.id} (disk ${target}) is not on a file system or a volume of the host.`;
        return [note('imageKind', message, [image.id])];
      }
      const users = vm.disks.filter(({ imageId }) => imageId === image.id);
      return snapshot?.kind === 'external' && users.length > 0
        ? [
            note(
              'dataInUse',
              `${image.id} is what disk ${users[0]?.target ?? target} writes to now, so it does not hold what "${snapshot.name}" was any more.`,
              [image.id],
            ),
          ]
        : [];
    }),
    ...vm.disks
      .filter((disk) => disk.device === 'floppy' && !disk.readOnly && disk.source !== null)
      .map(({ target, source }) =>
        note(
          'floppy',
          `In the drive ${target} lies a floppy that can be written to (${source ?? ''}), and both VMs would write to it. Take it out first.`,
          [target],
        ),
      ),
    ...(snapshot?.disks ?? [])
      .filter(({ kind, target }) => kind !== 'none' && !writable.some((disk) => disk.target === target))
      .filter(({ target }) => !vm.disks.some((disk) => disk.target === target && (disk.readOnly || isForMedia(disk))))
      .map(({ target }) =>
        note(
          'diskNotThere',
          `Disk ${target}, which "${snapshot?.name ?? ''}" holds, is no disk of ${vm.name} now, and the new VM gets the devices that ${vm.name} has now. Attach it first.`,
          [target],
        ),
      ),
  ];
}

function dataRefusal({ target, source, imageId }: Disk, snapshot: Snapshot | null, { name }: ReadableVm): PlanNote {
  if (snapshot === null) {
    const message =
      source === null
        ? `Disk ${target} has no source, so there is nothing of it to clone.`
        : `Which image ${source} (disk ${target}) is could not be found out${imageId === null ? '' : ` (${imageId})`}.`;
    return note('imageUnknown', message, [target]);
  }
  const held = snapshot.disks.find((disk) => disk.target === target);
  if (held === undefined || held.kind === 'none') {
    return note(
      'partial',
      `"${snapshot.name}" does not hold disk ${target} of ${name}, so that the new VM would have its disks of different times. Make it from a snapshot of all disks.`,
      [target],
    );
  }
  return note(
    'dataLost',
    `What "${snapshot.name}" holds of disk ${target} is not where its record says${held.dataImageId === null ? '' : ` (${held.dataImageId})`}, or it is not the same any more.`,
    [target],
  );
}

/** The longest name, in bytes of UTF-8: libvirt keeps files `NAME.xml` and such with longer endings, of 255 bytes at most. */
const maximumNameBytes = 200;

/** Why `name` cannot be the name of a new VM, as a sentence; null where it can. */
export function checkVmName(name: string): string | null {
  if (name.trim() === '') return 'Give the new VM a name.';
  if (name !== name.trim()) return 'A VM name must not begin or end with a space.';
  if (!isOneLine(name) || !name.isWellFormed()) {
    return 'A VM name must be one line without control characters.';
  }
  if (name.includes('/')) return 'A VM name must not contain "/": libvirt refuses it.';
  if (/^\.{1,2}$/.test(name)) return 'A VM cannot be called “.” or “..”: libvirt keeps files of that name.';
  if (/^\d+$/.test(name))
    return 'A VM name must not be a number: virsh takes it for the number of a running VM. Add a word.';
  const bytes = utf8Length(name);
  return bytes > maximumNameBytes ? `The name is ${bytes} bytes long; at most ${maximumNameBytes} are possible.` : null;
}

/** A name for a VM that is made of `vm`: `web-2`, or the first such that no VM of the host has. */
export function proposedVmName(vm: Pick<ReadableVm, 'name'>, vms: readonly { readonly name: string | null }[]): string {
  const taken = new Set(vms.map(({ name }) => name));
  for (let number = 2; ; number += 1) if (!taken.has(`${vm.name}-${number}`)) return `${vm.name}-${number}`;
}
