/** Parts of the state, by host and VM. What did not change is the same object, so that a view that selects it rests. */
import type { Image, Inventory, ReadableVm, Snapshot, Vm } from '../../shared/model/inventory.ts';
import { imagesById } from '../../shared/rules/chains/chains.ts';

/** Made when first asked for and kept as long as the list itself, which is never changed in place. */
const indexes = new WeakMap<Inventory['vms'], ReadonlyMap<string, Vm>>();
const imageIndexes = new WeakMap<readonly Image[], ReadonlyMap<string, Image>>();
const snapshotIndexes = new WeakMap<ReadableVm['snapshots'], ReadonlyMap<string, Snapshot>>();

/** The VMs of a list by UUID. */
export function vmsByUuid(vms: Inventory['vms']): ReadonlyMap<string, Vm> {
  const known = indexes.get(vms);
  if (known) return known;
  const index = new Map(vms.map((vm) => [vm.uuid, vm]));
  indexes.set(vms, index);
  return index;
}

/** The snapshots of a list by id. */
export function snapshotsById(snapshots: ReadableVm['snapshots']): ReadonlyMap<string, Snapshot> {
  const known = snapshotIndexes.get(snapshots);
  if (known) return known;
  const index = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  snapshotIndexes.set(snapshots, index);
  return index;
}

/** The images of a list by id. */
export function imageIndex(images: readonly Image[]): ReadonlyMap<string, Image> {
  const known = imageIndexes.get(images);
  if (known) return known;
  const index = imagesById(images);
  imageIndexes.set(images, index);
  return index;
}
