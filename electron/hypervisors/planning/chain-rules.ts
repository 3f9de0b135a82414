/** The chains of a VM's disks, and how these are after a change. */
import type { Disk } from '../../../shared/model/inventory.ts';
import type { DiskChain, Expectation } from '../../../shared/model/plan.ts';
import { chainOfDisk } from '../../../shared/rules/chains/chains.ts';
import type { PlanningContext } from './planning-context.ts';

/** The chain of a disk as ids, the active layer first. */
export function chainIds({ images }: PlanningContext, disk: Disk): readonly string[] {
  return chainOfDisk(disk, images)?.images.map(({ id }) => id) ?? [];
}

/** The chain of each disk as ids, with `replaced` giving new chains for some targets. */
export function chainsOf(
  context: PlanningContext,
  replaced: ReadonlyMap<string, readonly string[]> = new Map(),
): DiskChain[] {
  return context.vm.disks.flatMap((disk) =>
    disk.imageId === null
      ? []
      : [{ target: disk.target, imageIds: [...(replaced.get(disk.target) ?? chainIds(context, disk))] }],
  );
}

/** The active layers of these disks must be the same afterwards. */
export function activeLayersStay(disks: readonly Disk[]): Expectation[] {
  return disks.flatMap(({ target, imageId }): Expectation[] =>
    imageId === null ? [] : [{ kind: 'activeLayer', target, imageId }],
  );
}
