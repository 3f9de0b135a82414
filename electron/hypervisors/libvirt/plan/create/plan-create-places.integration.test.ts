/** Overlays where the user says, above a block device too. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { blockDeviceObstacle, makeBlockDevice, type BlockDevice } from '../../../../../e2e/testbeds/block-device.ts';
import { writePattern } from '../../../../../e2e/testbeds/disks.ts';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { chainOfDisk, imagesById } from '../../../../../shared/rules/chains/chains.ts';

const mebibyte = 1024 ** 2;

vi.setConfig({ testTimeout: 180_000 });

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = {
    name: 'snaptree-places',
    disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw', size: 8 * mebibyte }],
    version,
  } as const;
  let device: BlockDevice | undefined;

  beforeAll(async () => {
    await testbed.up();
    await testbed.deleteVirtualMachine(spec);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    device?.remove();
    device = undefined;
  });

  /** Puts the disk `vdb` on a block device, whose path it gives. */
  async function onDevice(vm: testbed.VirtualMachine, format = 'raw'): Promise<string> {
    const file = vm.images['vdb'] ?? '';
    device = await makeBlockDevice(8 * mebibyte, join(vm.folder, 'block'));
    const { path } = device;
    const before = new RegExp(`<disk type='file'([^>]*>\\s*<driver[^>]*)type='raw'([^>]*>\\s*)<source file='${file}'`);
    const after = `<disk type='block'$1type='${format}'$2<source dev='${path}'`;
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace(before, after), vm);
    return path;
  }

  const states = [
    ['runs', true],
    ['is shut off', false],
  ] as const;

  const obstacle = blockDeviceObstacle();
  if (obstacle !== null) {
    it.skip(`block devices: ${obstacle}`, () => undefined);
    return;
  }

  it.each(states)('of a VM that %s', async (_, running) => {
    const vm = await testbed.createVirtualMachine(spec);
    const node = await onDevice(vm);
    if (running) await testbed.virsh(['start', vm.uuid], vm);
    const offset = 4 * mebibyte;
    const elsewhere = join(vm.folder, 'else where');
    mkdirSync(elsewhere);
    const overlayPaths = {
      vda: join(elsewhere, running ? 'a, b.qcow2' : 'a b.qcow2'),
      vdb: join(elsewhere, 'vdb.qcow2'),
    };
    await testbed.writeGuestDisk(vm, 'vdb', 0x11, offset);
    const request = {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'external',
      name: 'one',
      description: '',
      diskTargets: null,
    } as const;
    // It would have another name than the definition says.
    const withComma = await planOn(version, { ...request, overlayPaths: { ...overlayPaths, vdb: '/a,b.qcow2' } });
    expect(withComma.refusals.map(({ code }) => code)).toEqual(running ? [] : ['commaInPath']);
    const { after } = await carryOut(version, { ...request, overlayPaths });
    const inventory = await inventoryOf(version);
    const read = inventory.vms.find(({ uuid }) => uuid === vm.uuid);
    const images = imagesById(inventory.images);
    const chains = read?.readable
      ? read.disks.map((disk) => ({
          target: disk.target,
          imageIds: chainOfDisk(disk, images)?.images.map(({ id }) => id) ?? [],
        }))
      : [];
    expect(chains).toEqual(after.chains);
    expect(chains.map(({ imageIds }) => imageIds[0])).toEqual(Object.values(overlayPaths));
    await testbed.writeGuestDisk(vm, 'vdb', 0x22, offset);
    expect(await testbed.hasPattern(node, 0x11, offset)).toBe(true);
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x22, offset)).toBe(true);
    await testbed.virsh([running ? 'destroy' : 'start', vm.uuid], vm);
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x22, offset)).toBe(true);
    await testbed.virsh([running ? 'start' : 'destroy', vm.uuid], vm);

    // And back into the device.
    const range = { target: 'vdb', topId: overlayPaths.vdb, baseId: node };
    const { steps } = await carryOut(version, {
      ...{ action: 'commitImages', vmUuid: vm.uuid, ranges: [range], oneByOne: false, bytesPerSecond: null },
    });
    expect(steps.flatMap(({ deletes }) => deletes)).toEqual([overlayPaths.vdb]);
    expect(await testbed.activeImage(vm, 'vdb')).toBe(node);
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x22, offset)).toBe(true);
    if (running) await testbed.virsh(['destroy', vm.uuid], vm);
    expect(await testbed.hasPattern(node, 0x22, offset)).toBe(true);
  });

  it.each(states)('a volume that is too small for what is merged into it, of a VM that %s', async (_, running) => {
    const vm = await testbed.createVirtualMachine(spec);
    const node = await onDevice(vm, 'qcow2');
    await testbed.createImage(node, 'qcow2', 64 * mebibyte);
    const overlay = join(vm.folder, 'vdb.qcow2');
    const disk = `vdb,snapshot=external,file=${overlay}`;
    const options = ['--name=one', '--disk-only', '--diskspec', disk, '--diskspec', 'vda,snapshot=no'];
    await testbed.virsh(['snapshot-create-as', vm.uuid, ...options], vm);
    await writePattern(overlay, 0x33, mebibyte, 16 * mebibyte);
    if (running) await testbed.virsh(['start', vm.uuid], vm);
    const request: ChangeRequest = {
      ...{ action: 'commitImages', vmUuid: vm.uuid, oneByOne: false, bytesPerSecond: null },
      ranges: [{ target: 'vdb', topId: overlay, baseId: node }],
    };
    expect((await planOn(version, request)).warnings.map(({ code }) => code)).toContain('volumeMayFill');
    await expect(carryOut(version, request)).rejects.toThrow();
    expect(await testbed.activeImage(vm, 'vdb')).toBe(overlay);
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x33, mebibyte, 16 * mebibyte)).toBe(true);
    await testbed.virsh([running ? 'destroy' : 'start', vm.uuid], vm);
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x33, mebibyte, 16 * mebibyte)).toBe(true);
  });
}
