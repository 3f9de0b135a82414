/** What can be told from the images of a host alone: each disk's chain, and who depends on which image. */
import type { Disk, Image, ImageParent, ImageUse, Inventory, ReadableVm } from '../../model/inventory.ts';

/**
 * Images that a chain may have at most for libvirt: with one more it refuses to start the VM, “backing store … is
 * self-referential or too deeply nested” (seen on 9.0: 200 start, 201 do not).
 */
export const longestLibvirtChain = 200;

/**
 * Why a chain ends where it ends. `base`: at an image without a parent, as it should. An image whose data lies in a file of its
 * own ends the chain like an image that is not there, where that file is not.
 */
export type ChainEnd = 'base' | 'missing' | 'unreadable' | 'unresolved' | 'loop';

export interface Chain {
  /** From the active layer (first) to the base (last). Holds every image once. */
  readonly images: readonly Image[];
  /** The path by which each of them is opened. */
  readonly paths: readonly string[];
  readonly end: ChainEnd;
  /** Of an unresolved or missing end: the reference that leads nowhere; of a loop: the image that comes again. */
  readonly endReference: string | null;
}

/** An inventory's images by id. */
export function imagesById(images: readonly Image[]): ReadonlyMap<string, Image> {
  return new Map(images.map((image) => [image.id, image]));
}

/**
 * The chain that starts at `imageId` and follows parents (backing images, LVM origins) down. Ends at a loop.
 *
 * @param openedAs the path by which the image is opened: relative references count from there. Left out: its own
 */
export function chainFrom(imageId: string, images: ReadonlyMap<string, Image>, openedAs = imageId): Chain {
  const chain: Image[] = [];
  const paths: string[] = [];
  const seen = new Set<string>();
  let next: string | null = imageId;
  let path = openedAs;
  let reference = imageId;
  const ended = (end: ChainEnd, endReference: string | null): Chain => ({ images: chain, paths, end, endReference });
  while (next !== null) {
    if (seen.has(next)) return ended('loop', next);
    const image = images.get(next);
    if (!image) return ended('missing', reference);
    seen.add(next);
    chain.push(image);
    paths.push(path);
    if (image.status !== 'ok') return ended(image.status, image.id);
    const data = dataFileEnd(image, images);
    if (data) return ended(data.end, data.endReference);
    const parent = parentOf(image, path);
    if (!parent) return ended('base', null);
    reference = parent.reference;
    next = parent.imageId;
    path = parent.openedAs ?? next ?? '';
  }
  return ended('unresolved', reference);
}

/** How a chain ends at an image whose data file is not as it should be; null where it is, or there is none. */
function dataFileEnd(
  { dataFile }: Image,
  images: ReadonlyMap<string, Image>,
): Pick<Chain, 'end' | 'endReference'> | null {
  if (!dataFile) return null;
  const { imageId, reference } = dataFile;
  if (imageId === null) return { end: 'unresolved', endReference: reference };
  const status = images.get(imageId)?.status ?? 'missing';
  return status === 'ok' ? null : { end: status, endReference: imageId };
}

/** The chain of a disk, from the path that its VM opens; null where it has no image. */
export function chainOfDisk(disk: Disk, images: ReadonlyMap<string, Image>): Chain | null {
  return disk.imageId === null ? null : chainFrom(disk.imageId, images, disk.openedAs ?? disk.imageId);
}

/** What an image hangs on for whoever opens it by `path`. */
function parentOf(image: Image, path: string): ImageParent | null {
  const byPath = image.parentsByPath?.find((each) => each.path === path);
  return byPath ? byPath.parent : image.parent;
}

/** What an image hangs on, by whatever path it is opened. */
function parentsOf(image: Image): readonly ImageParent[] {
  const all = [image.parent, ...(image.parentsByPath ?? []).map(({ parent }) => parent)];
  return all.filter((parent) => parent !== null);
}

