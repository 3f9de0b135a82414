/**
 * What a list of names does not show: the next poll finds it all the same, of who sees libvirt's files and of who does not. That
 * is what another spelling of the address does here, whose files are not known.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { createLibvirtDriver } from '../index.ts';
import { vmOf } from '../read/reading.fixtures.ts';

onEachLibvirt(suite, { about: 'polls with the same names, libvirt', sampled: true });

const volumes = ['one', 'two'] as const;

function suite(version: testbed.LibvirtVersion): void {
  const place = testbed.placeOf(version);
  const runner = createLocalRunner(place.root);
  const spec = { name: 'snaptree-same-outline', disks: [{ target: 'vda' }], version };
  const pool = 'snaptree-same-outline';
  const folder = join(place.images, pool);
  const [observer, other] = ['qemu:///system', 'qemu+unix:///system'].map((uri) => {
    const driver = createLibvirtDriver(uri);
    return { driver, memory: driver.createMemory() };
  });
  let vm: testbed.VirtualMachine;
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const snapshot = (...options: string[]) => virsh('snapshot-create-as', vm.uuid, '--name=same', ...options);

  async function pollOf(each: typeof observer): Promise<ReadableVm> {
    if (each === undefined) throw new Error('no such observer');
    return vmOf((await each.driver.poll(runner, each.memory, {})).inventory, vm.uuid);
  }
  const poll = async () => [await pollOf(observer), await pollOf(other)];
  const descriptions = async () =>
    (await poll()).map(({ snapshots }) => snapshots.map(({ description }) => description));
  const sources = async () =>
    (await poll()).map(({ disks }) => disks.find(({ target }) => target === 'vdb')?.imageId ?? null);
  const definePool = (at: string) => virsh('pool-define-as', pool, 'dir', '--target', join(folder, at));
  const removePool = async () => {
    for (const command of ['pool-destroy', 'pool-undefine']) {
      await testbed.virsh([command, pool], { version, expect: [0, 1] });
    }
  };

  beforeAll(async () => {
    await testbed.up();
    await testbed.deleteVirtualMachine(spec);
    await removePool();
    rmSync(folder, { recursive: true, force: true });
    for (const name of volumes) {
      mkdirSync(join(folder, name), { recursive: true });
      await testbed.createImage(join(folder, name, 'disk.qcow2'), 'qcow2', 1024 ** 2);
    }
    vm = await testbed.createVirtualMachine(spec);
    await poll();
  });
  afterAll(async () => {
    await testbed.deleteVirtualMachine(spec);
    await removePool();
    rmSync(folder, { recursive: true, force: true });
  });

  it('a snapshot that was deleted and made again with the same name', async () => {
    await snapshot('--description=first');
    expect(await descriptions()).toEqual([['first'], ['first']]);
    await virsh('snapshot-delete', vm.uuid, 'same');
    await snapshot('--description=second');
    expect(await descriptions()).toEqual([['second'], ['second']]);
  });

  it('one that was redefined, and saved memory that was saved again, of who sees the files', async () => {
    const { stdout } = await virsh('snapshot-dumpxml', '--security-info', vm.uuid, 'same');
    const redefine = ['snapshot-create', '--redefine', '--current', vm.uuid];
    await testbed.virshWithXml(redefine, stdout.replace('>second<', '>third<'), [], { version });
    expect((await descriptions())[0]).toEqual(['third']);
    await virsh('snapshot-delete', vm.uuid, 'same');

    const usedBySavedMemory = async () =>
      (await pollOf(observer)).uses?.filter(({ by }) => by === 'savedMemory').map(({ imageId }) => imageId);
    await virsh('start', vm.uuid);
    await virsh('managedsave', vm.uuid);
    expect(await usedBySavedMemory()).toBeUndefined();
    const image = join(folder, 'one', 'disk.qcow2');
    await virsh('start', vm.uuid);
    await virsh('attach-disk', vm.uuid, image, 'vdb', '--live', '--subdriver=qcow2');
    await virsh('managedsave', vm.uuid);
    expect(await usedBySavedMemory()).toEqual([image]);
    await virsh('managedsave-remove', vm.uuid);
    expect(await usedBySavedMemory()).toBeUndefined();
  });

  it('a pool that leads elsewhere, or does not run', async () => {
    await definePool('one');
    await virsh('pool-start', pool);
    const disk = `<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='${pool}' volume='disk.qcow2'/><target dev='vdb' bus='virtio'/></disk>`;
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</devices>', `${disk}</devices>`), { version });
    const [one, two] = volumes.map((name) => join(folder, name, 'disk.qcow2'));
    expect(await sources()).toEqual([one, one]);
    const { stdout: uuid } = await virsh('pool-uuid', pool);
    await virsh('pool-destroy', pool);
    expect(await sources()).toEqual([null, null]);
    await virsh('pool-undefine', pool);
    const xml = `<pool type='dir'><name>${pool}</name><uuid>${uuid.trim()}</uuid><target><path>${join(folder, 'two')}</path></target></pool>`;
    await testbed.virshWithXml(['pool-define'], xml, [], { version });
    await virsh('pool-start', pool);
    expect(await sources()).toEqual([two, two]);
  });

  const obstacle = testbed.obstacleToJob('backup', version);
  it.skipIf(obstacle !== null)(`a checkpoint${obstacle === null ? '' : ` (${obstacle})`}`, async () => {
    const told = async () => (await poll()).map(({ hasCheckpoints }) => hasCheckpoints);
    await virsh('start', vm.uuid);
    await poll();
    await virsh('checkpoint-create-as', vm.uuid, '--name=incremental', '--diskspec', 'vdb,checkpoint=no');
    expect(await told()).toEqual([true, true]);
    await virsh('checkpoint-delete', vm.uuid, 'incremental');
    expect(await told()).toEqual([undefined, undefined]);
  });
}
