/** How much room an internal snapshot takes in a qcow2 image. Pure. */
import type { Image } from '../../../shared/model/inventory.ts';
import { defaultClusterBytes } from '../../../shared/rules/chains/image-growth.ts';

/** Table entries that each cluster of data needs: 8 bytes that say where it is, 2 that count who uses it (8 at most). */
const bytesPerCluster = 16;

/**
 * Bytes by which a qcow2 image grows at most when an internal snapshot is made in it: memory and its tables, a copy of the first
 * table, which has 8 bytes for each of cluster²/8 bytes of the disk, a new list of snapshots, and a few clusters of tables
 * and counts of references (QEMU, docs/interop/qcow2.txt; what `qemu-img snapshot -c` takes was measured with clusters of 512 bytes
 * to 2 MiB). What the guest writes afterwards comes on top.
 */
export function roomForSnapshot(
  {
    virtualBytes,
    clusterBytes = defaultClusterBytes,
    internalSnapshots,
  }: Pick<Image, 'virtualBytes' | 'clusterBytes' | 'internalSnapshots'>,
  memoryBytes: number,
): number {
  const rounded = (bytes: number) => Math.ceil(bytes / clusterBytes) * clusterBytes;
  const firstTable = rounded(Math.ceil((virtualBytes ?? 0) / (clusterBytes * (clusterBytes / 8))) * 8);
  // 64 bytes and, in names, at most 255 and 12 each.
  const list = rounded((internalSnapshots.length + 1) * 512);
  const clusters = Math.ceil((memoryBytes + firstTable + list) / clusterBytes);
  return rounded(memoryBytes) + firstTable + list + rounded(clusters * bytesPerCluster) + 4 * clusterBytes;
}
