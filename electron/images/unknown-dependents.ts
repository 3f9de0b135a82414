/** What could not be resolved on a host and may, for all that is known, depend on its images. Pure. */
import type { Image, ReadableVm, UnknownDependents, Vm } from '../../shared/model/inventory.ts';
import { dependentsIndex, dependentsOf } from '../../shared/rules/chains/chains.ts';
import { isForMedia } from '../../shared/rules/inventory/disks.ts';
import { firstOf } from '../../shared/rules/text/first-of.ts';
import type { ImageReading } from './scan/read-images.ts';

/** Sources of libvirt that hold no image which could have a backing image. */
const sourcesWithoutImage = /^(dir|nvme|vhostuser|vhostvdpa):/;

/**
 * Puts together what the reading of the images left open and what the VMs leave open: VMs that could not be read, and
 * disks whose source led to no image.
 *
 * @param further what else is known to be unknown, e.g. storage pools that could not be listed
 */
export function unknownDependents(
  vms: readonly Vm[],
  reading: Pick<ImageReading, 'images' | 'unknownDependents' | 'openBy'>,
  further: readonly UnknownDependents[] = [],
): UnknownDependents[] {
  const told = new Set(further.flatMap(({ subject }) => (subject?.kind === 'source' ? [subject.reference] : [])));
  const ofVms = vms.flatMap((vm): UnknownDependents[] => {
    if (!vm.readable) {
      const reason = `The VM could not be read: ${vm.reason}`;
      return [{ what: `VM ${vm.name ?? vm.uuid}`, reason, subject: { kind: 'vm', uuid: vm.uuid }, imageIds: null }];
    }
    return vm.disks.flatMap((disk): UnknownDependents[] => {
      // What lies in a drive for CDs or floppies is raw as a rule, and raw images have no backing image.
      if (isForMedia(disk) && (disk.format === null || disk.format === 'raw')) return [];
      if (
        disk.imageId !== null ||
        disk.source === null ||
        told.has(disk.source) ||
        sourcesWithoutImage.test(disk.source)
      )
        return [];
      const reason = `Which image disk ${disk.target} of the VM ${vm.name} uses could not be found out.`;
      return [{ what: disk.source, reason, subject: { kind: 'source', reference: disk.source }, imageIds: null }];
    });
  });
  return [
    ...ofVms,
    ...ofNetworkImages(vms, reading.images),
    ...openUnexplained(vms, reading),
    ...reading.unknownDependents,
    ...further,
  ];
}

/**
 * Images that are open while no VM runs that names them: whoever has them open is in no list that was read. It can be a VM of
 * another user or another hypervisor, qemu-nbd, a copy that a backup makes, or a mount.
 */
function openUnexplained(
  vms: readonly Vm[],
  { images, openBy }: Pick<ImageReading, 'images' | 'openBy'>,
): UnknownDependents[] {
  if (openBy.size === 0) return [];
  const index = dependentsIndex({ images: [...images], vms: [...vms] });
  return [...openBy].flatMap(([imageId, programs]): UnknownDependents[] => {
    if (dependentsOf(imageId, index).vms.some(({ state }) => state !== 'shutoff')) return [];
    return [
      {
        what: `what has ${imageId} open`,
        reason: `It is open, and no VM that runs names it: ${firstOf(programs)}.`,
        imageIds: [imageId],
        remedy: `Find out what uses ${imageId} (lsof, lslocks and losetup say it, as root; VMs of other users: virsh -c qemu:///session), and end that first.`,
        hasOpen: true,
      },
    ];
  });
}

/**
 * An image on the network is not examined: a server may take one client only, or end with it (qemu-nbd does). Used as raw it
 * has no backing image; of any other nothing speaks for one that is a file of this host, unless a definition names that. What is used in drives for CDs alone is raw, whether or not the definition says so.
 */
function ofNetworkImages(vms: readonly Vm[], images: readonly Image[]): readonly UnknownDependents[] {
  const open = images.filter(({ kind, format }) => kind === 'network' && format !== 'raw');
  if (open.length === 0) return [];
  const readable = vms.filter((vm): vm is ReadableVm => vm.readable);
  const drives = readable.flatMap(({ disks }) => disks);
  const needed = new Set([
    ...images.map(({ parent }) => parent?.imageId),
    ...readable.flatMap(({ snapshots }) =>
      snapshots.flatMap(({ disks }) => disks.flatMap((disk) => [disk.dataImageId, disk.overlayImageId])),
    ),
  ]);
  return open.flatMap(({ id }): UnknownDependents[] => {
    const uses = drives.filter(({ imageId }) => imageId === id);
    if (uses.length > 0 && uses.every(isForMedia) && !needed.has(id)) return [];
    const reason = 'Images on the network are not examined, so its backing image is not known.';
    // A relative reference leads from there to the network again; only an absolute path could lead to a file of this host.
    const remedy =
      'Whether it is an overlay of a file of this host says qemu-img info, asked where its server takes another client.';
    const subject = { kind: 'image', id, part: 'backing' } as const;
    return [{ what: id, reason, subject, imageIds: null, remedy, likelihood: 'remote' }];
  });
}
