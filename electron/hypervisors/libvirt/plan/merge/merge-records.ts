/** What becomes of the records of snapshots when images are committed. Pure. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation, Plan } from '../../../../../shared/model/plan.ts';
import { memoryFilesIn } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import { treeWithout } from '../../../planning/tree-afterwards.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import type { Replacement } from './record-script.ts';
import { begunRecords } from './begun-plan.ts';
import { idsOf, isRangeMerged, type Layer, type MergeRange } from './merge-ranges.ts';

/**
 * The snapshots whose data a commit changes: it is the image that is written to, or one that is merged into that and had others of
 * the range above it. What the uppermost of the range holds is in the base afterwards, as it was; and what is written to an image
 * leaves the internal snapshots in it what they are.
 */
export function spoiledSnapshots(range: MergeRange, context: LibvirtContext): readonly Snapshot[] {
  const { merged, base } = range;
  const { vm } = context;
  if (isRangeMerged(range, context)) {
    // What names the base now is what was moved there.
    const names = begunRecords(range, context)?.names ?? [];
    return vm.snapshots.filter(({ name }) => names.includes(name));
  }
  const changed = new Set([...idsOf(merged.slice(1)), ...(base ? [base.image.id] : [])]);
  return vm.snapshots.filter(({ disks }) =>
    disks.some(({ kind, dataImageId }) => kind !== 'internal' && dataImageId !== null && changed.has(dataImageId)),
  );
}

/**
 * The memory files of these snapshots, which nothing can be done with any more. Not those that another snapshot names, as where a
 * script always names the same file: they hold its memory; nor what is an image.
 */
export function memoryFilesToGo(snapshots: readonly Snapshot[], { inventory }: LibvirtContext): readonly string[] {
  const others = inventory.vms
    .flatMap((vm) => (vm.readable ? vm.snapshots : []))
    .filter((snapshot) => !snapshots.includes(snapshot));
  const needed = new Set([
    ...memoryFilesIn(others),
    ...inventory.images.flatMap(({ id, otherPaths }) => [id, ...otherPaths]),
  ]);
  return memoryFilesIn(snapshots).filter((file) => !needed.has(file));
}

/** Which image takes the place of the merged ones: of a commit the base, of a pull the one above. */
type Taker = 'base' | 'above';

/** That image of each range in the place of all that is merged. */
export function replacementsOf(ranges: readonly MergeRange[], taker: Taker): readonly Replacement[] {
  return ranges.flatMap((range) => {
    const layer = range[taker];
    return layer === null ? [] : range.merged.flatMap((each) => replacementsBy(layer, each, taker));
  });
}

/** One image in the place of another, by whatever path that is named. What stands above another image is an overlay. */
export function replacementsBy({ image, path }: Layer, replaced: Layer, taker: Taker = 'base'): readonly Replacement[] {
  const format = image.format ?? (taker === 'base' ? 'raw' : 'qcow2');
  const isBlock = image.kind === 'block';
  return [...new Set([replaced.image.id, replaced.path])].map((from) => ({ from, to: path, format, isBlock }));
}

/** The VM's snapshots after merges: without those that are gone, and the others with what took the place of merged images. */
export function treeAfterMerge(
  ranges: readonly MergeRange[],
  taker: Taker,
  gone: readonly Snapshot[],
  context: LibvirtContext,
): Pick<Plan['after'], 'snapshots' | 'currentSnapshotId'> {
  const tree = treeWithout(new Set(gone.map(({ id }) => id)), context);
  const inPlaceOf = takersById(ranges, taker);
  const moved = (imageId: string | null) => (imageId === null ? null : (inPlaceOf.get(imageId) ?? imageId));
  return {
    ...tree,
    snapshots: tree.snapshots.map((snapshot) => ({
      ...snapshot,
      disks: snapshot.disks.map((disk) => ({
        ...disk,
        dataImageId: moved(disk.dataImageId),
        overlayImageId: moved(disk.overlayImageId),
      })),
    })),
  };
}

function takersById(ranges: readonly MergeRange[], taker: Taker): ReadonlyMap<string, string> {
  return new Map(
    ranges.flatMap((range) => {
      const layer = range[taker];
      return layer === null ? [] : idsOf(range.merged).map((id) => [id, layer.image.id] as const);
    }),
  );
}

/** What records say of the data of snapshots, for those whose data is in another image than before. */
export function movedDataExpectations(
  ranges: readonly MergeRange[],
  spoiled: readonly Snapshot[],
  { vm }: LibvirtContext,
): Expectation[] {
  const inPlaceOf = takersById(ranges, 'base');
  return vm.snapshots
    .filter((snapshot) => !spoiled.includes(snapshot))
    .flatMap(({ id, disks }) =>
      disks.flatMap(({ target, dataImageId }): Expectation[] => {
        const base = dataImageId === null ? undefined : inPlaceOf.get(dataImageId);
        return base === undefined ? [] : [{ kind: 'snapshotData', snapshotId: id, target, dataImageId: base }];
      }),
    );
}
