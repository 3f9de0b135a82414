/** Which images a VM names besides those of its present disks and of its snapshots. Pure. */
import type { Disk, ImageUse, NamedFolder, Snapshot } from '../../../../shared/model/inventory.ts';
import { chainOfDisk, reachedFrom } from '../../../../shared/rules/chains/chains.ts';
import { withoutEnd } from '../../../../shared/rules/text/trim.ts';
import type { AssembleContext } from './assemble.ts';
import type { FileClaim } from './definitions/file-claims.ts';
import { imageUses } from './definitions/named-files.ts';
import type { VmRecords } from './vm-records.ts';

/**
 * Every image that the VM names for anything, without what its disks and snapshots tell already: that its disks are what they
 * are, that their chains are what is on storage, and that its snapshots hold data. What names an image with another format
 * than it has is kept.
 */
export function usesBesides(
  { files }: Pick<VmRecords, 'files'>,
  { disks, snapshots }: { readonly disks: readonly Disk[]; readonly snapshots: readonly Snapshot[] },
  context: AssembleContext,
): ImageUse[] {
  const active = new Map(disks.map((disk) => [disk.target, disk.imageId]));
  const inChain = new Map(
    disks.map((disk) => [disk.target, new Set(chainOfDisk(disk, context.images)?.images.map(({ id }) => id))]),
  );
  const held = snapshots.flatMap((snapshot) =>
    snapshot.disks.flatMap(({ dataImageId, overlayImageId }) => [dataImageId ?? [], overlayImageId ?? []].flat()),
  );
  const ofSnapshots = reachedFrom(held, context.images);
  const isTold = ({ use, place, by, format }: FileClaim, imageId: string): boolean => {
    const image = context.images.get(imageId);
    if (format !== null && image !== undefined && image.format !== null && format !== image.format)
      return by === 'definition' && use === 'disk';
    switch (by) {
      case 'definition':
        return use === 'disk' || (use === 'backing' && (inChain.get(place)?.has(imageId) ?? false));
      case 'snapshot':
        return imageUses.has(use) && use !== 'mirror' && ofSnapshots.has(imageId);
      case 'nextStart':
      case 'savedMemory':
        return (
          (use === 'disk' && active.get(place) === imageId) ||
          (use === 'backing' && (inChain.get(place)?.has(imageId) ?? false))
        );
    }
  };
  return files.flatMap((claim): ImageUse[] => {
    const imageId = context.imageIdOf(claim.source);
    if (imageId === null || isTold(claim, imageId)) return [];
    const { use, place, by, snapshotName, format } = claim;
    return [{ imageId, use, place, by, snapshotName, format }];
  });
}

/** The folders with images in them that the VM names, whatever for; each once, and as shared with its guest where it is that too. */
export function namedFolders(
  { files }: Pick<VmRecords, 'files'>,
  { foldersWithImages, realPathOf }: Pick<AssembleContext, 'foldersWithImages' | 'realPathOf'>,
): NamedFolder[] {
  const found = new Map<string, NamedFolder>();
  for (const { use, source } of files) {
    if (source.kind !== 'image') continue;
    // Where it is not known behind links, as it is named.
    const path = withoutEnd(realPathOf(source.reference), '/') || '/';
    if (!foldersWithImages.has(path) || (found.has(path) && use !== 'filesystem')) continue;
    found.set(path, { path, use });
  }
  return [...found.values()];
}
