/** What the dialog for merges holds: for each disk, whether it takes part and which images are chosen. Pure. */
import type { Image, Inventory, ReadableVm, Snapshot } from '../../../shared/model/inventory.ts';
import type { Dependents } from '../../../shared/rules/chains/chains.ts';
import { dependenceOf } from '../../../shared/rules/chains/layer-dependence.ts';
import {
  mergeableDisks,
  mergedImages,
  proposeMerge,
  receivingImage,
  type MergeableDisk,
  type MergeChoice,
  type MergeDirection,
} from '../../../shared/rules/snapshots/merge-proposals.ts';
import { sumOf } from '../../../shared/rules/text/units.ts';
import { imageIndex } from '../../store/selectors.ts';

export interface LayerChoice {
  readonly image: Image;
  /** Who else needs the image as it is, in words; empty where nobody is known to. */
  readonly neededBy: readonly string[];
  /** Names of the VM's snapshots whose data of the disk is in it. */
  readonly snapshots: readonly string[];
}

export interface DiskChoice {
  readonly disk: MergeableDisk;
  readonly layers: readonly LayerChoice[];
  readonly included: boolean;
  readonly choice: MergeChoice;
}

/** What is asked for to begin with. */
export interface MergeStart {
  readonly direction: MergeDirection;
  /** Null: the present state. */
  readonly snapshot: Snapshot | null;
  /** The other end of what is selected; null: the present state. */
  readonly youngest: Snapshot | null;
  /** Only this disk; null: every disk for which there is a proposal. */
  readonly target: string | null;
}

export function startingChoices(
  { direction, snapshot, youngest, target }: MergeStart,
  vm: ReadableVm,
  inventory: Inventory,
  dependents: ReadonlyMap<string, Dependents>,
): readonly DiskChoice[] {
  return mergeableDisks(vm, imageIndex(inventory.images)).map((disk) => {
    const layers = disk.layers.map((image): LayerChoice => ({
      image,
      neededBy: neededByOthers(image.id, disk.layers, vm, inventory, dependents),
      snapshots: vm.snapshots
        .filter((each) => each.disks.some((held) => held.target === disk.target && held.dataImageId === image.id))
        .map(({ name }) => name),
    }));
    const isFree = (image: Image) => layers.every((layer) => layer.image !== image || layer.neededBy.length === 0);
    const proposed = proposeMerge(direction, disk, snapshot, isFree, youngest);
    return {
      disk,
      layers,
      included: proposed !== null && (target === null || target === disk.target),
      choice: proposed ?? proposeMerge(direction, disk, null, isFree) ?? { top: 0, base: 1 },
    };
  });
}

/** Who needs an image besides the chain itself and the VM that has it. */
function neededByOthers(
  imageId: string,
  layers: readonly Image[],
  vm: ReadableVm,
  inventory: Inventory,
  dependents: ReadonlyMap<string, Dependents>,
): readonly string[] {
  const { others, inOtherChains, ofNoVm, possible, unknown } = dependenceOf(imageId, layers, vm, inventory, dependents);
  return [...new Set([...others, ...inOtherChains, ...ofNoVm, ...possible, ...unknown])];
}

/** The choice with another uppermost image: what it goes into stays below it. */
export function withTop({ base }: MergeChoice, top: number): MergeChoice {
  return { top, base: Math.max(base, top + 1) };
}

/** The choice with another image to merge into, or to hang on: what is merged stays above it. */
export function withBase({ top }: MergeChoice, base: number): MergeChoice {
  return { top: Math.min(top, base - 1), base };
}

/** What a layer is to the merge that is chosen. */
export type LayerPart = 'untouched' | 'merged' | 'receives';

export function partOf(direction: MergeDirection, { top, base }: MergeChoice, index: number): LayerPart {
  if (index >= top && index < base) return 'merged';
  return index === (direction === 'down' ? base : 0) ? 'receives' : 'untouched';
}

/** What the chosen merges will do, as far as it can be told before a plan. */
export interface MergeExtent {
  readonly imageCount: number;
  /** At most: less where the images hold the same places. Null: a size is not known. */
  readonly bytes: number | null;
  readonly receiving: readonly Image[];
}

export function extentOf(direction: MergeDirection, chosen: readonly DiskChoice[]): MergeExtent {
  const merged = chosen.flatMap(({ disk, choice }) => mergedImages(disk, choice));
  return {
    imageCount: merged.length,
    bytes: sumOf(merged.map(({ allocatedBytes }) => allocatedBytes)),
    receiving: chosen.flatMap(({ disk, choice }) => receivingImage(direction, disk, choice) ?? []),
  };
}