/** Who needs an image as it is. */
export interface Dependents {
  /** Images whose parent it is, for anybody, or whose data it holds. */
  readonly childImageIds: readonly string[];
  /**
   * Images that are used as raw and begin as an overlay that would depend on it: they may be one, used in the wrong format,
   * or the guest wrote that.
   */
  readonly possibleChildIds: readonly string[];
  /** Disks that have it as their active layer. */
  readonly activeFor: readonly { readonly vm: ReadableVm; readonly disk: Disk }[];
  /** Whatever else of a VM's definitions and records names it. */
  readonly uses: readonly { readonly vm: ReadableVm; readonly use: ImageUse }[];
  /** VMs that name the image, or an image that depends on it, however many others lie between. */
  readonly vms: readonly ReadableVm[];
}

const nobody: Dependents = { childImageIds: [], possibleChildIds: [], activeFor: [], uses: [], vms: [] };

/**
 * The reverse index over all images of all VMs of a host, running or not: image id → who depends on it.
 * Images without an entry have no dependents; use `dependentsOf`.
 */
export function dependentsIndex(inventory: Pick<Inventory, 'images' | 'vms'>): ReadonlyMap<string, Dependents> {
  const images = imagesById(inventory.images);
  const index = new Map<string, MutableDependents>();
  const entry = (imageId: string): MutableDependents => {
    let found = index.get(imageId);
    if (!found) {
      found = { childImageIds: [], possibleChildIds: [], activeFor: [], uses: [], vms: new Set() };
      index.set(imageId, found);
    }
    return found;
  };
  for (const image of inventory.images) {
    for (const parentId of new Set(parentsOf(image).map(({ imageId }) => imageId))) {
      if (parentId !== null) entry(parentId).childImageIds.push(image.id);
    }
    if (typeof image.dataFile?.imageId === 'string') entry(image.dataFile.imageId).childImageIds.push(image.id);
    for (const imageId of image.header?.mayDependOn ?? []) entry(imageId).possibleChildIds.push(image.id);
  }
  for (const vm of inventory.vms) {
    if (!vm.readable) continue;
    for (const disk of vm.disks) {
      if (disk.imageId !== null) entry(disk.imageId).activeFor.push({ vm, disk });
    }
    for (const use of vm.uses ?? []) entry(use.imageId).uses.push({ vm, use });
    for (const imageId of reachedFrom(imagesOfVm(vm), images)) entry(imageId).vms.add(vm);
  }
  return new Map([...index].map(([imageId, found]) => [imageId, { ...found, vms: [...found.vms] }]));
}

interface MutableDependents {
  readonly childImageIds: string[];
  readonly possibleChildIds: string[];
  readonly activeFor: { vm: ReadableVm; disk: Disk }[];
  readonly uses: { vm: ReadableVm; use: ImageUse }[];
  readonly vms: Set<ReadableVm>;
}

/**
 * These images and all that they hang on, by whatever path they are opened. Not what a raw disk may hang on: who calls that a
 * dependent must say that it is perhaps none.
 */
export function reachedFrom(imageIds: readonly string[], images: ReadonlyMap<string, Image>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...imageIds];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    const image = images.get(next);
    if (!image) continue;
    reached.add(next);
    if (image.status !== 'ok') continue;
    for (const { imageId } of parentsOf(image)) if (imageId !== null) open.push(imageId);
    if (typeof image.dataFile?.imageId === 'string') open.push(image.dataFile.imageId);
  }
  return reached;
}

/** The dependents of one image. */
export function dependentsOf(imageId: string, index: ReadonlyMap<string, Dependents>): Dependents {
  return index.get(imageId) ?? nobody;
}

/** Every image that a VM names itself, in whatever definition or record and for whatever use. Without duplicates. */
export function imagesOfVm(vm: ReadableVm): readonly string[] {
  const named = [
    ...vm.disks.map((disk) => disk.imageId),
    ...(vm.uses ?? []).map((use) => use.imageId),
    ...vm.snapshots.flatMap((snapshot) => snapshot.disks.flatMap((disk) => [disk.dataImageId, disk.overlayImageId])),
  ];
  return [...new Set(named.filter((imageId) => imageId !== null))];
}
