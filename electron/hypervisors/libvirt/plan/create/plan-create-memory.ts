/** The memory of a running guest in a file of its own, as a part of an external snapshot. Pure. */
import type { Disk } from '../../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import type { Growth } from '../../../../../shared/rules/chains/image-growth.ts';
import { noMemoryRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { readableBytes } from '../../../../../shared/rules/text/units.ts';
import { isAtLeast } from '../../../../../shared/rules/text/version-numbers.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomsFor, roomWarnings, type RoomNeed } from '../../../planning/space.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { savedWhilePaused } from '../saved-while-paused.ts';

/**
 * A comma separates in a memspec and a diskspec; inside a file name it is doubled (virsh(1), snapshot-create-as). libvirt replaces
 * a file that is there, without a word (seen on 7.0, 9.0 and 11.3).
 */
export function memorySpec(file: string): string[] {
  return ['--memspec', `file=${file.replaceAll(',', ',,')},snapshot=external`];
}

/** libvirt itself takes memory with some of the disks only (seen on 7.0, 9.0 and 11.3). */
export function memoryRefusals(disks: readonly Disk[], context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  const left = writableDisks(vm.disks)
    .filter((disk) => !disks.includes(disk))
    .map(({ target }) => target);
  return [
    ...noMemoryRefusals(vm),
    ...savedPausedRefusals(context),
    ...(left.length === 0
      ? []
      : [
          note(
            'memoryNeedsEveryDisk',
            `What the guest has in memory fits the disks of the same moment only, and ${listed(left)} ${left.length === 1 ? 'is' : 'are'} left out: with newer data there the guest would destroy its file systems. Include every disk, or leave the memory out.`,
            left,
          ),
        ]),
  ];
}

/**
 * QEMU writes the memory of a guest that stands still once only, until it goes on. libvirt 9.0 and 11.3 say so and change nothing; 7.0
 * waits for ever, and the VM can be used again only when libvirt is started anew (seen there).
 */
export function savedPausedRefusals({ vm, inventory }: LibvirtContext): PlanNote[] {
  const snapshot = isAtLeast(inventory.hypervisor.version, '9.0') ? null : savedWhilePaused(vm);
  return snapshot === null
    ? []
    : [
        note(
          'memorySavedWhilePaused',
          `${vm.name} is paused, and was when its memory was saved for "${snapshot.name}". Where its guest has not gone on since, libvirt ${inventory.hypervisor.version ?? '(unknown version)'} waits for ever for it to be saved again, and nothing but a new start of libvirt ends that. Let the guest go on and save it while it runs, or leave the memory out.`,
          [snapshot.name],
        ),
      ];
}

/** For the memory of graphics cards (128 MiB of a QXL card) and the state of all other devices. */
const deviceBytes = 256 * 1024 ** 2;

/**
 * What the memory of a guest takes. At most: every page of 4 KiB with 8 bytes before it (QEMU, migration/ram.c), and its devices.
 * Likely: all of the memory. Pages that the guest never used are left out, but one that has run for a while has used nearly all
 * of them, for its cache of files, and how many it used is not known here.
 */
export function memoryGrowth({ memoryBytes }: LibvirtContext['vm']): Growth {
  if (memoryBytes === null) return { likelyBytes: null, atMostBytes: null };
  return { likelyBytes: memoryBytes, atMostBytes: Math.ceil(memoryBytes * (1 + 8 / 4096)) + deviceBytes };
}

export function memoryRoom(file: string, { vm }: LibvirtContext): RoomNeed {
  return { path: file, ...memoryGrowth(vm), guestBytes: 0 };
}

export function memoryWarnings(file: string, context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  return [
    ...(vm.hasNvram
      ? [
          note(
            'withoutNvram',
            'The file with the firmware variables (NVRAM) is not copied: whether boot entries and keys go back is not certain.',
          ),
        ]
      : []),
    ...memoryRoomWarnings(file, context),
  ];
}

export function memoryRoomWarnings(file: string, context: LibvirtContext): PlanNote[] {
  return roomWarnings(
    roomsFor(context, [memoryRoom(file, context)]),
    'littleSpace',
    (needed, free, where) =>
      `The memory may need up to ${needed}, but ${where} has ${free} free. Where it does not fit, it fills the storage until libvirt gives the snapshot up, and other VMs that need room there are stopped meanwhile; then the guest runs on. Make room first, or leave the memory out.`,
  );
}

/** The guest is stopped before the first page is written, and goes on when the overlays are in use (seen on 7.0, 9.0 and 11.3). */
export function memoryPause(file: string, { vm }: LibvirtContext): string {
  const amount = vm.memoryBytes === null ? 'its memory' : `its memory (up to ${readableBytes(vm.memoryBytes)})`;
  return `The guest stands still while ${amount} is written to ${file}: seconds to minutes, by how fast the storage is.${vm.state === 'paused' ? '' : ' It runs on then, and its network connections may have noticed.'}`;
}
