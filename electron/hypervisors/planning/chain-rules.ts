/** Rules about the chains of a VM's disks, and how these are after a change. */
import type { Disk } from '../../../shared/model/inventory.ts';
import type { DiskChain, Expectation, PlanNote } from '../../../shared/model/plan.ts';
import { chainOfDisk } from '../../../shared/rules/chains.ts';
import { brokenChainOfDisk } from '../../../shared/rules/broken-chains.ts';
import { note } from './notes.ts';
import type { PlanningContext } from './planning-context.ts';

/** Every chain of the VM must be whole: a change on top of a broken one hides the damage and can add to it. */
export function chainRefusals({ images }: PlanningContext, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) => {
    // A plan is about disks that hold data: one without a source has nothing that could be kept.
    if (disk.imageId === null && disk.source === null) {
      return [
        note('diskEmpty', `Disk ${disk.target} has no source, so there is nothing of it that a snapshot could hold.`),
      ];
    }
    const broken = brokenChainOfDisk(disk, images);
    if (!broken) return [];
    return [note('chainBroken', `The chain of disk ${disk.target} ${broken.words} ${broken.remedy}`, [broken.at])];
  });
}

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
