/**
 * Where a VM's definition names other backing images than the images themselves: QEMU goes by the definition
 * (`<backingStore>`, of running VMs as it was at their start), everybody else by what is recorded in the images.
 */
import type { Problem, UnknownDependents } from '../../../../shared/model/inventory.ts';
import { chainFrom } from '../../../../shared/rules/chains/chains.ts';
import type { AssembleContext } from './assemble.ts';
import { sourceText, type DomainDisk } from './definitions/domain-xml.ts';
import type { VmRecords } from './vm-records.ts';

/**
 * The images below the active layer as the definition names them, as far as it does, where the images record others, or record more
 * below the one that it calls the last; null where both lead to the same, or nobody can compare them.
 */
export function chainBesideImages(disk: DomainDisk, context: AssembleContext): readonly string[] | null {
  const activeId = context.imageIdOf(disk.source);
  if (!disk.isChainDefined || activeId === null || disk.backing.some(({ source }) => source.kind === 'other'))
    return null;
  const chain = chainFrom(activeId, context.images, context.pathOf(disk.source) ?? activeId);
  if (chain.end !== 'base') return null;
  const recorded = chain.images.slice(1).map(({ id }) => id);
  const defined = disk.backing.map(({ source }) => ({ id: context.imageIdOf(source), text: sourceText(source) ?? '' }));
  const isSame =
    defined.every(({ id }, index) => id !== null && id === recorded[index]) &&
    (!disk.isChainEnded || defined.length === recorded.length);
  return isSame ? null : defined.map(({ id, text }) => id ?? text);
}

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
  const beside = layersBesideChains(vm, context);
  const told = new Set(beside.map(({ target }) => target));
  const others = vm.domain.disks.filter((disk) => !told.has(disk.target) && chainBesideImages(disk, context) !== null);
  return [
    ...beside.map(({ target, imageId }): Problem => ({
      severity: 'warning',
      message: `The definition of ${target} names ${imageId ?? 'an image that could not be found out'} as a backing image, and the images on storage do not: what libvirt uses is not the chain that is shown.`,
    })),
    ...others.map(({ target }): Problem => ({
      severity: 'warning',
      message: `The definition of ${target} leaves out backing images that the images on storage name: what libvirt uses is not the chain that is shown.`,
    })),
  ];
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
