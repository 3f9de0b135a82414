/** What is wrong with a VM, as far as its disks and their chains show it. */
import type { Disk, Image, Problem, ReadableVm } from '../model/inventory.ts';
import { chainOfDisk } from './chains.ts';
import { jobsOf } from './jobs.ts';

/** Why the chain of a disk cannot be relied on. `at` is the image or reference where it breaks. */
export interface ChainProblem {
  readonly message: string;
  readonly at: string;
}

/** What is wrong with the chain of `disk`; null where it is whole. An empty drive has nothing wrong. */
export function chainProblem(disk: Disk, images: ReadonlyMap<string, Image>): ChainProblem | null {
  const chain = chainOfDisk(disk, images);
  if (disk.imageId === null || !chain) {
    if (disk.source === null) return null;
    const message = `The image of disk ${disk.target} (${disk.source}) could not be found, so nothing can be said of its data.`;
    return { message, at: disk.source };
  }
  const at = chain.endReference ?? disk.imageId;
  switch (chain.end) {
    case 'base':
      return null;
    case 'missing':
      return { message: `The chain of disk ${disk.target} is broken: ${at} is missing.`, at };
    case 'unreadable': {
      const reason = images.get(at)?.problem ?? 'no reason given';
      return { message: `The chain of disk ${disk.target} could not be read: ${at}: ${reason}`, at };
    }
    case 'unresolved':
      return { message: `The chain of disk ${disk.target} leads to ${at}, which could not be followed.`, at };
    case 'loop':
      return { message: `The chain of disk ${disk.target} runs in a circle: it comes back to ${at}.`, at };
  }
}

/** Everything that an administrator should know to be wrong with a VM: what reading it found, broken chains, and jobs. */
export function vmProblems(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly Problem[] {
  const chains = vm.disks.flatMap((disk): Problem[] => {
    const problem = chainProblem(disk, images);
    return problem ? [{ severity: 'error', message: problem.message }] : [];
  });
  const jobs = jobsOf(vm).map(({ message }): Problem => ({ severity: 'warning', message }));
  const obstacles = [...(vm.startObstacles ?? []), ...vm.snapshots.flatMap((each) => each.revertObstacles ?? [])];
  return [
    ...chains,
    ...obstacles.map(({ message, remedy }): Problem => ({ severity: 'error', message: `${message} ${remedy}` })),
    ...jobs,
    ...vm.problems,
  ];
}
