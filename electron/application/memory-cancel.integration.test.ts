/** Saving the memory of a guest is given up while it is written: the guest goes on, on the images that it had, and nothing is left behind. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
onEachLibvirt(suite, { about: 'giving up to save memory on libvirt', sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { version, name: 'snaptree-memory-cancel', disks: [{ target: 'vda' }], running: false };
  let server: testbed.SshServer;
  let application: TestbedApplication;
  let vm: testbed.VirtualMachine;
  const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout.trim();
  const state = () => virsh('domstate', vm.uuid);
  const records = () => virsh('snapshot-list', vm.uuid, '--name');
  const memoryFile = () => join(vm.folder, 'saved.memory');

  beforeAll(async () => {
    const connection = await testbed.up();
    server = await testbed.startSshServer({ name: `memory-cancel-${version.replace('.', '-')}`, version });
    application = await TestbedApplication.open(server, connection);
  });
  afterAll(async () => {
    await application.close();
    await server.stop();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    // Nearly all of it was never used, and still each page of it is looked at: it takes most of a second.
    const large = "<memory unit='GiB'>16</memory><currentMemory unit='GiB'>16</currentMemory>";
    const change = (xml: string) => xml.replace(/<memory[^]*<\/currentMemory>/, large);
    await testbed.redefineVirtualMachine(vm, change, { version });
    await virsh('start', vm.uuid);
    await testbed.writeGuestDisk(vm, 'vda', 0x11, 4 * 1024 ** 2);
  });
  afterEach(() => testbed.deleteVirtualMachine(spec));

  async function begin(request: ChangeRequest): Promise<string> {
    await application.read(vm.uuid);
    const plan = await application.plan(request);
    expect(plan.refusals).toEqual([]);
    return application.begin(plan);
  }

  /** Begins it, and gives it up while what libvirt writes through stands still, so that it is in the middle. */
  async function givenUp(request: ChangeRequest) {
    const id = await begin(request);
    const writer = await stopped();
    try {
      await testbed.waitUntil('progress to be told', () => application.progress(id) !== undefined, 60_000);
      const { doneBytes = 0, totalBytes = 0 } = application.progress(id) ?? {};
      expect([doneBytes < totalBytes, totalBytes >= 16 * 1024 ** 3]).toEqual([true, true]);
      await application.ask('operations.cancel', { operationId: id });
      // libvirt is told within a second or two, and cannot show it: it answers nothing more before what it writes through goes on.
      await delay(10_000);
    } finally {
      signal(writer, 'SIGCONT');
    }
    return application.rests(id, 120_000);
  }

  /** Stops what libvirt writes through as soon as it has written a little: near its end QEMU answers nothing before that goes on. */
  async function stopped(): Promise<number> {
    const size = () => statSync(memoryFile(), { throwIfNoEntry: false })?.size ?? 0;
    const end = Date.now() + 60_000;
    while (size() < 128 * 1024) {
      if (Date.now() > end) throw new Error('No memory is written.');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const writer = listProcesses().find(
      ({ commandLine }) => commandLine.includes('iohelper') && commandLine.includes(memoryFile()),
    );
    if (!writer) throw new Error('Nothing writes the memory any more.');
    signal(writer.pid, 'SIGSTOP');
    return writer.pid;
  }

  async function expectAsBefore(layers: readonly string[]): Promise<void> {
    expect(await state()).toBe('running');
    const before = testbed.readSerialCounts(vm).length;
    await testbed.waitUntil('the guest to go on', () => testbed.readSerialCounts(vm).length > before + 1, 60_000);
    expect(existsSync(memoryFile())).toBe(false);
    expect(readdirSync(vm.folder).filter((name) => name.endsWith('.qcow2'))).toEqual(layers);
    expect(await testbed.guestDiskHasPattern(vm, 'vda', 0x11, 4 * 1024 ** 2)).toBe(true);
    await application.read(vm.uuid);
  }

  const create = (name: string, file?: string): ChangeRequest => ({
    action: 'createSnapshot',
    vmUuid: vm.uuid,
    kind: 'external',
    name,
    description: '',
    diskTargets: null,
    ...(file !== undefined && { memoryFile: file }),
  });

  it('leaves no snapshot, and it can be taken again', async () => {
    expect(await givenUp(create('one', memoryFile()))).toMatchObject({ state: 'cancelled' });
    expect(await records()).toBe('');
    await expectAsBefore(['vda.qcow2']);
    const again = await begin(create('one', memoryFile()));
    expect(await application.rests(again, 120_000)).toMatchObject({ state: 'succeeded' });
    expect(existsSync(memoryFile())).toBe(true);
  });

  it('of the present state leaves the VM where it is, not gone back to anything', async () => {
    expect(await application.rests(await begin(create('s1')), 60_000)).toMatchObject({ state: 'succeeded' });
    await testbed.writeGuestDisk(vm, 'vda', 0x22, 8 * 1024 ** 2);
    const request = { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: 's1', saveAs: 'kept' } as const;
    expect(await givenUp({ ...request, saveMemoryFile: memoryFile() })).toMatchObject({ state: 'cancelled' });
    expect(await records()).toBe('s1');
    await expectAsBefore(['vda.qcow2', 'vda.s1.qcow2']);
    expect(await testbed.guestDiskHasPattern(vm, 'vda', 0x22, 8 * 1024 ** 2)).toBe(true);
  });

  it('of a VM that was to end with it leaves that running', async () => {
    const save = { action: 'saveMemory', vmUuid: vm.uuid, file: memoryFile() } as const;
    expect(await givenUp(save)).toMatchObject({ state: 'cancelled' });
    await expectAsBefore(['vda.qcow2']);
  });
}
