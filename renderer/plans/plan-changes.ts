/** What a plan changes, as the review shows it: the tree before and after in one, and the chains that are not the same. */
import type { ChangeRequest, DiskChain, Plan } from '../../shared/model/plan.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { chainOfDisk } from '../../shared/rules/chains/chains.ts';
import { sumOf } from '../../shared/rules/text/units.ts';
import { imageIndex } from '../store/selectors.ts';

export interface PlannedTree {
  /** Every snapshot of before or after. */
  readonly snapshots: readonly Snapshot[];
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  /** The one that is the same under another name. */
  readonly renamed: string | null;
  /** The tree says something: snapshots come or go, or "you are here" moves. */
  readonly changes: boolean;
  readonly hereMoves: boolean;
}

/** The tree afterwards, with what goes still in it, where it was. */
export function plannedTree(before: ReadableVm, { request, after }: Plan): PlannedTree {
  const [from, to] = request.action === 'renameSnapshot' ? [request.snapshotId, request.name] : [null, null];
  const idsBefore = new Set(before.snapshots.map((snapshot) => snapshot.id));
  const idsAfter = new Set(after.snapshots.map((snapshot) => snapshot.id));
  const gone = before.snapshots.filter(({ id }) => !idsAfter.has(id) && id !== from);
  const added = new Set([...idsAfter].filter((id) => !idsBefore.has(id) && id !== to));
  const renamed = to !== null && idsAfter.has(to) ? to : null;
  const hereMoves = before.currentSnapshotId !== after.currentSnapshotId && after.currentSnapshotId !== to;
  return {
    snapshots: [...after.snapshots, ...gone],
    added,
    removed: new Set(gone.map((snapshot) => snapshot.id)),
    renamed,
    changes: added.size > 0 || gone.length > 0 || hereMoves || renamed !== null,
    hereMoves,
  };
}

/**
 * What becomes of an image of a chain. new: it was not in it. receives: it takes up what others hold. merged: what it holds goes
 * into another one. left: the chain no longer has it.
 */
export type ChainPart = 'stays' | 'new' | 'receives' | 'merged' | 'left';

export interface PlannedLayer {
  readonly imageId: string;
  readonly part: ChainPart;
  /** Removed from storage. */
  readonly deleted: boolean;
  /** On storage now; null: not known, or not there yet. */
  readonly bytes: number | null;
  /** By how much it grows at most; 0: not at all. Null: not known. */
  readonly growthBytes: number | null;
}

export interface PlannedChain extends DiskChain {
  readonly changed: boolean;
  /** Every image of before or after, from the active layer down; what goes stands where it was. */
  readonly layers: readonly PlannedLayer[];
}

/** The chains of the VM that a plan makes. */
export function newVmChains({ after }: Plan, inventory: Inventory): readonly PlannedChain[] {
  const images = imageIndex(inventory.images);
  return (after.newVm?.chains ?? []).map((chain) => ({
    ...chain,
    changed: true,
    layers: chain.imageIds.map((imageId, index) => ({
      imageId,
      part: index === 0 ? 'new' : 'stays',
      deleted: false,
      bytes: images.get(imageId)?.allocatedBytes ?? null,
      growthBytes: 0,
    })),
  }));
}

/** The chains afterwards, compared with those of the inventory. */
export function plannedChains(before: ReadableVm, inventory: Inventory, plan: Plan): readonly PlannedChain[] {
  const images = imageIndex(inventory.images);
  return plan.after.chains.map((chain) => {
    const disk = before.disks.find(({ target }) => target === chain.target);
    const present = disk ? chainOfDisk(disk, images) : null;
    const idsBefore = present?.images.map((image) => image.id) ?? [];
    return {
      ...chain,
      changed: idsBefore.join('\n') !== chain.imageIds.join('\n'),
      layers: plannedLayers(idsBefore, chain.imageIds, images, plan),
    };
  });
}

function plannedLayers(
  before: readonly string[],
  after: readonly string[],
  images: ReadonlyMap<string, Image>,
  plan: Plan,
): readonly PlannedLayer[] {
  const deleted = new Set(plan.steps.flatMap((step) => step.deletes));
  const receivers = receiversOf(before, after, plan);
  const merged = new Set([...receivers.values()].flat());
  const bytesOf = (imageId: string) => images.get(imageId)?.allocatedBytes ?? null;
  const layer = (imageId: string, part: ChainPart): PlannedLayer => ({
    imageId,
    part,
    deleted: deleted.has(imageId),
    bytes: bytesOf(imageId),
    growthBytes: sumOf((receivers.get(imageId) ?? []).map(bytesOf)),
  });
  const gone = (ids: readonly string[]) => ids.map((id) => layer(id, merged.has(id) ? 'merged' : 'left'));
  const layers: PlannedLayer[] = [];
  let next = 0;
  for (const id of after) {
    const at = before.indexOf(id, next);
    if (at < 0) {
      layers.push(layer(id, 'new'));
      continue;
    }
    layers.push(...gone(before.slice(next, at)), layer(id, receivers.has(id) ? 'receives' : 'stays'));
    next = at + 1;
  }
  return [...layers, ...gone(before.slice(next))];
}

/** By which images take others up. */
const mergingActions: ReadonlySet<ChangeRequest['action']> = new Set(['deleteSnapshot', 'commitImages', 'pullImages']);

/** Which image takes up which others: by a pull the active layer, by a commit the one below. */
function receiversOf(
  before: readonly string[],
  after: readonly string[],
  { request, steps }: Plan,
): ReadonlyMap<string, readonly string[]> {
  const receivers = new Map<string, readonly string[]>();
  if (!mergingActions.has(request.action)) return receivers;
  const written = new Set(steps.flatMap((step) => step.writes));
  let run: string[] = [];
  let above: string | undefined;
  const end = (below: string | undefined) => {
    const receiver = request.action === 'pullImages' ? above : below;
    if (run.length > 0 && receiver !== undefined && written.has(receiver)) receivers.set(receiver, run);
    run = [];
    above = below;
  };
  for (const id of before) {
    if (after.includes(id)) end(id);
    else run.push(id);
  }
  end(undefined);
  return receivers;
}
