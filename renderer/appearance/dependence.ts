/** Who depends on an image, in what a layer of a chain says of it. Pure. */
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { dependentsOf, type Dependents } from '../../shared/rules/chains.ts';
import { unknownDependentsOf, wordsOfUse } from '../../shared/rules/dependents.ts';

/** Paths and what else could be told, each for the eye. */
export interface LayerDependence {
  /** Names of the other VMs. */
  readonly others: readonly string[];
  /** What else of a VM names the image: `web-01: snapshot record of …`. */
  readonly names: readonly string[];
  /** Whether another VM is among them, which a change of the image would concern. */
  readonly namedByOthers: boolean;
  /** Images that hang on it and that no VM names or reaches: left by a VM that is gone, or of another host. */
  readonly ofNoVm: readonly string[];
  /** Images that are used as raw and look as if they hung on it. */
  readonly possible: readonly string[];
  /** What could not be looked into and names it; what may need *any* image is not in it. */
  readonly unknown: readonly string[];
}

export function dependenceOf(
  imageId: string,
  vm: Pick<ReadableVm, 'uuid'>,
  inventory: Pick<Inventory, 'unknownDependents'>,
  dependents: ReadonlyMap<string, Dependents>,
): LayerDependence {
  const { childImageIds, possibleChildIds, vms, uses } = dependentsOf(imageId, dependents);
  return {
    others: vms.filter(({ uuid }) => uuid !== vm.uuid).map(({ name }) => name),
    names: [...new Set(uses.map((each) => `${each.vm.name}: ${wordsOfUse(each.use)}`))],
    namedByOthers: uses.some((each) => each.vm.uuid !== vm.uuid),
    ofNoVm: childImageIds.filter((child) => dependentsOf(child, dependents).vms.length === 0),
    possible: possibleChildIds,
    unknown: unknownDependentsOf(inventory, imageId)
      .filter(({ imageIds }) => imageIds !== null)
      .map(({ what }) => what),
  };
}
