/** Overlays where the user says, above a block device too. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { chainOfDisk, imagesById } from '../../../../shared/rules/chains.ts';

vi.setConfig({ testTimeout: 180_000 });

onEachLibvirt(suite, { sampled: true });

function run(program: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout.trim();
}

function suite(version: testbed.LibvirtVersion): void {
  const spec = {
    name: 'snaptree-places',
    disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw', size: 8 * 1024 ** 2 }],
    version,
  } as const;
  let device = '';

  beforeAll(async () => {
    await testbed.up();
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    if (device !== '') run('losetup', '--detach', device);
    device = '';
  });

  it.each([
    ['runs', true],
    ['is shut off', false],
  ])('of a VM that %s', async (_, running) => {
    await testbed.deleteVirtualMachine(spec);
    const vm = await testbed.createVirtualMachine(spec);
    device = run('losetup', '--find', '--show', vm.images['vdb'] ?? '');
    // A node of its own, which a root file system without loop devices has as well.
    const node = join(vm.folder, 'block');
    const minor = statSync(device).rdev & 0xff;
    run('mknod', node, 'b', '7', String(minor));
    await testbed.redefineVirtualMachine(
      vm,
      (xml) =>
        xml.replace(
          new RegExp(`<disk type='file'([^>]*>\\s*<driver[^>]*>\\s*)<source file='${vm.images['vdb'] ?? ''}'`),
          `<disk type='block'$1<source dev='${node}'`,
        ),
      vm,
    );
    if (running) await testbed.virsh(['start', vm.uuid], vm);
    const offset = 4 * 1024 ** 2;
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
  });
}
