/** Plans for internal snapshots: qcow2's own, with memory where the VM runs. */
import type { Disk, Image } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanNote } from '../../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { fullBytes } from '../../../../../shared/rules/chains/image-growth.ts';
import { readableBytes } from '../../../../../shared/rules/text/units.ts';
import { roomForSnapshot } from '../../../../images/qcow2/snapshot-room.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { dependentRefusals, unknownDependentWarnings } from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { roomsFor, roomWarnings } from '../../../planning/space.ts';
import { treeWithNew } from '../../../planning/tree-afterwards.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { abilitiesOf } from '../../capabilities.ts';
import { createInternalRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { memoryGrowth } from './plan-create-memory.ts';
import { isNameTaken, nameRefusals, namingOptions, type CreateRequest } from './plan-create-rules.ts';
import { monitorNameRefusals, nextStartWarnings, sameNameRefusals, virsh, type LibvirtContext } from '../plan-rules.ts';

/** The plan for an internal snapshot of every writable disk, with memory where the VM runs. */
export function planInternal(request: CreateRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const disks = writableDisks(vm.disks);
  const imageIds = disks.flatMap((disk) => (disk.imageId === null ? [] : [disk.imageId]));
  const live = vm.state !== 'shutoff';
  const refusals = [
    ...nameRefusals(request, context),
    ...monitorNameRefusals(context, request.name),
    // Where a record has the name, what lies in the images is that record's data and no further reason.
    ...(isNameTaken(request, context) ? [] : sameNameRefusals(context, request.name, [], 'A new one')),
    ...createInternalRefusals(context, abilitiesOf(context.inventory.hypervisor.version)),
    ...dependentRefusals(context, imageIds, 'Reverting to an internal snapshot'),
  ];
  const memoryText = vm.memoryBytes === null ? 'its memory' : `up to ${readableBytes(vm.memoryBytes)} of memory`;
  const rooms = roomsFor(
    context,
    imageIds.map((path, index) => {
      const image = context.images.get(path);
      const memory = live && index === 0 ? memoryGrowth(vm) : { likelyBytes: 0, atMostBytes: 0 };
      const room = (bytes: number | null) => (image && bytes !== null ? roomForSnapshot(image, bytes) : bytes);
      return {
        path,
        likelyBytes: room(memory.likelyBytes),
        atMostBytes: room(memory.atMostBytes),
        guestBytes: image ? overwrittenBytes(image) : null,
      };
    }),
  );
  const verify: Expectation[] = [
    { kind: 'snapshotExists', snapshotId: request.name },
    { kind: 'currentSnapshot', snapshotId: request.name },
    ...imageIds.map((imageId): Expectation => ({
      kind: 'internalSnapshot',
      imageId,
      name: request.name,
      present: true,
    })),
    ...activeLayersStay(disks),
  ];
  return {
    vmName: vm.name,
    title: `Create the internal snapshot "${request.name}" of ${vm.name}`,
    refusals,
    warnings: [
      ...nextStartWarnings(context),
      ...managedSaveWarnings(context),
      ...transientWarnings(context),
      // libvirt refuses it itself while the VM runs (seen on 11.3).
      ...(vm.hasNvram
        ? [
            note(
              'withoutNvram',
              'The firmware variables (NVRAM) are not part of the snapshot, unless they are kept in qcow2: boot entries and keys do not go back with it.',
            ),
          ]
        : []),
      ...overlayWarnings(context, disks),
      ...numberWarnings(context, disks),
      ...roomWarnings(
        rooms,
        'littleSpace',
        (needed, free, where) =>
          `The snapshot may need up to ${needed}, but ${where} has ${free} free. A guest whose storage is full stops with an error.`,
      ),
      ...unknownDependentWarnings(context, imageIds),
    ],
    rooms,
    expectedPause: live
      ? `The guest stands still while ${memoryText} is written into ${imageIds[0] ?? 'its first disk'}.`
      : null,
    steps: [
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      {
        title: live ? 'Write memory and disk state into the images' : 'Write disk state into the images',
        argv: virsh(
          context,
          'snapshot-create-as',
          ...namingOptions(request),
          // A disk may carry another default (`<disk snapshot='no'>` in the definition), so each one is named.
          ...disks.flatMap((disk) => ['--diskspec', `${disk.target},snapshot=internal`]),
        ),
        reads: [],
        writes: imageIds,
        creates: [],
        invalidates: [],
        deletes: [],
        verify,
        ...plainStep,
      },
    ],
    after: {
      vmState: vm.state,
      ...treeWithNew(request, context, {
        kind: 'internal',
        memory: live ? { kind: 'internal' } : { kind: 'none' },
        vmState: live ? (vm.state === 'paused' ? 'paused' : 'running') : 'shutoff',
        disks: disks.map((disk) => ({
          target: disk.target,
          kind: 'internal',
          dataImageId: disk.imageId,
          overlayImageId: null,
        })),
      }),
      chains: chainsOf(context),
    },
  };
}

/** What the snapshot keeps is written once more as the guest writes over it. The rest would be new without it, too. */
function overwrittenBytes(image: Image): number | null {
  const full = fullBytes(image);
  return full === null ? image.allocatedBytes : Math.min(image.allocatedBytes ?? full, full);
}

/** The number that a new snapshot gets in an image: one more than the highest (QEMU, block/qcow2-snapshot.c, find_new_snapshot_id). */
export function numberOfNext({ internalSnapshots }: Pick<Image, 'internalSnapshots'>): number {
  return Math.max(0, ...internalSnapshots.map(({ id }) => (/^\d+$/.test(id) ? Number(id) : 0))) + 1;
}

/** A snapshot whose name is the number of another can no longer be reverted to: qemu-img takes the number (see numberRefusals). */
function numberWarnings(context: LibvirtContext, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap(({ target, imageId }): PlanNote[] => {
    const image = imageId === null ? undefined : context.images.get(imageId);
    const number = image ? String(numberOfNext(image)) : null;
    if (!image || number === null || !image.internalSnapshots.some(({ name }) => name === number)) return [];
    return [
      note(
        'takesNumber',
        `In ${image.id} (disk ${target}) the new snapshot gets the number ${number}, which is the name of another snapshot: qemu-img takes a number before a name, so that the one named "${number}" cannot be reverted to as long as the new one exists.`,
        [number],
      ),
    ];
  });
}

/** libvirt forgets the records of such a VM when it ends; the data stays in the images. */
function transientWarnings({ vm }: LibvirtContext): PlanNote[] {
  return vm.persistent
    ? []
    : [
        note(
          'transient',
          `${vm.name} exists only as long as it runs, and so does the record of the snapshot: afterwards its data is in the images, and only qemu-img reaches it. Define the VM (virsh dumpxml, virsh define) to keep both.`,
        ),
      ];
}

/** A VM with a managed save is only seemingly shut off. */
function managedSaveWarnings({ vm }: LibvirtContext): PlanNote[] {
  return vm.hasManagedSave
    ? [
        note(
          'managedSave',
          `${vm.name} is not simply shut off: its memory was saved and waits to be resumed. The snapshot holds the disks only, as after a power cut; the saved memory is not part of it.`,
        ),
      ]
    : [];
}

/** libvirt destroys internal snapshots that live in an overlay when the external snapshot is deleted: say so early. */
function overlayWarnings(context: LibvirtContext, disks: readonly Disk[]): PlanNote[] {
  const overlays = new Set(
    context.vm.snapshots.flatMap((snapshot) => snapshot.disks.map((disk) => disk.overlayImageId)),
  );
  const inOverlay = disks.filter((disk) => disk.imageId !== null && overlays.has(disk.imageId));
  return inOverlay.length === 0
    ? []
    : [
        note(
          'insideOverlay',
          `The snapshot will live inside the overlay of an external snapshot (${listed(inOverlay.map((disk) => disk.imageId ?? disk.target))}). That external snapshot cannot be deleted as long as this one exists.`,
        ),
      ];
}
