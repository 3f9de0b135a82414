/** Which internal snapshot in an image is the data of which record. A name alone does not say: images can be put back, and names come again. */
import type { Image, InternalSnapshot, ReadableVm, Snapshot } from '../../model/inventory.ts';
import { shellLine } from '../text/shell-words.ts';

/** Seconds between the time in a record and that in the image: both are taken when the snapshot is begun. */
const sameMoment = 120;

/** Seconds in which what is written to an image still belongs to the taking of the external snapshot whose data it becomes. */
const takingSeconds = 10;

/**
 * Whether the image that holds the data of an external snapshot was written to after that was taken, as a commit into it does, and a
 * pull out of it does not; null where nobody can tell. It goes by the times of the host and of its storage.
 */
export function isWrittenSince({ createdAt }: Snapshot, { modifiedAt }: Image): boolean | null {
  return createdAt === null || modifiedAt === null ? null : modifiedAt > createdAt + takingSeconds;
}

/**
 * `own`: the data that the record is about. `other`: there is data of that name, and all of it is of another time: it is not what the
 * record is about. `none`: there is nothing of that name.
 */
export type SnapshotData =
  | { readonly kind: 'own'; readonly internal: InternalSnapshot }
  | { readonly kind: 'other'; readonly internals: readonly InternalSnapshot[] }
  | { readonly kind: 'none' };

/** In an image with no more of them, looking at each takes less than keeping them by name takes memory: most images of a fleet. */
const fewTags = 64;

/** Made when first asked for and kept as long as the image, which is never changed in place: thousands of records ask one image. */
const tagsByName = new WeakMap<Image, ReadonlyMap<string, readonly InternalSnapshot[]>>();

function tagsOf(image: Image, name: string): readonly InternalSnapshot[] {
  if (image.internalSnapshots.length <= fewTags) return image.internalSnapshots.filter((tag) => tag.name === name);
  let tags = tagsByName.get(image);
  if (!tags) tagsByName.set(image, (tags = Map.groupBy(image.internalSnapshots, (tag) => tag.name)));
  return tags.get(name) ?? [];
}

/** What an image holds for a record. Of several of that name the nearest in time counts; without a time in the record, the first. */
export function dataIn(snapshot: Snapshot, image: Image): SnapshotData {
  const internals = tagsOf(image, snapshot.name);
  const { createdAt } = snapshot;
  const [nearest] =
    createdAt === null
      ? internals
      : internals.toSorted((a, b) => Math.abs(a.createdAt - createdAt) - Math.abs(b.createdAt - createdAt));
  if (!nearest) return { kind: 'none' };
  return createdAt === null || isSameMoment(snapshot, nearest)
    ? { kind: 'own', internal: nearest }
    : { kind: 'other', internals };
}

export function isSameMoment({ createdAt }: Snapshot, internal: InternalSnapshot): boolean {
  return createdAt !== null && Math.abs(createdAt - internal.createdAt) <= sameMoment;
}

/** The data of a record's internal disks, as far as their images were read. */
export function dataOfDisks(
  snapshot: Snapshot,
  images: ReadonlyMap<string, Image>,
): readonly { readonly target: string; readonly image: Image; readonly data: SnapshotData }[] {
  return snapshot.disks.flatMap(({ kind, target, dataImageId }) => {
    const image = kind === 'internal' && dataImageId !== null ? images.get(dataImageId) : undefined;
    return image ? [{ target, image, data: dataIn(snapshot, image) }] : [];
  });
}

/**
 * Whether the memory that an internal snapshot is said to have is in none of its images: reverting to it would end the VM, and start
 * none. False where not all of them were read, or other data than its own is in them.
 */
export function lacksMemory(snapshot: Snapshot, images: ReadonlyMap<string, Image>): boolean {
  if (snapshot.memory.kind !== 'internal') return false;
  const internalDisks = snapshot.disks.filter(({ kind }) => kind === 'internal');
  const data = dataOfDisks(snapshot, images);
  if (data.length === 0 || data.length < internalDisks.length) return false;
  return data.every((each) => each.data.kind === 'own' && each.data.internal.memoryBytes === 0);
}

/** The files that these snapshots say their memory is in; not of those that hold it in an image, or have none. */
export function memoryFilesIn(snapshots: readonly Pick<Snapshot, 'memory'>[]): readonly string[] {
  return snapshots.flatMap(({ memory }) => (memory.kind === 'external' ? [memory.file] : []));
}

/** The command that copies the disk of an internal snapshot, named or numbered, out of an image into a new one. */
export function copyOutLine(imageId: string, snapshot: { readonly name: string } | { readonly id: string }): string {
  const which = 'id' in snapshot ? `snapshot.id=${snapshot.id}` : `snapshot.name=${snapshot.name}`;
  return shellLine(['qemu-img', 'convert', '-l', which, '-O', 'qcow2', imageId, 'NEW.qcow2']);
}

/** The internal snapshots that records are about, by image and number: see `dataKey`. */
export function recordedData(vms: readonly ReadableVm[], images: ReadonlyMap<string, Image>): ReadonlySet<string> {
  return new Set(
    vms.flatMap((vm) =>
      vm.snapshots.flatMap((snapshot) =>
        dataOfDisks(snapshot, images).flatMap(({ image, data }) =>
          data.kind === 'own' ? [dataKey(image, data.internal)] : [],
        ),
      ),
    ),
  );
}

/** Names one internal snapshot of one image. */
export function dataKey(image: Image, internal: InternalSnapshot): string {
  return JSON.stringify([image.id, internal.id]);
}
