/**
 * Where a VM's definition names other backing images than the images themselves: QEMU goes by the definition
 * (`<backingStore>`, of running VMs as it was at their start), everybody else by what is recorded in the images.
 */
import type { Problem, UnknownDependents } from '../../../../shared/model/inventory.ts';
import { chainFrom } from '../../../../shared/rules/chains.ts';
import { isForMedia } from '../../../../shared/rules/disks.ts';
import type { AssembleContext } from './assemble.ts';
import type { VmRecords } from './vm-records.ts';

interface DefinedLayer {
  readonly target: string;
  /** The image that the definition names; null where it is not known which that is. */
  readonly imageId: string | null;
}

/** The backing images of a VM's definitions, now and for its next start, to which the recorded chains do not lead. */
function layersBesideChains({ domain, inactive }: VmRecords, context: AssembleContext): readonly DefinedLayer[] {
  const disks = [...domain.disks, ...(inactive?.disks ?? [])].filter(({ backing }) => backing.length > 0);
  return disks.flatMap(({ target, source, backing }) => {
    const activeId = context.imageIdOf(source);
    const chain = activeId === null ? null : chainFrom(activeId, context.images);
    // What is said of a chain that is not whole does not need to be said of each layer below the break.
    if (chain?.end !== 'base') return [];
    const recorded = new Set<string | null>(chain.images.map(({ id }) => id));
    return backing
      .filter((layer) => layer.source.kind !== 'other')
      .map((layer) => ({ target, imageId: context.imageIdOf(layer.source) }))
      .filter(({ imageId }) => imageId === null || !recorded.has(imageId));
  });
}

/** For whoever looks at the VM. */
export function problemsOfDefinedChains(vm: VmRecords, context: AssembleContext): readonly Problem[] {
  return layersBesideChains(vm, context).map(({ target, imageId }) => ({
    severity: 'warning',
    message: `The definition of ${target} names ${imageId ?? 'an image that could not be found out'} as a backing image, and the images on storage do not: what libvirt uses is not the chain that is shown.`,
  }));
}

/** Images that have a dependent of which neither an image nor the present disks of a VM tell. */
export function dependentsByDefinition(vms: Iterable<VmRecords>, context: AssembleContext): UnknownDependents[] {
  const chainOf = (imageId: string) => chainFrom(imageId, context.images).images.map(({ id }) => id);
  return [...vms].flatMap((vm) => [
    ...layersBesideChains(vm, context).map(({ target, imageId }) => ({
      what: `Disk ${target} of the VM ${vm.domain.name}`,
      reason: `Its definition names ${imageId ?? 'an image that could not be found out'} as a backing image, and the images on storage do not.`,
      imageIds: imageId === null ? null : chainOf(imageId),
    })),
    ...imagesOfNextStart(vm, context).map(({ target, imageId }) => ({
      what: `Disk ${target} of the VM ${vm.domain.name} from its next start on`,
      reason: `The VM will then use ${imageId}.`,
      imageIds: chainOf(imageId),
    })),
  ]);
}

/** Images that a running VM will use from its next start on, and does not use now. */
function imagesOfNextStart({ domain, inactive }: VmRecords, context: AssembleContext) {
  const now = new Set(domain.disks.map(({ source }) => context.imageIdOf(source)));
  return (inactive?.disks ?? []).flatMap((disk) => {
    const { target } = disk;
    const imageId = context.imageIdOf(disk.source);
    return imageId === null || isForMedia(disk) || now.has(imageId) ? [] : [{ target, imageId }];
  });
}
