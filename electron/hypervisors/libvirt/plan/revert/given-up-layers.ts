/** The overlays that a revert without saving takes out of use for good, and that go with it. Pure. */
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../../../shared/model/plan.ts';
import { dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import { foldersAround, unknownDependentsOf } from '../../../../../shared/rules/chains/dependents.ts';
import { filesGo, nothingNeeds } from '../files-go.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { hangs, isOnNewOverlays, type Branch } from './revert-branches.ts';

type Step = Omit<PlanStep, 'index'>;

export interface GivenUpLayer {
  readonly target: string;
  readonly imageId: string;
  /** The name of the snapshot that it hangs on: it holds what was written since, and nothing else. */
  readonly since: string;
}

/**
 * Active layers of these disks that hold nothing but what was written since a snapshot of the VM, and that nobody else names or hangs
 * on: left there, they would keep that snapshot from being deleted. An overlay that was made with a snapshot is named by its record,
 * and goes with that one.
 */
export function givenUpLayers(branches: readonly Branch[], context: LibvirtContext): readonly GivenUpLayer[] {
  return branches.flatMap(({ disk }) => {
    const image = disk.imageId === null ? undefined : context.images.get(disk.imageId);
    const parentId = image?.parent?.imageId ?? null;
    if (!image || parentId === null || !isOnlyUsedAs(disk.target, image, context)) return [];
    const since = context.vm.snapshots.findLast(({ disks }) =>
      disks.some(({ target, dataImageId }) => target === disk.target && dataImageId === parentId),
    );
    return since ? [{ target: disk.target, imageId: image.id, since: since.name }] : [];
  });
}

/** @param target of the VM's disk that may write to it; null: none may */
function isOnlyUsedAs(target: string | null, image: Image, context: LibvirtContext): boolean {
  const { vm, inventory } = context;
  const { childImageIds, possibleChildIds, activeFor, uses, vms } = dependentsOf(image.id, context.dependents);
  const isOwn = ({ uuid }: { readonly uuid: string }): boolean => uuid === vm.uuid;
  const recorded = vm.snapshots.flatMap(({ disks }) =>
    disks.flatMap(({ dataImageId, overlayImageId }) => [dataImageId, overlayImageId]),
  );
  const readableVms = inventory.vms.filter((each) => each.readable);
  return (
    image.status === 'ok' &&
    image.dataFile === undefined &&
    image.internalSnapshots.length + image.otherPaths.length + childImageIds.length + possibleChildIds.length === 0 &&
    activeFor.every((each) => isOwn(each.vm) && each.disk.target === target) &&
    uses.every((each) => isOwn(each.vm) && ['definition', 'nextStart'].includes(each.use.by)) &&
    vms.every(isOwn) &&
    !recorded.includes(image.id) &&
    unknownDependentsOf(inventory, image.id).length === 0 &&
    foldersAround(image, readableVms).length === 0
  );
}

/**
 * Deletes them, when the VM uses the new overlays. Where a plan that was begun has got so far that it does, only that plan knows which
 * layers it left; what of them is in use by now stays.
 */
export function givenUpLayersGo(
  layers: readonly GivenUpLayer[],
  branches: readonly Branch[],
  context: LibvirtContext,
): readonly Step[] {
  const begun = (context.rest.at(-1)?.deletes ?? []).filter((imageId) => {
    const image = context.images.get(imageId);
    return image !== undefined && isOnlyUsedAs(null, image, context);
  });
  const imageIds = isOnNewOverlays(branches) ? begun : layers.map(({ imageId }) => imageId);
  return removal(imageIds, hangs(branches));
}

/** The deletion alone, where it is what is left of a plan that was cut off; null where more is left. */
export function begunRemoval({ rest }: LibvirtContext): readonly Step[] | null {
  const isRemoval = ({ onlyLooks, deletes }: Step): boolean => onlyLooks === true || deletes.length > 0;
  const last = rest.at(-1);
  if (!last || last.deletes.length === 0 || !rest.every(isRemoval)) return null;
  const [first] = rest;
  const stays = first?.onlyLooks === true ? first.verify.filter(({ kind }) => kind !== 'noDependents') : [];
  return removal(last.deletes, stays);
}

function removal(imageIds: readonly string[], stays: Step['verify']): readonly Step[] {
  if (imageIds.length === 0) return [];
  const look = nothingNeeds(imageIds, { what: 'left' });
  return [{ ...look, verify: [...stays, ...look.verify] }, filesGo(imageIds, [])];
}
