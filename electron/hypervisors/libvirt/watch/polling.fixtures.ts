/** Polls and events of a libvirt: what somebody does with virsh behind Snaptree's back is noticed, and only that is read. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inventorySchema, type Inventory } from '../../../../shared/model/inventory.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { createLibvirtDriver } from '../index.ts';
import { vmOf, type LibvirtUnderTest, type ReadingVm } from '../read/reading.fixtures.ts';

/** Declares the tests of polling and of events. */
export function pollingSuite(host: LibvirtUnderTest): void {
  /** What the scripts since the last poll were for, and which of them read definitions or records. */
  let scripts: string[] = [];
  let runner: CommandRunner;
  const driver = createLibvirtDriver('qemu:///system');
  const memory = driver.createMemory();
  const virsh = (...argv: string[]) => host.virsh(argv);
  let vm: ReadingVm;
  let other: ReadingVm;

  async function poll(changedVms: ReadonlySet<string> = new Set()) {
    scripts = [];
    const result = await driver.poll(runner, memory, { changedVms });
    return { ...result, inventory: inventorySchema.parse(result.inventory) };
  }

  const names = (inventory: Inventory) => vmOf(inventory, vm.uuid).snapshots.map(({ name }) => name);

  beforeAll(async () => {
    await host.up();
    const inner = host.runner();
    runner = {
      hostName: inner.hostName,
      run: (command) => inner.run(command),
      follow: (script) => inner.follow(script),
      runScript(script) {
        scripts.push(script.script);
        return inner.runScript(script);
      },
    };
    for (const name of ['a2-polled', 'a2-other']) await host.deleteVirtualMachine(name);
    vm = await host.createVirtualMachine('a2-polled');
    other = await host.createVirtualMachine('a2-other');
    await virsh('snapshot-create-as', other.uuid, '--name=kept');
    await driver.read(runner, { priority: 'user', memory });
  });

  afterAll(async () => {
    for (const name of ['a2-polled', 'a2-other']) await host.deleteVirtualMachine(name);
    await host.down();
  });

  it('a poll without changes reads no definition and no record, and keeps what was read', async () => {
    const before = await poll();
    const { inventory, hasChanged } = await poll();
    expect(scripts.some((script) => script.includes('awk_records'))).toBe(false);
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
    const [reading = ''] = scripts.filter((script) => script.includes('awk_records'));
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
    await host.deleteVirtualMachine(vm.name);
    expect((await poll()).inventory.vms.map(({ uuid }) => uuid)).not.toContain(vm.uuid);
    vm = await host.createVirtualMachine(vm.name);
    expect(vmOf((await poll()).inventory, vm.uuid).state).toBe('shutoff');
  });

  it('so do a description, and a disk that only the next start will have', async () => {
    await virsh('desc', vm.uuid, '--config', 'told by nobody');
    expect(vmOf((await poll()).inventory, vm.uuid).description).toBe('told by nobody');
    await virsh('start', vm.uuid);
    await poll();
    await virsh('attach-disk', vm.uuid, other.images['vda'] ?? '', 'vdb', '--config', '--subdriver=qcow2');
    expect(vmOf((await poll()).inventory, vm.uuid).problems.map(({ message }) => message)).toEqual([
      `From its next start on, vdb will be ${other.images['vda']}, which it does not have now.`,
    ]);
    await virsh('detach-disk', vm.uuid, 'vdb', '--config');
    expect(vmOf((await poll()).inventory, vm.uuid).problems).toEqual([]);
    await virsh('destroy', vm.uuid);
    await poll();
  });

  it('a VM that is known to have changed is read again, whatever its outline says, and not reported without a change', async () => {
    const { hasChanged } = await poll(new Set([vm.name]));
    const [reading = ''] = scripts.filter((script) => script.includes('awk_records'));
    expect(reading).toContain(vm.uuid);
    expect(reading).not.toContain(other.uuid);
    expect(hasChanged).toBe(false);
  });

  it('a change is told at once by an event, and nothing is left running', async () => {
    const controller = new AbortController();
    const told: string[] = [];
    let ready: () => void = () => undefined;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    const watching = driver.watch?.(runner, {
      signal: controller.signal,
      onReady: ready,
      onChange: (vmName) => told.push(vmName),
    });
    await isReady;
    // Ready means that virsh was started; it takes a moment to register.
    const isTold = async () => {
      await virsh('desc', vm.uuid, '--config', `again ${told.length}`);
      return told.includes(vm.name);
    };
    await expect.poll(isTold, { message: 'an event', timeout: 10_000, interval: 20 }).toBe(true);
    controller.abort();
    await watching;
  });
}
