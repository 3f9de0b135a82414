/** What libvirt really does with the disks that plan-storage-rules.test.ts is about. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../read/read.ts';
import { planLibvirt } from './plan.ts';

const spec = { name: 'snaptree-plans-storage', disks: [{ target: 'vda' }] };
const secret = '5c1e0000-0000-4000-8000-000000000055';
let vm: testbed.VirtualMachine;
let image: string;

const virsh = (...argv: readonly string[]) => testbed.virsh(argv, { expect: [0, 1] });
const plan = async (request: ChangeRequest) =>
  planLibvirt(
    'qemu:///system',
    request,
    await readLibvirt(createLocalRunner(), 'qemu:///system', { priority: 'user' }),
  );
const create = (kind: 'internal' | 'external'): ChangeRequest => ({
  action: 'createSnapshot',
  vmUuid: vm.uuid,
  kind,
  name: 'new',
  description: '',
  diskTargets: null,
});
/** Defines the VM with another disk in the place of its own, or beside it. */
async function withDisk(element: string, keepOwn = false): Promise<void> {
  const { stdout } = await testbed.virsh(['dumpxml', vm.uuid]);
  await testbed.virshWithXml(
    ['define'],
    stdout.replace(/<disk[\s\S]*?<\/disk>/, (own) => (keepOwn ? `${own}${element}` : element)),
  );
}

beforeAll(async () => {
  await testbed.up();
});
beforeEach(async () => {
  await testbed.deleteVirtualMachine(spec);
  vm = await testbed.createVirtualMachine(spec);
  image = vm.images['vda'] ?? '';
});
afterEach(async () => {
  await virsh('secret-undefine', secret);
  await testbed.deleteVirtualMachine(spec);
});

it('an encrypted disk: both kinds are refused, and libvirt fails at both or leaves a VM that does not start', async () => {
  const xml = `<secret ephemeral='no' private='no'><uuid>${secret}</uuid><usage type='volume'><volume>/snaptree-plans</volume></usage></secret>`;
  await testbed.virshWithXml(['secret-define'], xml);
  await testbed.virsh(['secret-set-value', secret, Buffer.from('pass').toString('base64')]);
  const encrypted = join(vm.folder, 'encrypted.qcow2');
  await testbed.createEncryptedImage(encrypted, { format: 'qcow2', size: '16M', passphrase: 'pass' });
  await withDisk(
    `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${encrypted}'><encryption format='luks'><secret type='passphrase' uuid='${secret}'/></encryption></source><target dev='vda' bus='virtio'/></disk>`,
  );
  for (const kind of ['internal', 'external'] as const) {
    expect((await plan(create(kind))).refusals.map(({ code }) => code)).toEqual(['encrypted']);
  }
  expect((await virsh('snapshot-create-as', vm.uuid, '--name=internal')).stderr).toContain('encrypt.key-secret');
  // As it is it starts; with the overlay that libvirt makes it does not.
  expect((await virsh('start', vm.uuid)).stderr).toBe('');
  await virsh('destroy', vm.uuid);
  expect((await virsh('snapshot-create-as', vm.uuid, '--name=e', '--disk-only', '--atomic')).exitCode).toBe(0);
  expect((await virsh('start', vm.uuid)).stderr).toContain('Failed to start');
});

it('a shared disk: libvirt refuses an overlay on it, in the words of the plan, and takes a snapshot without it', async () => {
  const shared = join(vm.folder, 'shared.raw');
  await testbed.createImage(shared, 'raw', 16 * 1024 ** 2);
  await withDisk(
    `<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='${shared}'/><target dev='vdb' bus='virtio'/><shareable/></disk>`,
    true,
  );
  expect((await plan(create('external'))).refusals.map(({ code }) => code)).toEqual(['shareable']);
  expect((await virsh('snapshot-create-as', vm.uuid, '--name=e', '--disk-only', '--atomic')).stderr).toContain(
    "shared access for disk 'vdb' requires use of supported storage format",
  );
  const without = await plan({ ...create('external'), diskTargets: ['vda'] } as ChangeRequest);
  expect(without.refusals).toEqual([]);
  for (const {
    argv: [program = '', ...rest],
  } of without.steps)
    await run(program, rest);
  expect(await testbed.activeImage(vm, 'vda')).toBe(without.after.chains[0]?.imageIds[0]);
});

it('deleting an internal snapshot of a base leaves what an overlay on it reads', async () => {
  const mebibyte = 1024 ** 2;
  await testbed.writeGuestDisk(vm, 'vda', 0xb1, 4 * mebibyte);
  await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=a']);
  await testbed.writeGuestDisk(vm, 'vda', 0xb2, 8 * mebibyte);
  const clone = join(vm.folder, 'clone.qcow2');
  await testbed.createImage(clone, 'qcow2', 0, image);
  const made = await plan({ action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'a', withDescendants: false });
  expect(made.refusals).toEqual([]);
  for (const {
    argv: [program = '', ...rest],
  } of made.steps)
    await run(program, rest);
  expect(await testbed.internalSnapshotsOf(image)).toEqual([]);
  for (const each of [image, clone]) {
    expect(await testbed.hasPattern(each, 0xb1, 4 * mebibyte)).toBe(true);
    expect(await testbed.hasPattern(each, 0xb2, 8 * mebibyte)).toBe(true);
  }
});
