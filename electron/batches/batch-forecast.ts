/**
 * What the changes of a batch leave for those behind them on the same VM, as far as it can be told beforehand: whether the VM runs, and
 * what deletions make away with. Nothing is run by it: at its turn each change is planned for the host as it is then. Pure.
 */
import type { Image, ImageParent, Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { imagesById, imagesOfVm, reachedFrom } from '../../shared/rules/chains/chains.ts';
import { filesDeleted } from './batch-rooms.ts';
import { subtreeIds } from '../../shared/rules/snapshots/snapshot-forest.ts';

type Forecast = Pick<Plan, 'vmUuid' | 'request' | 'after' | 'steps'>;

/**
 * The host when the plan was run behind what led to `inventory`: it may have been made for the host before that. Of what a plan makes or
 * fills it knows nothing.
 */
export function afterPlan({ vmUuid, request, after, steps }: Forecast, inventory: Inventory): Inventory {
  const { vmState: state } = after;
  if (request.action !== 'deleteSnapshot') return withVm(inventory, vmUuid, () => ({ state }));
  const deleted = filesDeleted({ steps });
  const images = imagesById(inventory.images);
  // Whichever of two images of a chain goes, the other one takes its place.
  const inPlaceOf = (id: string) => climbed(id, deleted, (each) => images.get(each)?.parent?.imageId ?? null);
  const remaining = new Set(after.snapshots.map(({ id }) => id));
  const ended = new Map<string, Snapshot>();
  const changed = withVm(inventory, vmUuid, (vm) => {
    for (const each of vm.snapshots) if (!remaining.has(each.id)) ended.set(each.id, each);
    const above = (id: string) => climbed(id, ended, (each) => ended.get(each)?.parentId ?? null);
    return {
      state,
      snapshots: vm.snapshots
        .filter(({ id }) => remaining.has(id))
        .map((snapshot) => ({
          ...snapshot,
          parentId: snapshot.parentId && above(snapshot.parentId),
          disks: snapshot.disks.map((disk) => ({
            ...disk,
            dataImageId: disk.dataImageId && inPlaceOf(disk.dataImageId),
            overlayImageId: disk.overlayImageId && inPlaceOf(disk.overlayImageId),
          })),
        })),
      currentSnapshotId: vm.currentSnapshotId && above(vm.currentSnapshotId),
      disks: vm.disks.map((disk) =>
        disk.imageId === null || !deleted.has(disk.imageId)
          ? disk
          : { ...disk, imageId: inPlaceOf(disk.imageId), source: inPlaceOf(disk.imageId) },
      ),
    };
  });
  const before = inventory.vms.find(({ uuid }) => uuid === vmUuid);
  const own = new Set(before?.readable === true ? reachedFrom(imagesOfVm(before), images) : []);
  const lost = new Set([...ended.values()].flatMap(({ kind, name }) => (kind === 'internal' ? [name] : [])));
  return {
    ...changed,
    images: inventory.images
      .filter(({ id }) => !deleted.has(id))
      .map((image) => {
        const { parent, internalSnapshots } = image;
        const parentId = parent?.imageId ?? null;
        const next = parentId !== null && deleted.has(parentId) ? inPlaceOf(parentId) : parentId;
        const below = next === null ? undefined : images.get(next);
        return {
          ...image,
          ...(next !== parentId && { parent: below === undefined ? null : onImage(below) }),
          // Of the VM's own images only: another VM's may have snapshots of the same names.
          ...(own.has(image.id) && { internalSnapshots: internalSnapshots.filter(({ name }) => !lost.has(name)) }),
        };
      }),
  };
}

/** The first that is not gone, of an id and what lies behind it. */
function climbed(
  id: string,
  gone: { readonly has: (id: string) => boolean },
  behind: (id: string) => string | null,
): string | null {
  const seen = new Set<string>();
  let at: string | null = id;
  while (at !== null && gone.has(at) && !seen.has(at)) {
    seen.add(at);
    at = behind(at);
  }
  return at !== null && gone.has(at) ? null : at;
}

function onImage({ id, format }: Image): ImageParent {
  return { relation: 'backing', reference: id, imageId: id, format };
}

function withVm(inventory: Inventory, vmUuid: string, change: (vm: ReadableVm) => Partial<ReadableVm>): Inventory {
  const vms = inventory.vms.map((vm) => (vm.uuid === vmUuid && vm.readable ? { ...vm, ...change(vm) } : vm));
  return { ...inventory, vms };
}

/** The host with the VM in the state in which it is on another reading. */
export function inStateOf(inventory: Inventory, vmUuid: string, later: Inventory): Inventory {
  const vm = later.vms.find(({ uuid }) => uuid === vmUuid);
  return vm?.readable === true ? withVm(inventory, vmUuid, () => ({ state: vm.state })) : inventory;
}

/** Whether a deletion names nothing that is there before the changes in front of it, and not behind them. */
export function isDoneBefore(request: ChangeRequest, present: Inventory, later: Inventory): boolean {
  if (request.action !== 'deleteSnapshot') return false;
  const of = ({ vms }: Inventory) => {
    const vm = vms.find(({ uuid }) => uuid === request.vmUuid);
    return vm?.readable === true ? vm.snapshots : [];
  };
  const named = [request.snapshotId, ...(request.otherSnapshotIds ?? [])];
  const meant = request.withDescendants ? named.flatMap((id) => subtreeIds(id, of(present))) : named;
  const isIn = (inventory: Inventory, id: string) => of(inventory).some((each) => each.id === id);
  return meant.every((id) => isIn(present, id) && !isIn(later, id));
}

/** What takes something away: not made where the snapshot that was to keep it is not made. */
const takesAway: ReadonlySet<ChangeRequest['action']> = new Set([
  'deleteSnapshot',
  'revertToSnapshot',
  'commitImages',
  'pullImages',
  'discardMemory',
]);

export function needsWhatIsMadeBefore({ action }: ChangeRequest): boolean {
  return takesAway.has(action);
}
