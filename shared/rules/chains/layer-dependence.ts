/** Who depends on an image, in what a layer of a chain says of it. Pure. */
import type { Inventory, ReadableVm } from '../../model/inventory.ts';
import { dependentsOf, type Dependents } from './chains.ts';
import { unknownDependentsOf, wordsOfUse } from './dependents.ts';

/** Paths and what else could be told, each for the eye. */
export interface LayerDependence {
  /** Names of the other VMs. */
  readonly others: readonly string[];
  /** What else of a VM names the image: `web-01: snapshot record of …`. */
  readonly names: readonly string[];
  /** Whether another VM is among them, which a change of the image would concern. */
  readonly namedByOthers: boolean;
  /**
   * Images that hang on it, that only this VM reaches, and that are not in the chain: what a revert left, which a snapshot's
   * record names, or the chain of another disk. A merge into the image is refused for them too.
   */
  readonly inOtherChains: readonly string[];
  /** Images that hang on it and that no VM names or reaches: left by a VM that is gone, or of another host. */
  readonly ofNoVm: readonly string[];
  /** Images that are used as raw and look as if they hung on it. */
  readonly possible: readonly string[];
  /** What could not be looked into and names it; what may need *any* image is not in it. */
  readonly unknown: readonly string[];
}

/** @param chain the images of the chain of `vm` in which the image is a layer */
export function dependenceOf(
  imageId: string,
  chain: readonly { readonly id: string }[],
  vm: Pick<ReadableVm, 'uuid'>,
  inventory: Pick<Inventory, 'unknownDependents'>,
  dependents: ReadonlyMap<string, Dependents>,
): LayerDependence {
  const { childImageIds, possibleChildIds, vms, uses } = dependentsOf(imageId, dependents);
  const vmsOf = (child: string): readonly ReadableVm[] => dependentsOf(child, dependents).vms;
  return {
    others: vms.filter(({ uuid }) => uuid !== vm.uuid).map(({ name }) => name),
    names: [...new Set(uses.map((each) => `${each.vm.name}: ${wordsOfUse(each.use)}`))],
    namedByOthers: uses.some((each) => each.vm.uuid !== vm.uuid),
    inOtherChains: childImageIds.filter(
      (child) =>
        !chain.some(({ id }) => id === child) &&
        vmsOf(child).length > 0 &&
        vmsOf(child).every(({ uuid }) => uuid === vm.uuid),
    ),
    ofNoVm: childImageIds.filter((child) => vmsOf(child).length === 0),
    possible: possibleChildIds,
    unknown: unknownDependentsOf(inventory, imageId)
      .filter(({ imageIds }) => imageIds !== null)
      .map(({ what }) => what),
  };
}
