/** Polls and events of a real libvirt: what somebody does with virsh behind Snaptree's back is noticed, and only that is read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { inventorySchema, type Inventory, type ReadableVm } from '../../../shared/model/inventory.ts';
import { createLocalRunner } from '../../hosts/local-runner.fixtures.ts';
import type { CommandRunner } from '../../hosts/runner.ts';
import { createLibvirtDriver } from './index.ts';

beforeAll(async () => {
  await testbed.up();
});

for (const { version, up, reason } of testbed.libvirtVersions()) {
  describe.skipIf(!up)(`libvirt ${version}${reason === '' ? '' : ` (${reason})`}`, () => {
    pollingSuite(version);
  });
}

function vmOf(inventory: Inventory, uuid: string): ReadableVm {
  const vm = inventory.vms.find((each) => each.uuid === uuid);
  if (!vm?.readable) throw new Error(`${uuid} is not readable: ${vm?.reason}`);
  return vm;
}

function pollingSuite(version: testbed.LibvirtVersion): void {
  const local = createLocalRunner(testbed.placeOf(version).root);
  /** What the scripts since the last poll were for, and which of them read definitions or records. */
  let scripts: string[] = [];
  const runner: CommandRunner = {
    hostName: local.hostName,
    run: (command) => local.run(command),
    follow: (script) => local.follow(script),
    runScript(script) {
      scripts.push(script.script);
      return local.runScript(script);
    },
  };
  const driver = createLibvirtDriver('qemu:///system');
  const memory = driver.createMemory();
  const virsh = (...args: string[]) => testbed.virsh(args, { version });
  const specs = ['a2-polled', 'a2-other'].map((name) => ({ name, disks: [{ target: 'vda' }], version }));
  let vm: testbed.VirtualMachine;
  let other: testbed.VirtualMachine;

  async function poll(changedVms: ReadonlySet<string> = new Set()) {
    scripts = [];
    const result = await driver.poll(runner, memory, { changedVms });
    return { ...result, inventory: inventorySchema.parse(result.inventory) };
  }

  const names = (inventory: Inventory) => vmOf(inventory, vm.uuid).snapshots.map(({ name }) => name);

  beforeAll(async () => {
    for (const spec of specs) await testbed.deleteVirtualMachine(spec);
    const [first, second] = await Promise.all(specs.map((spec) => testbed.createVirtualMachine(spec)));
    if (!first || !second) throw new Error('no VMs');
    vm = first;
    other = second;
    await virsh('snapshot-create-as', other.uuid, '--name=kept');
    await driver.read(runner, { priority: 'user', memory });
  });

  afterAll(async () => {
    for (const spec of specs) await testbed.deleteVirtualMachine(spec);
  });

  it('a poll without changes reads no definition and no record, and keeps what was read', async () => {
    const before = await poll();
    const { inventory, hasChanged } = await poll();
    expect(scripts.some((script) => script.includes('dumpxml'))).toBe(false);
    expect(scripts.filter((script) => script.includes('virsh'))).toHaveLength(1);
    expect(hasChanged).toBe(false);
    expect({ ...inventory, readAt: 0 }).toEqual({ ...before.inventory, readAt: 0 });
    expect(inventory.readAt).toBeGreaterThan(before.inventory.readAt);
  });

  it('a new snapshot appears with its next poll, for which only its VM is read', async () => {
    await virsh('snapshot-create-as', vm.uuid, '--name=behind the back');
    const { inventory, hasChanged } = await poll();
    expect(hasChanged).toBe(true);
    expect(names(inventory)).toEqual(['behind the back']);
    expect(vmOf(inventory, vm.uuid).problems).toEqual([]);
    const [reading = ''] = scripts.filter((script) => script.includes('dumpxml'));
    expect(reading).toContain(vm.uuid);
    expect(reading).not.toContain(other.uuid);
    expect(vmOf(inventory, other.uuid).snapshots.map(({ name }) => name)).toEqual(['kept']);
    expect((await poll()).hasChanged).toBe(false);
  });

  it('so does another current snapshot, and one that is gone', async () => {
    await virsh('snapshot-create-as', vm.uuid, '--name=second');
    expect(vmOf((await poll()).inventory, vm.uuid).currentSnapshotId).toBe('second');
    await virsh('snapshot-current', vm.uuid, '--snapshotname=behind the back');
    expect(vmOf((await poll()).inventory, vm.uuid).currentSnapshotId).toBe('behind the back');
    await virsh('snapshot-delete', vm.uuid, '--snapshotname=behind the back');
    expect(names((await poll()).inventory)).toEqual(['second']);
    await virsh('snapshot-delete', vm.uuid, '--snapshotname=second');
    expect(names((await poll()).inventory)).toEqual([]);
  });

  it('so do a start, saved memory, a disk and the end of a VM', async () => {
    await virsh('start', vm.uuid);
    expect(vmOf((await poll()).inventory, vm.uuid).state).toBe('running');
    await virsh('managedsave', vm.uuid);
    expect(vmOf((await poll()).inventory, vm.uuid)).toMatchObject({ state: 'shutoff', hasManagedSave: true });
    await virsh('managedsave-remove', vm.uuid);
    expect(vmOf((await poll()).inventory, vm.uuid).hasManagedSave).toBe(false);
    const image = other.images['vda'] ?? '';
    await virsh('attach-disk', vm.uuid, image, 'vdb', '--config', '--subdriver=qcow2');
    expect(vmOf((await poll()).inventory, vm.uuid).disks.map(({ imageId }) => imageId)).toContain(image);
    await virsh('detach-disk', vm.uuid, 'vdb', '--config');
    const [spec] = specs;
    if (spec) await testbed.deleteVirtualMachine(spec);
    expect((await poll()).inventory.vms.map(({ uuid }) => uuid)).not.toContain(vm.uuid);
    if (spec) vm = await testbed.createVirtualMachine(spec);
    expect(vmOf((await poll()).inventory, vm.uuid).state).toBe('shutoff');
  });

  it('what the fingerprint does not hold is read where the VM is known to have changed', async () => {
    await virsh('desc', vm.uuid, '--config', 'told by an event');
    expect(vmOf((await poll()).inventory, vm.uuid).description).not.toBe('told by an event');
    const told = await poll(new Set([vm.name]));
    expect(vmOf(told.inventory, vm.uuid).description).toBe('told by an event');
  });

  it('a change is told at once by an event, and nothing is left running', async () => {
    const controller = new AbortController();
    const told: string[] = [];
    let ready: () => void = () => undefined;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    const watching = driver.watch(runner, {
      signal: controller.signal,
      onReady: ready,
      onChange: (vmName) => told.push(vmName),
    });
    await isReady;
    // Ready means that virsh was started; it takes a moment to register.
    await testbed.waitUntil('an event', async () => {
      await virsh('desc', vm.uuid, '--config', `again ${told.length}`);
      return told.includes(vm.name);
    });
    controller.abort();
    await watching;
  });
}
