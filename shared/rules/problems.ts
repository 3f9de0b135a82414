/** What is wrong with a VM, as far as its disks and their chains show it. */
import type { Image, Problem, ReadableVm } from '../model/inventory.ts';
import { brokenDisksOf } from './broken-chains.ts';
import { jobsOf } from './jobs.ts';

/** Everything that an administrator should know to be wrong with a VM: what reading it found, broken chains, and jobs. */
export function vmProblems(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly Problem[] {
  const chains = brokenDisksOf(vm, images).map(({ disk, words, isMedium }): Problem => ({
    severity: isMedium ? 'warning' : 'error',
    message: `The chain of disk ${disk.target} ${words}`,
  }));
  const jobs = jobsOf(vm).map(({ message }): Problem => ({ severity: 'warning', message }));
  const obstacles = [...(vm.startObstacles ?? []), ...vm.snapshots.flatMap((each) => each.revertObstacles ?? [])];
  return [
    ...chains,
    ...obstacles.map(({ message, remedy }): Problem => ({ severity: 'error', message: `${message} ${remedy}` })),
    ...jobs,
    ...vm.problems,
  ];
}
