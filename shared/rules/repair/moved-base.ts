/** Which image a missing backing image may be. Nothing here is proof: what an image holds is not looked at. Pure. */
import type { Image, Inventory } from '../../model/inventory.ts';
import { brokenChain } from '../chains/broken-chains.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById, type Chain } from '../chains/chains.ts';
import { isWrittenSince } from '../snapshots/snapshot-data.ts';
import { nameBefore } from '../chains/set-aside.ts';
import { fileNameOf, folderOf } from '../text/folders.ts';
import { readableBytes } from '../text/units.ts';

/** A chain that ends at an image that is not there. */
export interface LostBase {
  /** What hangs on it: the image to be changed. */
  readonly overlay: Image;
  readonly missingId: string;
}

/** Where a chain is broken because a backing image is missing; null where it is not. A first image that is missing is no backing image. */
export function lostBase({ images: chain, end }: Chain): LostBase | null {
  const missing = chain.at(-1);
  const overlay = chain.at(-2);
  if (end !== 'missing' || missing?.status !== 'missing' || overlay?.status !== 'ok') return null;
  return overlay.parent?.imageId === missing.id ? { overlay, missingId: missing.id } : null;
}

export interface BaseCandidate {
  readonly image: Image;
  /** What speaks for it, each in half a sentence. */
  readonly signs: readonly string[];
  /** The higher, the more speaks for it. */
  readonly rank: number;
}

/**
 * Images that may be the missing one, the likeliest first: of the same size as what the overlay shows, or of the same file name, in the
 * recorded format, with a whole chain in which the overlay is not, and that no VM has as a disk that it writes to.
 */
export function baseCandidates({ overlay, missingId }: LostBase, inventory: Inventory): readonly BaseCandidate[] {
  const images = imagesById(inventory.images);
  const dependents = dependentsIndex(inventory);
  return inventory.images
    .flatMap((image): readonly BaseCandidate[] => {
      if (reasonAgainstBase(image, { overlay, missingId }, inventory, images) !== null) return [];
      const sameSize = image.virtualBytes !== null && image.virtualBytes === overlay.virtualBytes;
      const sameName = fileNameOf(nameBefore(image.id)) === fileNameOf(missingId);
      if (!sameSize && !sameName) return [];
      const { vms, childImageIds } = dependentsOf(image.id, dependents);
      const unused = vms.length + childImageIds.length === 0;
      const sameFolder = folderOf(image.id) === folderOf(missingId);
      const signs = [
        ...(sameName ? ['it has the same file name'] : []),
        ...(sameSize
          ? [`it is as large as the overlay (${readableBytes(image.virtualBytes ?? 0)})`]
          : [
              `it is ${image.virtualBytes === null ? 'of unknown size' : `${readableBytes(image.virtualBytes)} large`}, and the overlay ${overlay.virtualBytes === null ? 'of unknown size' : readableBytes(overlay.virtualBytes)}`,
            ]),
        ...(unused ? ['nobody names it'] : []),
        ...(sameFolder ? ['it is in the same folder'] : []),
      ];
      const rank = (sameName ? 8 : 0) + (sameSize ? 4 : 0) + (unused ? 2 : 0) + (sameFolder ? 1 : 0);
      return [{ image, signs, rank }];
    })
    .toSorted((a, b) => b.rank - a.rank || (a.image.id < b.image.id ? -1 : 1));
}

/** Why an image cannot be the base of the overlay, in a sentence; null where it can. */
export function reasonAgainstBase(
  image: Image,
  { overlay, missingId }: LostBase,
  { vms }: Pick<Inventory, 'vms'>,
  images: ReadonlyMap<string, Image>,
): string | null {
  const { id, status, kind, format } = image;
  if (id === missingId || status !== 'ok' || kind === 'network') return `${id} could not be read.`;
  const chain = chainFrom(id, images);
  if (chain.images.some((each) => each.id === overlay.id)) return `${id} itself hangs on ${overlay.id}.`;
  const broken = brokenChain(chain, images);
  if (broken) return `The chain of ${id} ${broken.words}`;
  if (format === null) return `The format of ${id} is not known.`;
  const recorded = overlay.parent?.format ?? null;
  if (recorded !== null && recorded !== format) {
    return `${overlay.id} hangs on an image in the format ${recorded}, and ${id} is ${format}.`;
  }
  for (const vm of vms) {
    const disk = vm.readable ? vm.disks.find((each) => each.imageId === id && !each.readOnly) : undefined;
    if (vm.readable && disk)
      return `VM “${vm.name}” writes to ${id} (disk ${disk.target}): it does not stay what it is.`;
  }
  return null;
}

/** Whether a candidate was written to after a snapshot whose overlay this is was taken; null where nothing tells. */
export function isWrittenSinceOverlay(
  candidate: Image,
  overlay: Image,
  { vms }: Pick<Inventory, 'vms'>,
): boolean | null {
  const snapshots = vms.flatMap((vm) => (vm.readable ? vm.snapshots : []));
  const own = snapshots.find(({ disks }) => disks.some(({ overlayImageId }) => overlayImageId === overlay.id));
  return own ? isWrittenSince(own, candidate) : null;
}
