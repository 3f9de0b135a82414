/** Disk images: qcow2 with its table of internal snapshots, and raw ones. */
import { nothing, storedBytes, type Content } from './content.ts';

/** What a guest remembers. */
export interface GuestMemory {
  /** A counter that the guest advances as long as it runs; it is what shows that memory went back. */
  readonly count: number;
}

export interface InternalSnapshot {
  /** A number as text, counted up. qcow2 looks for an id before it looks for a name. */
  readonly id: string;
  readonly name: string;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Bytes of saved memory in this image. */
  readonly memoryBytes: number;
  readonly memory: GuestMemory | null;
  readonly content: Content;
}

export interface DiskImage {
  readonly format: 'qcow2' | 'raw';
  readonly virtualBytes: number;
  /** As it is recorded in the image. */
  readonly backing: { readonly file: string; readonly format: string | null } | null;
  readonly content: Content;
  readonly snapshots: readonly InternalSnapshot[];
  readonly corrupt: boolean;
  /** What the file took when a snapshot was deleted from it: a qcow2 file gets no smaller by that, its room is used again. */
  readonly grownToBytes?: number;
}

export function newImage(image: Pick<DiskImage, 'virtualBytes'> & Partial<DiskImage>): DiskImage {
  return { format: 'qcow2', backing: null, content: nothing, snapshots: [], corrupt: false, ...image };
}

const metadataBytes = 196_624;

/** What the file takes on its file system. */
export function allocatedBytes(image: DiskImage): number {
  const stored = storedBytes([image.content, ...image.snapshots.map(({ content }) => content)]);
  const memory = image.snapshots.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  return image.format === 'raw' ? stored : Math.max(metadataBytes + stored + memory, image.grownToBytes ?? 0);
}

/** The length of the file. */
export function fileBytes(image: DiskImage): number {
  return image.format === 'raw' ? image.virtualBytes : allocatedBytes(image);
}

/** What the file begins with. */
export function imageHeader(image: DiskImage): Uint8Array {
  const header = new Uint8Array(512);
  if (image.format === 'qcow2') header.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
  return header;
}

/** QEMU's rule for new ids (`find_new_snapshot_id`): one more than the highest there is. */
function nextId(image: DiskImage): string {
  return String(Math.max(0, ...image.snapshots.map(({ id }) => Number(id))) + 1);
}

/** The image with its present content kept under a name. Names need not be unique. */
export function takeInternal(
  image: DiskImage,
  snapshot: Pick<InternalSnapshot, 'name' | 'createdAt' | 'memoryBytes' | 'memory'>,
): DiskImage {
  const taken = { ...snapshot, id: nextId(image), content: image.content };
  return { ...image, snapshots: [...image.snapshots, taken] };
}

/**
 * The snapshot that qcow2 takes for what it is asked to go back to (`find_snapshot_by_id_or_name`): an id wins over a
 * name, so that asked for a snapshot called "1" it may give another one.
 */
export function findByIdOrName(image: DiskImage, wanted: string): InternalSnapshot | null {
  return image.snapshots.find(({ id }) => id === wanted) ?? findByName(image, wanted);
}

export function findByName(image: DiskImage, wanted: string): InternalSnapshot | null {
  return image.snapshots.find(({ name }) => name === wanted) ?? null;
}

export function withoutInternal(image: DiskImage, snapshot: InternalSnapshot): DiskImage {
  const snapshots = image.snapshots.filter((each) => each !== snapshot);
  return { ...image, snapshots, grownToBytes: allocatedBytes(image) };
}
