/** What of a VM's disks keeps it from starting, besides chains that are broken. One place for the problems of a VM and for findings. */
import type { Disk, HypervisorKind, Image, ReadableVm } from '../../model/inventory.ts';
import { chainOfDisk, longestLibvirtChain } from './chains.ts';
import { isForMedia } from '../inventory/disks.ts';
import { otherAtNextStart } from './next-start.ts';
import { shellLine } from '../text/shell-words.ts';

export interface StartRefusal {
  /** A whole sentence, or more. */
  readonly message: string;
  readonly remedy: string;
}

/** That a VM will not start; null for one that is never started again, for it is defined nowhere. */
function willNotStart({ name, state, persistent }: ReadableVm): string | null {
  if (!persistent) return null;
  return state === 'shutoff'
    ? `${name} does not start like this.`
    : `${name} does not start again once it is shut off.`;
}

/** As `willNotStart`, where a disk cannot be opened; null where the VM starts without it, or with another image. */
export function willNotStartWithout(disk: Disk, vm: ReadableVm): string | null {
  if (isForMedia(disk) || disk.optional === true) return null;
  return otherAtNextStart(vm).some((other) => other.disk === disk) ? null : willNotStart(vm);
}

/** Of each disk whose chain is whole: formats that QEMU does not open, images that are corrupt, and chains that are too long. */
export function startRefusals(
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  hypervisor: HypervisorKind,
): readonly StartRefusal[] {
  return vm.disks.flatMap((disk) => {
    const image = disk.imageId === null ? undefined : images.get(disk.imageId);
    const start = willNotStartWithout(disk, vm);
    if (image?.status !== 'ok' || start === null) return [];
    return [
      ...wrongFormat(disk, image, start, vm),
      ...corruptImage(disk, image, start),
      tooLongChain(disk, vm, images, hypervisor) ?? [],
    ].flat();
  });
}

/** The format that an image is in; null where that is not known. LUKS stands in definitions beside the format. */
export function formatByHeader(image: Image): string | null {
  const format = image.header?.format ?? image.format;
  return format === 'luks' ? null : format;
}

function wrongFormat(disk: Disk, image: Image, start: string, vm: ReadableVm): readonly StartRefusal[] {
  const format = formatByHeader(image);
  // As raw QEMU opens everything.
  if (format === null || disk.format === null || disk.format === format || disk.format === 'raw') return [];
  return [
    {
      message: `Disk ${disk.target} uses ${image.id} as ${disk.format}, but it is ${format}, and QEMU refuses to open it so. ${start}`,
      remedy: `Put the right image there, or set <driver name='qemu' type='${format}'/> of the disk: ${shellLine(['virsh', 'edit', vm.uuid])}`,
    },
  ];
}

function corruptImage(disk: Disk, image: Image, start: string): readonly StartRefusal[] {
  if (image.corrupt !== true || disk.readOnly) return [];
  return [
    {
      message: `${image.id}, to which disk ${disk.target} writes, is marked corrupt by its own format, and QEMU does not open it for writing. ${start}`,
      remedy: corruptRemedy,
    },
  ];
}

export const corruptRemedy =
  'Copy what can still be read to a safe place first; then examine the copy with qemu-img check.';

/** Of a chain that is longer than the hypervisor takes. */
export function tooLongChain(
  disk: Disk,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  hypervisor: HypervisorKind,
): StartRefusal | null {
  const length = chainOfDisk(disk, images)?.images.length ?? 0;
  if (hypervisor !== 'libvirt' || length <= longestLibvirtChain) return null;
  return {
    message: `The chain of disk ${disk.target} of VM “${vm.name}” has ${length} images, and libvirt takes ${longestLibvirtChain}: the VM will not start${vm.state === 'shutoff' ? '' : ' again once it is shut off'}.`,
    remedy:
      'While the VM is shut off, write the whole chain into one new image where there is room for it (qemu-img convert), and give the disk that image (virsh edit). Keep the old images as they are: snapshots, clones and other VMs may need them, and a commit into one of them would change what they read.',
  };
}
