/** What a revert makes of things that the record of its snapshot needs and that are not there. */
import type { Obstacle, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { isAtLeast } from '../text/version-numbers.ts';

export interface RevertNeeds {
  readonly refusals: PlanNote[];
  readonly warnings: PlanNote[];
  /** A VM that runs is ended, so that all is to be looked for again just before. */
  readonly areLookedFor: boolean;
}

/**
 * Whether a running VM's snapshot is loaded into the QEMU process that runs. Its definition then stays as it is, and libvirt
 * refuses where the record has other devices ("revert requires force"; seen on 7.0). Since 7.10 a new process is started.
 */
export function revertsInPlace(libvirtVersion: string | null): boolean {
  return !isAtLeast(libvirtVersion, '7.10.0');
}

/**
 * Seen on libvirt 7.0, 9.0 and 11.3 with each thing that a definition can need (plan-revert-needs.integration.test.ts):
 *
 * | snapshot       | VM now   | what libvirt does where something is gone                                      |
 * |----------------|----------|--------------------------------------------------------------------------------|
 * | with memory    | runs     | ends the VM and fails; before 7.10 loads the memory into it and needs nothing  |
 * | with memory    | shut off | fails, without a change                                                        |
 * | without memory | runs     | ends the VM and sets the disks back; then it does not start                    |
 * |                |          | where a pool is gone, even of a drive: ends the VM and fails                   |
 * | without memory | shut off | sets the disks back (fails where a pool is gone); then it does not start       |
 *
 * What only the definition of the next start needs (`<inactiveDomain>`) is not looked for by any of them.
 *
 * @param version of libvirt; null where it is not known, and where nothing is loaded into the VM that runs: it is ended first
 */
export function revertNeeds(
  snapshot: Snapshot,
  vm: Pick<ReadableVm, 'name' | 'state'>,
  version: string | null,
): RevertNeeds {
  const obstacles = snapshot.revertObstacles ?? [];
  const runs = vm.state !== 'shutoff';
  const withMemory = snapshot.memory.kind !== 'none';
  const notes = (of: readonly Obstacle[], consequence: string): PlanNote[] =>
    of.map(({ path, message, remedy }) => ({
      code: 'revertObstacle',
      message: `${message} ${consequence} ${remedy}`,
      names: [path],
    }));
  // Of a version that is not known the worse counts.
  if (withMemory && runs && version !== null && revertsInPlace(version)) {
    const consequence = `libvirt ${version} loads the snapshot into the VM that runs and does not need it for that; once ${vm.name} is shut off, it may not start again without.`;
    return { refusals: [], warnings: notes(obstacles, consequence), areLookedFor: false };
  }
  if (withMemory) {
    const consequence = runs ? 'libvirt would end the VM that runs, and then fail.' : 'libvirt would fail to start it.';
    return { refusals: notes(obstacles, consequence), warnings: [], areLookedFor: runs };
  }
  const stops = obstacles.filter(({ stopsRevert }) => stopsRevert === true);
  const later = obstacles.filter(({ stopsRevert }) => stopsRevert !== true);
  const failing = notes(stops, runs ? 'libvirt would end the VM that runs, and then fail.' : 'libvirt would fail.');
  if (!runs) {
    const consequence = 'The disks go back, but the VM will not start until that is mended.';
    return { refusals: failing, warnings: notes(later, consequence), areLookedFor: false };
  }
  const consequence = `${vm.name}, which runs, would be ended, and would not start again until that is mended; shut off, it can go back all the same.`;
  return { refusals: [...failing, ...notes(later, consequence)], warnings: [], areLookedFor: true };
}
