/** What a plan changes, as the review shows it: the tree before and after in one, and the chains that are not the same. */
import type { DiskChain, Plan } from '../../shared/model/plan.ts';
import type { Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { chainOfDisk, imagesById } from '../../shared/rules/chains.ts';

export interface PlannedTree {
  /** Every snapshot of before or after. */
  readonly snapshots: readonly Snapshot[];
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  /** The tree says something: snapshots come or go, or "you are here" moves. */
  readonly changes: boolean;
  readonly hereMoves: boolean;
}

/** The tree afterwards, with what goes still in it, where it was. */
export function plannedTree(before: ReadableVm, plan: Plan): PlannedTree {
  const idsBefore = new Set(before.snapshots.map((snapshot) => snapshot.id));
  const idsAfter = new Set(plan.after.snapshots.map((snapshot) => snapshot.id));
  const gone = before.snapshots.filter((snapshot) => !idsAfter.has(snapshot.id));
  const added = new Set([...idsAfter].filter((id) => !idsBefore.has(id)));
  const hereMoves = before.currentSnapshotId !== plan.after.currentSnapshotId;
  return {
    snapshots: [...plan.after.snapshots, ...gone],
    added,
    removed: new Set(gone.map((snapshot) => snapshot.id)),
    changes: added.size > 0 || gone.length > 0 || hereMoves,
    hereMoves,
  };
}

export interface PlannedChain extends DiskChain {
  readonly changed: boolean;
  /** Images that were not in the chain before. */
  readonly added: ReadonlySet<string>;
}

/** The chains afterwards, compared with those of the inventory. */
export function plannedChains(before: ReadableVm, inventory: Inventory, plan: Plan): readonly PlannedChain[] {
  const images = imagesById(inventory.images);
  return plan.after.chains.map((chain) => {
    const disk = before.disks.find(({ target }) => target === chain.target);
    const present = disk ? chainOfDisk(disk, images) : null;
    const idsBefore = present?.images.map((image) => image.id) ?? [];
    return {
      ...chain,
      changed: idsBefore.join('\n') !== chain.imageIds.join('\n'),
      added: new Set(chain.imageIds.filter((id) => !idsBefore.includes(id))),
    };
  });
}
