/** Findings about memory of guests that was saved into files of its own. */
import type { ReadableVm } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { restorePointsOf } from '../snapshots/restore-points.ts';
import { readableBytes } from '../text/units.ts';
import { finding } from './findings-context.ts';
import type { FindingContext } from './findings-context.ts';

/** What libvirt itself keeps for the next start (a managed save) is said by the state of the VM. */
export function memoryFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return restorePointsOf(vm, context.images).flatMap(({ file, allocatedBytes, worn }): readonly Finding[] => {
    if (file === null) return [];
    const size = allocatedBytes === null ? '' : ` (${readableBytes(allocatedBytes)} on storage)`;
    return [
      finding(context, {
        code: 'memorySaved',
        severity: 'information',
        vm,
        path: file,
        message: `Memory of VM “${vm.name}” was saved in ${file}${size}. ${
          worn === null
            ? 'Its guest can go on from there as long as no disk is written to.'
            : worn === 'writtenSince'
              ? 'Its disks were written to since, so that its guest cannot go on from there.'
              : 'The VM runs and writes to its disks, so that its guest cannot go on from there.'
        } No snapshot record names the file.`,
        remedy:
          worn === null
            ? `Restore the VM from it where its guest is to go on from there (snaptree plan restore VM FILE): an ordinary start boots it from its disks, and makes the memory worth nothing.`
            : 'It is of use only together with the disks of that moment. Where nobody has a copy of these, nor a snapshot that lost its record, the file can be removed: it takes up room for nothing.',
      }),
    ];
  });
}
