/**
 * Refusals of plans of any driver that follow from the images of a VM's disks, as they were read. Planning refuses by them, from a
 * fresh reading; the window says them before anybody asks for a plan.
 */
import type { Disk, Image, ReadableVm } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { brokenChainOfDisk } from './broken-chains.ts';
import { chainFrom, chainOfDisk } from './chains.ts';
import { note } from '../text/plan-note.ts';

/** A VM and what is known of images, by id. */
export interface VmWithImages {
  readonly vm: ReadableVm;
  readonly images: ReadonlyMap<string, Image>;
}

/** Every chain of the VM must be whole: a change on top of a broken one hides the damage and can add to it. */
export function chainRefusals({ images }: Pick<VmWithImages, 'images'>, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) => {
    // A plan is about disks that hold data: one without a source has nothing that could be kept.
    if (disk.imageId === null && disk.source === null) {
      return [
        note('diskEmpty', `Disk ${disk.target} has no source, so there is nothing of it that a snapshot could hold.`),
      ];
    }
    const broken = brokenChainOfDisk(disk, images);
    if (!broken) return [];
    return [note('chainBroken', `The chain of disk ${disk.target} ${broken.words} ${broken.remedy}`, [broken.at])];
  });
}

/**
 * A change of images is about the chain that these record. Where the VM's definition names another, the guest reads that, and would
 * read something else afterwards, without a word.
 */
export function definedChainRefusals({ images }: Pick<VmWithImages, 'images'>, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) => {
    const { target, imageId, definedChain } = disk;
    if (definedChain === undefined || imageId === null) return [];
    const recorded = (chainOfDisk(disk, images)?.images ?? []).slice(1).map(({ id }) => id);
    const below = (ids: readonly string[]) => (ids.length === 0 ? 'nothing' : ids.join(', '));
    return [
      note(
        'otherChainDefined',
        `Below ${imageId} the definition of disk ${target} names ${below(definedChain)}, and the images themselves record ${below(recorded)}. The guest reads what the definition names, and this change would be made to the other. Shut the VM down and find out which is right: then take <backingStore> out of the definition (virsh edit), or let the images record what it names (qemu-img rebase -u).`,
        [imageId],
      ),
    ];
  });
}

/**
 * Relative references count from the path by which an image is opened. Whoever opens it anew does so by its own; the VM may come by
 * another, such as a link in another folder, and read through other images (seen on 9.0 and 11.3: data of the wrong base).
 *
 * @param used disks, and the images that are to be opened anew for them
 * @param reader who would then read something else, as the beginning of a sentence
 */
export function otherPathRefusals(
  { images }: Pick<VmWithImages, 'images'>,
  used: readonly { readonly disk: Disk; readonly image: Image }[],
  reader: string,
): PlanNote[] {
  return used.flatMap(({ disk, image }) => {
    const below = (path: string) => chainFrom(image.id, images, path).images.map(({ id }) => id);
    const paths =
      disk.imageId === image.id ? [disk.openedAs ?? image.id] : (image.parentsByPath ?? []).map(({ path }) => path);
    const own = below(image.id);
    const other = paths.find((path) => below(path).join('\n') !== own.join('\n'));
    if (other === undefined) return [];
    const words = (ids: readonly string[]) => ids.slice(1).join(', ') || 'nothing';
    const message = `${image.id} (disk ${disk.target}) is opened as ${other}, and what it hangs on counts from there: ${words(below(other))}. By its own path it hangs on ${words(own)}, and ${reader} would read that. Find out which is right, and let the image record it by an absolute path (qemu-img rebase -u).`;
    return [note('otherPath', message, [image.id])];
  });
}

/**
 * Images of the disks' chains that are marked corrupt. QEMU opens none of these for writing, and a command over several
 * disks then ends between two of them: some set back, some not (seen with snapshot-revert on 7.0, 9.0 and 11.3).
 */
export function corruptRefusals({ images }: Pick<VmWithImages, 'images'>, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) =>
    (chainOfDisk(disk, images)?.images ?? [])
      .filter(({ corrupt }) => corrupt === true)
      .map(({ id }) =>
        note(
          'imageCorrupt',
          `${id}, in the chain of disk ${disk.target}, is marked corrupt by its own format: QEMU does not open it for writing, and a change of several disks would end half done. Copy what can still be read to a safe place first; then examine the copy with qemu-img check.`,
          [id],
        ),
      ),
  );
}
