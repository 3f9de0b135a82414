/**
 * Where a VM's definition names other backing images than the images themselves: QEMU goes by the definition
 * (`<backingStore>`, of running VMs as it was at their start), everybody else by what is recorded in the images.
 */
import type { Problem, UnknownDependents } from '../../../../shared/model/inventory.ts';
import { chainFrom } from '../../../../shared/rules/chains.ts';
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
    const chain = activeId === null ? null : chainFrom(activeId, context.images, context.pathOf(source) ?? activeId);
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

/** Backing images that definitions name and that could not be found out. Those that could are among the VM's uses. */
export function unknownLayers(vms: Iterable<VmRecords>, context: AssembleContext): UnknownDependents[] {
  return [...vms].flatMap((vm) =>
    layersBesideChains(vm, context)
      .filter(({ imageId }) => imageId === null)
      .map(({ target }) => ({
        what: `Disk ${target} of the VM ${vm.domain.name}`,
        reason:
          'Its definition names an image that could not be found out as a backing image, and the images on storage do not.',
        imageIds: null,
      })),
  );
}
