/** How much room images take on storage as they grow. Pure. */
import type { Image } from '../../model/inventory.ts';

/** What QEMU takes by itself (QEMU, block/qcow2.h, DEFAULT_CLUSTER_SIZE). */
export const defaultClusterBytes = 64 * 1024;

/** The least that file systems keep by itself, between what a sparse raw file does not hold. */
const fileSystemBlockBytes = 4096;

/** What of an image decides how it grows. */
export type GrowingImage = Pick<Image, 'format' | 'virtualBytes' | 'allocatedBytes' | 'clusterBytes' | 'parent'> & {
  readonly internalSnapshots: readonly unknown[];
};

/**
 * How data is copied by a merge. data: only what is there, by qemu-img and by a block job from the active layer down. zeroes: what the
 * images only note as zeroes is written out as well, by a block job below the active layer (QEMU, block/commit.c). chunks: of a raw
 * image 512 KiB at once, with the zeroes around it, by a block job that pulls (QEMU, block/stream.c).
 */
export type MergeCopies = 'data' | 'zeroes' | 'chunks';

const chunkBytes = 512 * 1024;

/** Bytes by which something grows; null where it cannot be told. */
export interface Growth {
  readonly likelyBytes: number | null;
  readonly atMostBytes: number | null;
}

/** What an image takes that holds all of its disk, with its tables, and no internal snapshots. */
export function fullBytes({ format, virtualBytes, clusterBytes }: Omit<GrowingImage, 'parent'>): number | null {
  return virtualBytes === null ? null : withTables(virtualBytes, virtualBytes, format, clusterBytes);
}

/** What a qcow2 overlay takes before anything is written to it: header, counts of references, and its first table. */
export function emptyOverlayBytes(virtualBytes: number, clusterBytes = defaultClusterBytes): number {
  return 4 * clusterBytes + firstTableBytes(virtualBytes, clusterBytes);
}

/**
 * Bytes by which `receiver` grows when it takes up what `merged` hold (the uppermost first), down or up.
 *
 * At most: all that they have allocated, in the pieces that are copied, each place as often as there are images that hold it, with the
 * tables that this needs; but no more than what the receiver lacks to hold all of the disk. Where it has internal snapshots
 * these keep what it holds now, so that it may take all of the disk once more. An image counts as all of its disk where
 * - zeroes are copied: it may note any number of them, as after a trim in the guest (900 MiB came out of an overlay of 324 KiB, on
 *   QEMU 7.2);
 * - it hangs on nothing, as templates do, and may be compressed, which it does not say (raw ones are not).
 * Not counted: what the guest writes meanwhile, clusters that a receiver has lost (`qemu-img check`), and that an overlay, too,
 * can be compressed by hand.
 *
 * Likely: as if each image held places of the disk at random. Of places that several of `merged` hold one copy remains, and
 * of these the receiver already has as many as it has of the whole disk; where it has internal snapshots none that could be written
 * over. Guests write to the same places again and again, so that it is rather less.
 */
export function mergeGrowth(merged: readonly GrowingImage[], receiver: GrowingImage, copies: MergeCopies): Growth {
  const sizes = [...merged, receiver].map(({ virtualBytes }) => virtualBytes);
  const known = sizes.filter((size) => size !== null);
  if (known.length === 0) return { likelyBytes: null, atMostBytes: null };
  const virtualBytes = Math.max(...known);
  const atMostBytes = mostGrowth(merged, receiver, virtualBytes, copies);
  return { likelyBytes: likelyGrowth(merged, receiver, virtualBytes, atMostBytes), atMostBytes };
}

function mostGrowth(
  merged: readonly GrowingImage[],
  receiver: GrowingImage,
  virtualBytes: number,
  copies: MergeCopies,
): number {
  const { format, clusterBytes } = receiver;
  const written = merged.reduce((sum, image) => {
    const isUntold = image.format !== 'raw' && (copies === 'zeroes' || image.parent === null);
    const held = isUntold ? null : image.allocatedBytes;
    return sum + (held === null ? virtualBytes : held * spread(image, receiver, copies));
  }, 0);
  const needed = withTables(Math.min(written, virtualBytes), virtualBytes, format, clusterBytes);
  const full = withTables(virtualBytes, virtualBytes, format, clusterBytes);
  const has = receiver.internalSnapshots.length > 0 ? 0 : (receiver.allocatedBytes ?? 0);
  return Math.max(0, Math.min(needed, full - has));
}

function likelyGrowth(
  merged: readonly GrowingImage[],
  receiver: GrowingImage,
  virtualBytes: number,
  atMostBytes: number,
): number | null {
  const part = ({ allocatedBytes }: GrowingImage) =>
    allocatedBytes === null ? null : virtualBytes === 0 ? 0 : Math.min(1, allocatedBytes / virtualBytes);
  const parts = merged.map(part).filter((each) => each !== null);
  const has = receiver.internalSnapshots.length > 0 ? 0 : part(receiver);
  if (parts.length < merged.length || has === null) return null;
  const lacking = parts.reduce((product, each) => product * (1 - each), 1);
  return Math.min(atMostBytes, Math.round(virtualBytes * (1 - lacking) * (1 - has)));
}

/** How often over the places of `image` may be written, because larger pieces are copied. */
function spread(image: GrowingImage, receiver: GrowingImage, copies: MergeCopies): number {
  const piece = Math.max(
    pieceBytes(receiver, defaultClusterBytes),
    copies === 'chunks' && image.format !== 'qcow2' ? chunkBytes : 0,
  );
  return Math.max(1, piece / pieceBytes(image, fileSystemBlockBytes));
}

/** @param other of an image without clusters: what a block job writes to it at once (QEMU, block/mirror.c), or what it keeps by itself */
function pieceBytes({ format, clusterBytes = defaultClusterBytes }: GrowingImage, other: number): number {
  return format === 'qcow2' ? clusterBytes : other;
}

/**
 * With all the tables that data needs whose places lie anywhere on a disk of `virtualBytes`: at most 16 bytes for where a cluster
 * is, in tables of a cluster, 8 for who uses it, a table of these counts, which is moved when it grows, the first table, and a few clusters (QEMU,
 * docs/interop/qcow2.txt). Other formats with tables count alike.
 */
function withTables(
  dataBytes: number,
  virtualBytes: number,
  format: string | null,
  clusterBytes = defaultClusterBytes,
): number {
  if (format === 'raw' || dataBytes === 0) return dataBytes;
  const rounded = (bytes: number) => Math.ceil(bytes / clusterBytes) * clusterBytes;
  const data = rounded(dataBytes);
  const perTable = clusterBytes * (clusterBytes / 16);
  const tables = Math.min(data / clusterBytes, Math.ceil(virtualBytes / perTable)) * clusterBytes;
  const counts = rounded(((data + tables) / clusterBytes) * 8);
  const countTable = rounded((virtualBytes / clusterBytes / clusterBytes) * 192);
  return data + tables + counts + countTable + firstTableBytes(virtualBytes, clusterBytes) + 8 * clusterBytes;
}

function firstTableBytes(virtualBytes: number, clusterBytes: number): number {
  const entries = Math.ceil(virtualBytes / (clusterBytes * (clusterBytes / 16)));
  return Math.ceil((entries * 8) / clusterBytes) * clusterBytes;
}
