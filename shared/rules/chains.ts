/** What can be told from the images of a host alone: each disk's chain, and who depends on which image. */
import type { Disk, Image, Inventory, ReadableVm } from '../model/inventory.ts';

/** Why a chain ends where it ends. `base`: at an image without a parent, as it should. */
export type ChainEnd = 'base' | 'missing' | 'unreadable' | 'unresolved' | 'loop';

export interface Chain {
  /** From the active layer (first) to the base (last). Holds every image once. */
  readonly images: readonly Image[];
  readonly end: ChainEnd;
  /** Of an unresolved or missing end: the reference that leads nowhere; of a loop: the image that comes again. */
  readonly endReference: string | null;
}

/** An inventory's images by id. */
export function imagesById(images: readonly Image[]): ReadonlyMap<string, Image> {
  return new Map(images.map((image) => [image.id, image]));
}

/** The chain that starts at `imageId` and follows parents (backing images, LVM origins) down. Ends at a loop. */
export function chainFrom(imageId: string, images: ReadonlyMap<string, Image>): Chain {
  const chain: Image[] = [];
  const seen = new Set<string>();
  let next: string | null = imageId;
  let reference = imageId;
  while (next !== null) {
    if (seen.has(next)) return { images: chain, end: 'loop', endReference: next };
    const image = images.get(next);
    if (!image) return { images: chain, end: 'missing', endReference: reference };
    seen.add(next);
    chain.push(image);
    if (image.status !== 'ok') return { images: chain, end: image.status, endReference: image.id };
    if (!image.parent) return { images: chain, end: 'base', endReference: null };
    reference = image.parent.reference;
    next = image.parent.imageId;
  }
  return { images: chain, end: 'unresolved', endReference: reference };
}

/** Who needs an image as it is. */
export interface Dependents {
  /** Images whose parent it is. */
  readonly childImageIds: readonly string[];
  /** Disks that have it as their active layer. */
  readonly activeFor: readonly { readonly vm: ReadableVm; readonly disk: Disk }[];
  /** VMs whose disk chains or snapshots reach the image, directly or through other images. */
  readonly vms: readonly ReadableVm[];
}

const nobody: Dependents = { childImageIds: [], activeFor: [], vms: [] };

/**
 * The reverse index over all images of all VMs of a host, running or not: image id → who depends on it.
 * Images without an entry have no dependents; use `dependentsOf`.
 */
export function dependentsIndex(inventory: Inventory): ReadonlyMap<string, Dependents> {
  const images = imagesById(inventory.images);
  const index = new Map<
    string,
    { childImageIds: string[]; activeFor: { vm: ReadableVm; disk: Disk }[]; vms: Set<ReadableVm> }
  >();
  const entry = (imageId: string) => {
    let found = index.get(imageId);
    if (!found) index.set(imageId, (found = { childImageIds: [], activeFor: [], vms: new Set() }));
    return found;
  };
  for (const image of inventory.images) {
    const parentId = image.parent?.imageId ?? null;
    if (parentId !== null) entry(parentId).childImageIds.push(image.id);
  }
  for (const vm of inventory.vms) {
    if (!vm.readable) continue;
    for (const disk of vm.disks) {
      if (disk.imageId !== null) entry(disk.imageId).activeFor.push({ vm, disk });
    }
    for (const imageId of imagesOfVm(vm)) {
      for (const image of chainFrom(imageId, images).images) entry(image.id).vms.add(vm);
    }
  }
  return new Map(
    [...index].map(([imageId, { childImageIds, activeFor, vms }]) => [
      imageId,
      { childImageIds, activeFor, vms: [...vms] },
    ]),
  );
}

/** The dependents of one image. */
export function dependentsOf(imageId: string, index: ReadonlyMap<string, Dependents>): Dependents {
  return index.get(imageId) ?? nobody;
}

/** Every image that a VM names itself: its active layers and those of its snapshots. Without duplicates. */
export function imagesOfVm(vm: ReadableVm): readonly string[] {
  const named = [
    ...vm.disks.map((disk) => disk.imageId),
    ...vm.snapshots.flatMap((snapshot) => snapshot.disks.flatMap((disk) => [disk.dataImageId, disk.overlayImageId])),
  ];
  return [...new Set(named.filter((imageId) => imageId !== null))];
}
