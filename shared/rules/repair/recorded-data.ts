/**
 * What has become of the data that snapshots' records name, as far as it follows from what was read: whether a record still leads to it,
 * whether it leads nowhere, or whether the data is in another image. Pure. A record is only given up where this says that there is nothing
 * left to give up.
 */
import type { Image, Inventory, ReadableVm, Snapshot, SnapshotDisk } from '../../model/inventory.ts';
import { brokenChain } from '../chains/broken-chains.ts';
import { chainFrom, chainOfDisk, imagesById } from '../chains/chains.ts';
import { movedData } from '../findings/moved-data.ts';
import { dataIn, isWrittenSince } from '../snapshots/snapshot-data.ts';
import { nameBefore } from '../chains/set-aside.ts';
import { fileNameOf } from '../text/folders.ts';

/** What may be said of one disk of a snapshot. `why`: a whole sentence, for plans and lists. */
export type RecordedData =
  /** The record leads to it. */
  | { readonly kind: 'there'; readonly why: string }
  /** Nothing is where the record says, and nothing else is known to be it. */
  | { readonly kind: 'gone'; readonly why: string }
  /** The image is there and holds another state: it was written to since, or merged into by hand. */
  | { readonly kind: 'spoiled'; readonly why: string }
  /** It is in another image: what the overlay that was made for the snapshot hangs on. `compare`: the record's own image can be compared with it. */
  | { readonly kind: 'moved'; readonly why: string; readonly to: Image; readonly compare: boolean }
  /** It may be in another place, or it is not known where it is. */
  | { readonly kind: 'unknown'; readonly why: string };

export interface RecordedDisk {
  readonly target: string;
  readonly disk: SnapshotDisk;
  readonly data: RecordedData;
}

type Known = Pick<Inventory, 'vms' | 'images'>;

/** Of each disk that the snapshot holds. Empty where its record names none. */
export function recordedDisks(snapshot: Snapshot, vm: ReadableVm, inventory: Known): readonly RecordedDisk[] {
  const images = imagesById(inventory.images);
  return snapshot.disks
    .filter(({ kind }) => kind !== 'none')
    .map((disk) => ({ target: disk.target, disk, data: dataOf(disk, snapshot, vm, inventory, images) }));
}

function dataOf(
  disk: SnapshotDisk,
  snapshot: Snapshot,
  vm: ReadableVm,
  inventory: Known,
  images: ReadonlyMap<string, Image>,
): RecordedData {
  const { target, dataImageId } = disk;
  const image = dataImageId === null ? undefined : images.get(dataImageId);
  if (dataImageId === null || image === undefined || image.status === 'unreadable') {
    return { kind: 'unknown', why: `Where its data of disk ${target} is could not be read.` };
  }
  if (disk.kind === 'internal') return internalData(target, image, snapshot, vm, inventory);
  if (disk.kind !== 'external') return { kind: 'unknown', why: `Its data of disk ${target} is kept in another way.` };
  return (
    movedTo(disk, image, snapshot, vm, inventory, images) ??
    externalData(target, image, snapshot, vm, inventory, images)
  );
}

function internalData(
  target: string,
  image: Image,
  snapshot: Snapshot,
  vm: ReadableVm,
  inventory: Known,
): RecordedData {
  const { name } = snapshot;
  if (image.status === 'ok' && dataIn(snapshot, image).kind === 'own') {
    return { kind: 'there', why: `${image.id} holds its data of disk ${target}.` };
  }
  const lost = movedData(inventory).lost.find(
    (one) => one.vm === vm && one.snapshot === snapshot && one.target === target,
  );
  const elsewhere = [...(lost?.foundIn ? [lost.foundIn] : []), ...(lost?.candidates ?? [])];
  if (elsewhere.length > 0) {
    const paths = elsewhere.map(({ id }) => id).slice(0, 5);
    return {
      kind: 'unknown',
      why: `Its data of disk ${target} may be in ${paths.join(', ')}, which holds something of that name.`,
    };
  }
  if (image.status === 'missing') return missingData(target, image, inventory);
  const others = image.internalSnapshots.some((tag) => tag.name === name);
  return {
    kind: 'gone',
    why: others
      ? `What ${image.id} holds under that name is of another time: its data of disk ${target} is gone.`
      : `${image.id} holds no internal snapshot of that name: its data of disk ${target} is gone.`,
  };
}

