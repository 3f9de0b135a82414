/** A made-up VM whose chains have images to merge: some of them alone its own, the base of one not. */
import type { Image, Inventory } from '../../shared/model/inventory.ts';
import { backing, busyInventory, disk, image, now, snapshot, vm } from './inventories.fixtures.ts';

const folder = '/var/lib/libvirt/images';
const gibibyte = 1024 ** 3;
const names = ['before release 7', 'before release 8', 'before the firewall', 'before release 9'];

/** The image of a disk that the snapshot with this number went on in; 0: the first. */
export function imageOf(target: string, number: number): string {
  return `${folder}/ledger-${target}${number === 0 ? '' : `.${number}`}.qcow2`;
}

/** `vda` on a template that another VM needs, and `vdb` on a base of its own, each with four overlays. */
export function chainedInventory(): Inventory {
  const inventory = busyInventory();
  const template = inventory.images.find(({ id }) => id.endsWith('golden-12.qcow2'));
  if (!template) throw new Error('The fixture has no template.');
  const chain = (target: string, lowest: Image['parent']) =>
    [0, 1, 2, 3, 4].map((number) =>
      image(imageOf(target, number), {
        allocatedBytes: [11.4, 0.4, 2.5, 0.02, 5.2].map((size) => size * gibibyte)[number] ?? 0,
        parent: number === 0 ? lowest : backing(imageOf(target, number - 1)),
      }),
    );
  const snapshots = names.map((name, number) =>
    snapshot(name, names[number - 1] ?? null, {
      createdAt: now - (names.length - number) * 86_400 * 9,
      kind: 'external',
      vmState: 'disk-only',
      memory: { kind: 'none' },
      disks: ['vda', 'vdb'].map((target) => ({
        target,
        kind: 'external' as const,
        dataImageId: imageOf(target, number),
        overlayImageId: imageOf(target, number + 1),
      })),
    }),
  );
  return {
    ...inventory,
    images: [...inventory.images, ...chain('vda', backing(template.id)), ...chain('vdb', null)],
    vms: [
      vm(900, 'ledger', {
        disks: [disk('vda', imageOf('vda', 4)), disk('vdb', imageOf('vdb', 4))],
        snapshots,
        currentSnapshotId: names.at(-1) ?? null,
      }),
      ...inventory.vms,
    ],
  };
}
