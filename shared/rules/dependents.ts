/** Who may depend on an image without anybody being able to tell. */
import type { Inventory, UnknownDependents } from '../model/inventory.ts';

/**
 * What could not be looked into and may depend on the image `imageId`. An image does not depend on itself, so what is not
 * known of the image is not in it.
 */
export function unknownDependentsOf(
  inventory: Pick<Inventory, 'unknownDependents'>,
  imageId: string,
): readonly UnknownDependents[] {
  return inventory.unknownDependents.filter(
    ({ what, imageIds }) => what !== imageId && (imageIds === null || imageIds.includes(imageId)),
  );
}

/** As `unknownDependentsOf`, for several images at once. Without duplicates; empty for no images. */
export function unknownDependentsOfAny(
  inventory: Pick<Inventory, 'unknownDependents'>,
  imageIds: readonly string[],
): readonly UnknownDependents[] {
  const found = new Set(imageIds.flatMap((imageId) => unknownDependentsOf(inventory, imageId)));
  return inventory.unknownDependents.filter((each) => found.has(each));
}