/** An image that is there by the same file name, and is no part of what the VM has, may be the one that is missing. */
function missingData(target: string, { id }: Image, { images }: Known): RecordedData {
  const likely = images.filter(
    (each) => each.status === 'ok' && each.id !== id && fileNameOf(nameBefore(each.id)) === fileNameOf(id),
  );
  return likely.length > 0
    ? {
        kind: 'unknown',
        why: `${id}, with its data of disk ${target}, is missing, and may be ${likely
          .slice(0, 5)
          .map((each) => each.id)
          .join(', ')}, which has the same file name.`,
      }
    : { kind: 'gone', why: `${id}, with its data of disk ${target}, is missing.` };
}

/**
 * An overlay is made on the image that holds the data. Where images between were committed by hand, or a base was moved, it hangs on
 * another one than the record says, and whoever reads the overlay reads that: it is as right as the overlay is.
 */
function movedTo(
  { target, overlayImageId, dataImageId }: SnapshotDisk,
  image: Image,
  snapshot: Snapshot,
  vm: ReadableVm,
  { vms }: Known,
  images: ReadonlyMap<string, Image>,
): RecordedData | null {
  const overlay = overlayImageId === null ? undefined : images.get(overlayImageId);
  const parentId = overlay?.status === 'ok' ? (overlay.parent?.imageId ?? null) : null;
  if (overlay === undefined || parentId === null || parentId === dataImageId) return null;
  if (overlay.parentsByPath !== undefined) return null;
  // A file of that name may have been made again, for another snapshot.
  const isOfAnother = vm.snapshots.some(
    (other) =>
      other !== snapshot && other.disks.some((each) => each.target === target && each.overlayImageId === overlay.id),
  );
  if (isOfAnother) return null;
  const to = images.get(parentId);
  if (to?.status !== 'ok' || brokenChain(chainFrom(parentId, images), images) !== null) return null;
  const why = `${overlay.id}, the overlay that was made for it, hangs on ${to.id}, and the record names ${image.id} for disk ${target}`;
  const written = writtenIn([to], snapshot, vms);
  if (written !== null) return { ...written, why: `${why}. ${written.why}` };
  const ids = (id: string) => chainFrom(id, images).images.map((each) => each.id);
  // Where the record names an image below, libvirt 9.0 wrote an older one into it; that holds another state, and proves nothing.
  const isOlder = ids(to.id).includes(image.id);
  if (isOlder && isWrittenSince(snapshot, to) !== false) return null;
  const compare = image.status === 'ok' && !isOlder && brokenChain(chainFrom(image.id, images), images) === null;
  return { kind: 'moved', why: `${why}.`, to, compare };
}

function externalData(
  target: string,
  image: Image,
  snapshot: Snapshot,
  vm: ReadableVm,
  inventory: Known,
  images: ReadonlyMap<string, Image>,
): RecordedData {
  if (image.status === 'missing') return missingData(target, image, inventory);
  const chain = chainFrom(image.id, images);
  const broken = brokenChain(chain, images);
  if (broken !== null) {
    const below = images.get(broken.at);
    return broken.kind === 'missing' && below
      ? missingData(target, below, inventory)
      : { kind: 'unknown', why: `The chain of ${image.id}, with its data of disk ${target}, ${broken.words}` };
  }
  return (
    writtenIn(chain.images, snapshot, inventory.vms) ??
    mergedInto(target, chain.images, snapshot, vm, images) ?? {
      kind: 'there',
      why: `${image.id} is there, with its data of disk ${target}.`,
    }
  );
}

