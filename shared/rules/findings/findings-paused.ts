/** Findings about guests that stand still though nobody asked for it. */
import type { Inventory, ReadableVm } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { writableDisks } from '../inventory/disks.ts';
import { folderOf } from '../text/folders.ts';
import { readableBytes } from '../text/units.ts';
import { finding } from './findings-context.ts';
import type { FindingContext } from './findings-context.ts';
import { fileSystems } from './findings-storage.ts';

/**
 * By libvirt's words for why a VM is paused (virsh domstate --reason). QEMU pauses a guest whose write fails, and tries the same write
 * again when it goes on.
 */
export function pausedFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  if (vm.state !== 'paused') return [];
  if (vm.stateReason === 'I/O error') {
    const free = freeBelow(vm, context.inventory);
    return [
      finding(context, {
        code: 'pausedByError',
        severity: 'critical',
        vm,
        message: `VM “${vm.name}” stands still because writing to one of its disks failed, most often because the storage is full${free.length === 0 ? '' : ` (${free.join(', ')})`}.`,
        remedy:
          'virsh domblkerror tells which disk it is, and whether there was no space. Make room, then let it go on (“Resume…”, snaptree plan power VM resume): it writes the same again, and stops again where that fails. Nothing is lost as long as it is not forced off.',
      }),
    ];
  }
  if (vm.stateReason === 'crashed' || vm.stateReason === 'watchdog') {
    return [
      finding(context, {
        code: 'pausedByError',
        severity: 'critical',
        vm,
        message: `VM “${vm.name}” stands still because ${vm.stateReason === 'crashed' ? 'its guest has crashed' : 'its guest did not answer its watchdog'}.`,
        remedy:
          vm.stateReason === 'crashed'
            ? 'It cannot go on. Save its memory for whoever looks into that (virsh dump), then force it off and start it anew.'
            : 'Look at its console. Where it can go on, resume it; otherwise force it off and start it anew: what it has not written is lost then.',
      }),
    ];
  }
  return [];
}

/** How much is free where its disks are, each in half a sentence. */
export function freeBelow({ disks }: ReadableVm, { filesystems }: Pick<Inventory, 'filesystems'>): readonly string[] {
  const folders = new Set(writableDisks(disks).flatMap(({ imageId }) => (imageId === null ? [] : [folderOf(imageId)])));
  return fileSystems(filesystems)
    .filter((system) => system.folders.some((folder) => folders.has(folder)))
    .map(({ folders: [folder = ''], freeBytes }) => `${folder} has ${readableBytes(freeBytes)} free now`);
}
