/** What is wrong with a VM, as far as its disks and their chains show it. */
import type { HypervisorKind, Image, Problem, ReadableVm } from '../../model/inventory.ts';
import { brokenDisksOf } from '../chains/broken-chains.ts';
import { jobsOf } from '../inventory/jobs.ts';
import { lackedBySnapshots, namesOf, severityOfObstacles } from '../snapshots/snapshot-lacks.ts';
import { startRefusals } from '../chains/start-refusals.ts';

/**
 * Everything that an administrator should know to be wrong with a VM: what reading it found, broken chains, what keeps it from
 * starting, and jobs.
 */
export function vmProblems(
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  hypervisor: HypervisorKind,
): readonly Problem[] {
  const chains = brokenDisksOf(vm, images).map(({ disk, words, isMedium }): Problem => ({
    severity: isMedium ? 'warning' : 'error',
    message: `The chain of disk ${disk.target} ${words}`,
  }));
  const starts = [...startRefusals(vm, images, hypervisor), ...(vm.startObstacles ?? [])].map(
    ({ message, remedy }): Problem => ({ severity: 'error', message: `${message} ${remedy}` }),
  );
  const jobs = jobsOf(vm).map(({ message }): Problem => ({ severity: 'warning', message }));
  const lacks = lackedBySnapshots(vm).map(({ obstacle, snapshots }): Problem => ({
    severity: severityOfObstacles(snapshots),
    message: `${namesOf(snapshots)}: ${obstacle.message} ${obstacle.remedy}`,
  }));
  return [...chains, ...starts, ...lacks, ...jobs, ...vm.problems];
}

/** The graver of what is there; null for no problems. */
export function worstOf(problems: readonly Problem[]): Problem['severity'] | null {
  if (problems.length === 0) return null;
  return problems.some((problem) => problem.severity === 'error') ? 'error' : 'warning';
}