/** What follows from a VM that has one of the images as a disk that it writes to; null where nothing does. */
function writtenIn(needed: readonly Image[], snapshot: Snapshot, vms: Known['vms']): RecordedData | null {
  for (const image of needed) {
    for (const vm of vms) {
      const disk = vm.readable
        ? vm.disks.find((each) => each.imageId === image.id && !each.readOnly && each.transient !== true)
        : undefined;
      if (!vm.readable || disk === undefined) continue;
      const words = `${image.id} is disk ${disk.target} of VM “${vm.name}”, which writes to it`;
      const isWritten = isWrittenSince(snapshot, image);
      if (isWritten === true)
        return { kind: 'spoiled', why: `${words}, and it was written to after the snapshot was taken.` };
      return {
        kind: 'unknown',
        why: `${words}. ${isWritten === null ? 'Whether it was written to after the snapshot was taken is not known.' : 'It was not written to after the snapshot was taken: its state is still in there.'}`,
      };
    }
  }
  return null;
}

/**
 * A later snapshot's overlay right above an image that this one's data needs, in the chain in use, means that what lay between was
 * merged into that image: it holds the state of the later snapshot now. That it was written to since must hold as well, because what was
 * renamed or moved may look like that. What Snaptree merges it leaves no such record of.
 */
function mergedInto(
  target: string,
  needed: readonly Image[],
  snapshot: Snapshot,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
): RecordedData | null {
  const now = vm.disks.find((disk) => disk.target === target);
  const chain = now ? chainOfDisk(now, images) : null;
  if (chain?.end !== 'base') return null;
  const later = descendantsOf(snapshot, vm.snapshots);
  const ownOverlay = snapshot.disks.find((disk) => disk.target === target)?.overlayImageId;
  for (const image of needed) {
    const at = chain.images.findIndex(({ id }) => id === image.id);
    const above = at > 0 ? chain.images[at - 1] : undefined;
    if (above === undefined || above.id === ownOverlay || isWrittenSince(snapshot, image) !== true) continue;
    const own = later.find(({ disks }) =>
      disks.some((disk) => disk.target === target && disk.overlayImageId === above.id),
    );
    if (own === undefined) continue;
    return {
      kind: 'spoiled',
      why: `${image.id} was written to after it was taken, and ${above.id}, the overlay of the later snapshot “${own.name}”, hangs right on it: what lay between was merged into it, so that it does not hold the state of disk ${target} any more.`,
    };
  }
  return null;
}

function descendantsOf(snapshot: Snapshot, snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const ids = new Set([snapshot.id]);
  for (let size = 0; size < ids.size;) {
    size = ids.size;
    for (const { id, parentId } of snapshots) if (parentId !== null && ids.has(parentId)) ids.add(id);
  }
  ids.delete(snapshot.id);
  return snapshots.filter(({ id }) => ids.has(id));
}

/**
 * Why the record of a snapshot must not be given up, in sentences; empty where nothing is lost by that. Where one of several disks is
 * lost, what is left of the others counts, unless a disk in use or another record needs the same image and so keeps it.
 */
export function reasonsToKeep(snapshot: Snapshot, vm: ReadableVm, inventory: Known): readonly string[] {
  if (snapshot.unknownPart !== undefined) return [`Not all of it is known: ${snapshot.unknownPart}`];
  const disks = recordedDisks(snapshot, vm, inventory);
  if (disks.length === 0) return ['Its record names no disk whose data could be looked for.'];
  const isWhole = disks.every(({ data }) => data.kind === 'there');
  const reasons = disks.flatMap((each): readonly string[] => {
    const { kind, why } = each.data;
    if (kind === 'gone' || kind === 'spoiled') return [];
    if (kind === 'there' && !isWhole && isKeptOtherwise(each, snapshot, vm, inventory)) return [];
    return [why];
  });
  return [...new Set(reasons)];
}

function isKeptOtherwise(
  { disk, target }: RecordedDisk,
  snapshot: Snapshot,
  vm: ReadableVm,
  { images: all }: Known,
): boolean {
  if (disk.kind !== 'external' || disk.dataImageId === null) return false;
  const images = imagesById(all);
  const named = vm.snapshots.some(
    (other) =>
      other !== snapshot &&
      other.disks.some(
        (each) => each.target === target && each.kind === 'external' && each.dataImageId === disk.dataImageId,
      ),
  );
  const used = vm.disks.some((each) => chainOfDisk(each, images)?.images.some(({ id }) => id === disk.dataImageId));
  return named || used;
}
