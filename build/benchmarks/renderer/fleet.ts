/** The hosts that the window is measured with: one VM with very many snapshots, and very many VMs. */
import {
  backing,
  disk,
  host,
  image,
  largeTree,
  manyVms,
  now,
  uuid,
  vm,
} from '../../../e2e/renderer/inventories.fixtures.ts';
import type { Harness } from '../../../e2e/renderer/main-process.fixtures.ts';
import type { Inventory, ReadableVm } from '../../../shared/model/inventory.ts';

export const largeHost = uuid(1);
const layers = [
  '/var/lib/libvirt/images/web.qcow2',
  '/var/lib/libvirt/images/release.qcow2',
  '/var/lib/libvirt/images/base.qcow2',
] as const;
const session = { state: 'connected' as const, since: now };

/** One host: `large` with `snapshots` snapshots, and ten small VMs. */
export function showLargeVm(harness: Harness, snapshots: number): void {
  const small = manyVms(10);
  const tree = [...largeTree(snapshots)];
  const large = vm(1, 'large', { snapshots: tree, currentSnapshotId: tree.at(-1)?.id ?? null });
  harness.setHosts([host(1, 'kvm1', session)]);
  harness.setInventory(largeHost, { inventory: { ...small, vms: [large, ...small.vms] } });
}

/** Many hosts of many VMs; the first VM of the first host has a real tree, and a chain of three images. */
export function showFleet(harness: Harness, hosts: number, vmsOfEach: number): readonly string[] {
  const ids = Array.from({ length: hosts }, (_, index) => uuid(index + 1));
  harness.setHosts(ids.map((_, index) => host(index + 1, `kvm${String(index + 1).padStart(2, '0')}`, session)));
  for (const [index, hostId] of ids.entries()) {
    const inventory = manyVms(vmsOfEach);
    if (index > 0) {
      harness.setInventory(hostId, { inventory });
      continue;
    }
    const first = vm(1, 'portal', {
      snapshots: [...largeTree(60)],
      currentSnapshotId: 'nightly 00059',
      disks: [disk('vda', layers[0])],
    });
    const images = layers.map((layer, at) => {
      const below = layers[at + 1];
      return image(layer, { parent: below === undefined ? null : backing(below) });
    });
    harness.setInventory(hostId, {
      inventory: { ...inventory, vms: [first, ...inventory.vms.slice(1)], images: [...inventory.images, ...images] },
    });
  }
  return ids;
}

/** The same reading, in which only the VM at `index` is another object: it has a new title. */
export function withChangedVm(inventory: Inventory, index: number, title: string): Inventory {
  const vms = inventory.vms.map((each, at) => (at === index && each.readable ? { ...each, title } : each));
  return { ...inventory, readAt: inventory.readAt + 1, vms };
}

/** The same reading with one more snapshot on the VM at `index`. */
export function withSnapshot(inventory: Inventory, index: number, name: string): Inventory {
  const grown = (each: ReadableVm): ReadableVm => {
    const [like] = each.snapshots;
    if (!like) return each;
    const parentId = each.currentSnapshotId;
    return {
      ...each,
      snapshots: [...each.snapshots, { ...like, id: name, name, parentId, createdAt: now }],
      currentSnapshotId: name,
    };
  };
  const vms = inventory.vms.map((each, at) => (at === index && each.readable ? grown(each) : each));
  return { ...inventory, readAt: inventory.readAt + 1, vms };
}
