/** Who may depend on an image without anybody being able to tell. */
import type { Image, ImageUse, Inventory, ReadableVm, UnknownDependents } from '../../model/inventory.ts';
import { isBelow } from '../text/folders.ts';

type Unknown = Pick<Inventory, 'unknownDependents'>;

/**
 * What could not be looked into and may depend on the image `imageId`, where something speaks for it. An image does not
 * depend on itself, so what is not known of the image is not in it.
 */
export function unknownDependentsOf(inventory: Unknown, imageId: string): readonly UnknownDependents[] {
  return inventory.unknownDependents.filter(
    (each) => each.likelihood !== 'remote' && !isImage(each, imageId) && concerns(each, imageId),
  );
}

/** As `unknownDependentsOf`, for several images at once. Without duplicates; empty for no images. */
export function unknownDependentsOfAny(inventory: Unknown, imageIds: readonly string[]): readonly UnknownDependents[] {
  const found = new Set(imageIds.flatMap((imageId) => unknownDependentsOf(inventory, imageId)));
  return inventory.unknownDependents.filter((each) => found.has(each));
}

/** What could not be looked into either, and may depend on one of these images though nothing speaks for it. */
export function remoteDependents(inventory: Unknown, imageIds: readonly string[]): readonly UnknownDependents[] {
  return inventory.unknownDependents.filter(
    (each) =>
      each.likelihood === 'remote' && imageIds.some((imageId) => !isImage(each, imageId) && concerns(each, imageId)),
  );
}

/** Whether what is not known is about this image itself. */
export function isImage({ subject }: UnknownDependents, imageId: string): boolean {
  return subject?.kind === 'image' && subject.id === imageId;
}

/**
 * In words, the folders in which an image lies and that VMs name, as those do that they share with their guests: what is used in
 * there, no definition tells.
 */
export function foldersAround(
  { id, otherPaths }: Pick<Image, 'id' | 'otherPaths'>,
  vms: readonly Pick<ReadableVm, 'name' | 'folders'>[],
): readonly string[] {
  return vms.flatMap(({ name, folders = [] }) =>
    folders
      .filter(({ path }) => [id, ...otherPaths].some((each) => isBelow(each, path)))
      .map(({ path, use }) =>
        use === 'filesystem'
          ? `VM “${name}” shares the folder ${path} with its guest`
          : `VM “${name}” names the folder ${path}`,
      ),
  );
}

function concerns({ imageIds }: UnknownDependents, imageId: string): boolean {
  return imageIds === null || imageIds.includes(imageId);
}

const usesInWords: Readonly<Record<string, (place: string) => string>> = {
  disk: (place) => `disk ${place}`,
  backing: (place) => `a backing image of disk ${place}`,
  dataFile: (place) => `the data of disk ${place}`,
  mirror: (place) => `what a block job of disk ${place} writes to`,
  overlay: (place) => `the overlay made for disk ${place}`,
  argument: () => 'an argument of its emulator',
};
const testimonies: Readonly<Record<ImageUse['by'], string>> = {
  definition: '',
  nextStart: ' from its next start on',
  savedMemory: ' in its saved memory',
  snapshot: ' in the record of the snapshot',
};

/** For what a VM names an image, e.g. `disk vda from its next start on`. */
export function wordsOfUse({ use, place, by, snapshotName }: ImageUse): string {
  const what = usesInWords[use]?.(place) ?? `${use} (${place})`;
  return `${what}${testimonies[by]}${snapshotName === null ? '' : ` “${snapshotName}”`}`;
}
