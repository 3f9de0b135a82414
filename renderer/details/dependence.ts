/** Who depends on an image without belonging to a VM. Pure. */
import type { Inventory } from '../../shared/model/inventory.ts';
import { dependentsOf, type Dependents } from '../../shared/rules/chains.ts';
import { unknownDependentsOf } from '../../shared/rules/dependents.ts';

/** Paths and what else could be told, each for the eye. */
export interface DependenceOfNoVm {
  /** Images that hang on it and that no VM names or reaches: left by a VM that is gone, or of another host. */
  readonly ofNoVm: readonly string[];
  /** Images that are used as raw and look as if they hung on it. */
  readonly possible: readonly string[];
  /** What could not be looked into and names it; what may need *any* image is not in it. */
  readonly unknown: readonly string[];
}

export function dependenceOfNoVm(
  imageId: string,
  inventory: Pick<Inventory, 'unknownDependents'>,
  dependents: ReadonlyMap<string, Dependents>,
): DependenceOfNoVm {
  const { childImageIds, possibleChildIds } = dependentsOf(imageId, dependents);
  return {
    ofNoVm: childImageIds.filter((child) => dependentsOf(child, dependents).vms.length === 0),
    possible: possibleChildIds,
    unknown: unknownDependentsOf(inventory, imageId)
      .filter(({ imageIds }) => imageIds !== null)
      .map(({ what }) => what),
  };
}
