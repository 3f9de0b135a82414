/** Which images of a VM can be chosen for a merge, and what is proposed before anybody chooses. Pure. */
import type { Image, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { ChangeRequest } from '../../model/plan.ts';
import { chainOfDisk } from '../chains/chains.ts';
import { writableDisks } from '../inventory/disks.ts';
import { sumOf } from '../text/units.ts';

/** down: into an image below (commit). up: into the active layer (pull). */
export type MergeDirection = 'down' | 'up';

/** The whole chain of a disk that has images to merge. */
export interface MergeableDisk {
  readonly target: string;
  /** From the active layer (first) to the base; at least two. */
  readonly layers: readonly Image[];
}

/** Positions in `layers`. */
export interface MergeChoice {
  /** The uppermost image that is merged. Up: always the one below the active layer. */
  readonly top: number;
  /** What stays below the merged ones; `layers.length`: nothing does, so that the active layer stands alone. Only up. */
  readonly base: number;
}

/** The disks that a guest writes to and whose chains are whole and longer than one image. */
export function mergeableDisks(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly MergeableDisk[] {
  return writableDisks(vm.disks).flatMap((disk) => {
    const chain = chainOfDisk(disk, images);
    return chain?.end === 'base' && chain.images.length > 1 ? [{ target: disk.target, layers: chain.images }] : [];
  });
}

/**
 * Everything since the snapshot, as far as its data is in the chain in use; without a snapshot, as much as nobody else needs.
 * Null: the disk's chain does not hold the snapshot, or nothing lies between the two.
 *
 * @param isFree whether nobody but the disk needs an image
 * @param youngest down: the other end, whose data is the uppermost that is merged; null: the active layer is
 */
export function proposeMerge(
  direction: MergeDirection,
  { target, layers }: MergeableDisk,
  snapshot: Snapshot | null,
  isFree: (image: Image) => boolean,
  youngest: Snapshot | null = null,
): MergeChoice | null {
  if (snapshot === null) return direction === 'up' ? flattened(layers) : { top: 0, base: deepestFree(layers, isFree) };
  const placeOf = ({ disks }: Snapshot) => {
    const dataImageId = disks.find((disk) => disk.target === target)?.dataImageId ?? null;
    return layers.findIndex(({ id }) => id === dataImageId);
  };
  const at = placeOf(snapshot);
  if (at < 0) return null;
  if (youngest !== null && direction === 'down') {
    const top = placeOf(youngest);
    return top < 0 || top >= at ? null : { top, base: at };
  }
  if (direction === 'down') return at === 0 ? { top: 0, base: 1 } : { top: 0, base: at };
  return at < 2 ? flattened(layers) : { top: 1, base: at };
}

const flattened = (layers: readonly Image[]): MergeChoice => ({ top: 1, base: layers.length });

function deepestFree(layers: readonly Image[], isFree: (image: Image) => boolean): number {
  const needed = layers.findIndex((image, index) => index > 0 && !isFree(image));
  return Math.max(1, needed < 0 ? layers.length - 1 : needed - 1);
}

/** What a deletion of an external snapshot copies at most, by its direction, in bytes; null where a size is not known. */
export interface DeletionCosts {
  readonly down: number | null;
  readonly up: number | null;
}

/**
 * Null where there is nothing to choose: the snapshot is not external, or no chain in use has an image that would go upwards.
 */
export function deletionCosts(
  snapshot: Snapshot,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
): DeletionCosts | null {
  if (snapshot.kind !== 'external') return null;
  const parted = mergeableDisks(vm, images).flatMap(({ target, layers }) => {
    const dataImageId = snapshot.disks.find((disk) => disk.target === target)?.dataImageId ?? null;
    const at = layers.findIndex(({ id }) => id === dataImageId);
    const [overlay, data] = [layers[at - 1], layers[at]];
    return at > 0 && at < layers.length - 1 && overlay && data ? [{ overlay, data }] : [];
  });
  if (parted.length === 0) return null;
  return {
    down: sumOf(parted.map(({ overlay }) => overlay.allocatedBytes)),
    up: sumOf(parted.map(({ data }) => data.allocatedBytes)),
  };
}

/** The images that go out of the chain. */
export function mergedImages({ layers }: MergeableDisk, { top, base }: MergeChoice): readonly Image[] {
  return layers.slice(top, base);
}

/** The image that takes up what the merged ones hold. */
export function receivingImage(
  direction: MergeDirection,
  { layers }: MergeableDisk,
  { base }: MergeChoice,
): Image | undefined {
  return direction === 'down' ? layers[base] : layers[0];
}

/** In MiB/s: a tebibyte a second, which no storage does. */
export const highestMergeLimit = 1024 ** 2;

/** A limit in MiB/s, as users name it, in bytes per second. */
export function mergeLimit(mebibytes: number): number {
  return mebibytes * 1024 ** 2;
}

/** The request for what was chosen of each disk, of which there must be one at least. */
export function mergeRequest(
  direction: MergeDirection,
  vmUuid: string,
  chosen: readonly { readonly disk: MergeableDisk; readonly choice: MergeChoice }[],
  { oneByOne, bytesPerSecond }: { readonly oneByOne: boolean; readonly bytesPerSecond: number | null },
): ChangeRequest {
  return direction === 'down'
    ? {
        action: 'commitImages',
        vmUuid,
        ranges: chosen.map(({ disk: { target, layers }, choice: { top, base } }) => ({
          target,
          topId: layers[top]?.id ?? '',
          baseId: layers[base]?.id ?? '',
        })),
        oneByOne,
        bytesPerSecond,
      }
    : {
        action: 'pullImages',
        vmUuid,
        ranges: chosen.map(({ disk: { target, layers }, choice: { base } }) => ({
          target,
          baseId: layers[base]?.id ?? null,
        })),
        bytesPerSecond,
      };
}
