/** Which VMs hang on which images together: a template, its instances, and the templates that are instances themselves. Pure. */
import type { Image, Inventory, ReadableVm } from '../../model/inventory.ts';
import { writableDisks } from '../inventory/disks.ts';
import { chainOfDisk, imagesById } from './chains.ts';

/** An image that the disks of several VMs hang on, where their chains part. */
export interface Template {
  readonly image: Image;
  /** The VMs that have it as an active layer: to start one of them makes the data of the others wrong. */
  readonly vms: readonly ReadableVm[];
  /** Below it in the tree, by image. */
  readonly templates: readonly Template[];
  /** The VMs that hang on it and on no template above it, by name. */
  readonly instances: readonly Instance[];
}

export interface Instance {
  readonly vm: ReadableVm;
  /** The disks that hang on it. */
  readonly targets: readonly string[];
}

/** Chains that meet at an image: from which VM, by which disk. */
interface Strand {
  readonly vm: ReadableVm;
  readonly target: string;
  /** From the active layer down. */
  readonly imageIds: readonly string[];
}

/** The uppermost first: those that hang on no other template. */
export function templatesOf({ vms, images }: Pick<Inventory, 'vms' | 'images'>): readonly Template[] {
  const byId = imagesById(images);
  const strands = vms.flatMap((vm) =>
    vm.readable
      ? writableDisks(vm.disks).map((disk): Strand => ({
          vm,
          target: disk.target,
          imageIds: chainOfDisk(disk, byId)?.images.map(({ id }) => id) ?? [],
        }))
      : [],
  );
  const through = new Map<string, Set<string>>();
  for (const { vm, imageIds } of strands) {
    for (const id of imageIds) through.set(id, (through.get(id) ?? new Set()).add(vm.uuid));
  }
  const vmsThrough = (id: string | undefined) => (id === undefined ? 0 : (through.get(id)?.size ?? 0));
  // Where as many VMs come through the image above, the chains part there or higher.
  const parts = new Set(
    strands.flatMap(({ imageIds }) =>
      imageIds.filter((id, index) => vmsThrough(id) > 1 && vmsThrough(imageIds[index - 1]) < vmsThrough(id)),
    ),
  );
  const above = new Map<string, Set<string>>();
  const roots = new Set<string>();
  for (const { imageIds } of strands) {
    const ids = imageIds.filter((id) => parts.has(id)).toReversed();
    const [root] = ids;
    if (root !== undefined) roots.add(root);
    for (const [index, id] of ids.entries()) {
      const next = ids[index + 1];
      if (next !== undefined) above.set(id, (above.get(id) ?? new Set()).add(next));
    }
  }
  // Chains that are loops lead back.
  const templateAt = (id: string, seen: ReadonlySet<string> = new Set()): readonly Template[] => {
    const image = byId.get(id);
    if (!image || seen.has(id)) return [];
    const path = new Set([...seen, id]);
    const own = strands.filter(({ imageIds }) => imageIds.find((each) => parts.has(each)) === id);
    const active = own.filter(({ imageIds }) => imageIds[0] === id).map(({ vm }) => vm);
    const instances = Map.groupBy(
      own.filter(({ imageIds }) => imageIds[0] !== id),
      ({ vm }) => vm,
    );
    return [
      {
        image,
        vms: [...new Set(active)].sort(byName),
        templates: [...(above.get(id) ?? [])].sort().flatMap((next) => templateAt(next, path)),
        instances: [...instances]
          .map(([vm, of]) => ({ vm, targets: of.map(({ target }) => target) }))
          .sort((a, b) => byName(a.vm, b.vm)),
      },
    ];
  };
  return [...roots].sort().flatMap((id) => templateAt(id));
}

function byName(a: ReadableVm, b: ReadableVm): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
