/** External snapshots with memory in a file, on every version: the file, the record, the data, and what the guest goes on with. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';

vi.setConfig({ testTimeout: 240_000 });

onEachLibvirt(suite, { sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-memory', disks: [{ target: 'vda' }, { target: 'vdb' }], running: true, version };
  const offset = 4 * 1024 ** 2;
  let vm: testbed.VirtualMachine;

  const virsh = (...argv: readonly string[]) => testbed.virsh(argv, { version });
  const write = (byte: number, target = 'vda') => testbed.writeGuestDisk(vm, target, byte, offset);
  const reads = (byte: number, target = 'vda') => testbed.guestDiskHasPattern(vm, target, byte, offset);
  const fileOf = (name: string) => join(dirname(vm.images['vda'] ?? ''), `${name}, with a comma.memory`);
  const create = (name: string, parts: { memoryFile?: string } = { memoryFile: fileOf(name) }): ChangeRequest => ({
    action: 'createSnapshot',
    vmUuid: vm.uuid,
    kind: 'external',
    name,
    description: '',
    diskTargets: null,
    ...parts,
  });
  const revert = (snapshotId: string, saveAs: string | null = null, saveMemoryFile?: string): ChangeRequest => ({
    action: 'revertToSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    saveAs,
    ...(saveMemoryFile !== undefined && { saveMemoryFile }),
  });
  const remove = (snapshotId: string): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    withDescendants: false,
  });

  async function read(): Promise<ReadableVm> {
    const { vms } = await inventoryOf(version);
    const found = vms.find(({ uuid }) => uuid === vm.uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    return found;
  }

  /** Runs it, and compares what the plan promised with what is there. */
  async function runs(request: ChangeRequest): Promise<void> {
    const { after } = await carryOut(version, request);
    const now = await read();
    const shape = (snapshots: ReadableVm['snapshots']) =>
      snapshots
        .map(({ id, parentId, kind, disks, memory, vmState }) => ({ id, parentId, kind, disks, memory, vmState }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(shape(now.snapshots)).toEqual(shape(after.snapshots));
    expect(now.currentSnapshotId).toBe(after.currentSnapshotId);
    expect(now.state).toBe(after.vmState);
    expect(now.problems).toEqual([]);
  }

  /** Waits until the guest has counted further than it had, by what it prints: its last number then. */
  async function counts(): Promise<number> {
    const from = testbed.readSerialCounts(vm).length;
    await vi.waitFor(
      () => {
        expect(testbed.readSerialCounts(vm).length).toBeGreaterThan(from + 1);
      },
      { timeout: 30_000, interval: 100 },
    );
    return testbed.readSerialCounter(vm) ?? 0;
  }

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('saves the memory, lets the guest go on counting, and removes the file with the snapshot', async () => {
    await counts();
    await write(0x11);
    await runs(create('one'));
    const { stdout } = await virsh('save-image-dumpxml', fileOf('one'));
    expect(stdout).toContain(vm.uuid);
    const before = testbed.readSerialCounter(vm) ?? 0;
    expect(await counts()).toBeGreaterThan(before);
    await write(0x22);
    await runs(create('two'));
    await runs(remove('one'));
    expect([existsSync(fileOf('one')), existsSync(fileOf('two'))]).toEqual([false, true]);
    await runs(remove('two'));
    expect(readdirSync(vm.folder).filter((name) => name.endsWith('.memory'))).toEqual([]);
    expect(await reads(0x22)).toBe(true);
  });

  it('leaves a paused VM paused', async () => {
    await counts();
    await virsh('suspend', vm.uuid);
    await runs(create('one'));
    expect((await read()).snapshots).toMatchObject([{ vmState: 'paused', memory: { file: fileOf('one') } }]);
  });

  it('goes back with the memory, on every disk, and again; from a VM that runs, or is shut off', async () => {
    await counts();
    await write(0x11);
    await write(0x11, 'vdb');
    await runs(create('one'));
    const atMost = (testbed.readSerialCounter(vm) ?? 0) + 2;
    const content = readFileSync(fileOf('one'));
    for (const [byte, saveAs] of [
      [0x22, 'kept'],
      [0x33, null],
    ] as const) {
      for (let count = 0; count < atMost + 3;) count = await counts();
      await write(byte);
      await write(byte, 'vdb');
      await counts();
      if (saveAs === null) await virsh('destroy', vm.uuid);
      const before = testbed.readSerialCounts(vm).length;
      await runs(revert('one', saveAs));
      await counts();
      // The guest went on from the memory: it stepped back, and did not begin anew with 1.
      const since = testbed.readSerialCounts(vm).slice(before - 1);
      const back = since.find((count, index) => index > 0 && count <= (since[index - 1] ?? 0)) ?? 0;
      expect(back).toBeGreaterThan(1);
      expect(back).toBeLessThanOrEqual(atMost);
      expect([await reads(0x11), await reads(0x11, 'vdb')]).toEqual([true, true]);
      expect(readFileSync(fileOf('one')).equals(content)).toBe(true);
    }
    // What is started the next time is on the same images.
    await write(0x44);
    await virsh('destroy', vm.uuid);
    await virsh('start', vm.uuid);
    expect([await reads(0x44), await reads(0x11, 'vdb')]).toEqual([true, true]);
    await runs(revert('kept'));
    expect([await reads(0x22), await reads(0x22, 'vdb')]).toEqual([true, true]);
  });

  it.each([
    ['whose memory it has', true],
    ['of disks only', false],
  ])(
    'saves the memory of the guest before it goes back to a snapshot %s, and the guest goes on when that is undone',
    async (_, hasMemory) => {
      await counts();
      await write(0x11);
      await runs(create('one', hasMemory ? undefined : {}));
      const soFar = testbed.readSerialCounter(vm) ?? 0;
      for (let count = 0; count < soFar + 5;) count = await counts();
      await write(0x22);
      await write(0x22, 'vdb');
      const left = await counts();
      await runs(revert('one', 'kept', fileOf('kept')));
      expect((await read()).snapshots.find(({ id }) => id === 'kept')).toMatchObject({
        vmState: 'running',
        memory: { kind: 'external', file: fileOf('kept') },
      });
      expect(await reads(0x11)).toBe(true);
      if (!hasMemory) await virsh('start', vm.uuid);
      for (let round = 0; round < 2; round += 1) {
        await write(0x33);
        await runs(revert('kept'));
        // It does not begin anew, and goes on behind what it had counted to when it was left.
        const since = testbed.readSerialCounts(vm).length;
        await counts();
        expect(testbed.readSerialCounts(vm)[since] ?? 0).toBeGreaterThan(left);
        expect([await reads(0x22), await reads(0x22, 'vdb')]).toEqual([true, true]);
      }
    },
  );

  it('goes back to a paused VM, with the definition of then', async () => {
    await counts();
    await virsh('suspend', vm.uuid);
    await runs(create('one'));
    await virsh('destroy', vm.uuid);
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace("<vcpu placement='static'>1<", '<vcpu>2<'), vm);
    await runs(revert('one'));
    expect((await virsh('dumpxml', vm.uuid)).stdout).toContain('>1</vcpu>');
    expect((await virsh('dumpxml', '--inactive', vm.uuid)).stdout).toContain('>2</vcpu>');
    await virsh('resume', vm.uuid);
    expect(await counts()).toBeGreaterThan(1);
  });

  it('leaves the VM running where the memory is not that of the VM, or no memory', async () => {
    await counts();
    await runs(create('one'));
    const before = await read();
    writeFileSync(fileOf('one'), 'nothing');
    await expect(carryOut(version, revert('one', 'kept'))).rejects.toThrow('cannot be loaded');
    rmSync(fileOf('one'));
    expect((await planOn(version, revert('one'))).refusals.map(({ code }) => code)).toEqual(['revertObstacle']);
    const after = await read();
    expect([after.state, after.snapshots.length]).toEqual(['running', 1]);
    expect(after.disks.map(({ imageId }) => imageId)).toEqual(before.disks.map(({ imageId }) => imageId));
    await counts();
  });

  it('replaces no file, and tells of a folder that is not there', async () => {
    const file = join(vm.folder, 'mine.memory');
    writeFileSync(file, 'mine');
    await expect(carryOut(version, create('one', { memoryFile: file }))).rejects.toThrow(
      `something at ${file} already`,
    );
    const nowhere = join(vm.folder, 'nowhere', 'one.memory');
    await expect(carryOut(version, create('one', { memoryFile: nowhere }))).rejects.toThrow(
      `no folder ${dirname(nowhere)}`,
    );
    expect((await read()).snapshots).toEqual([]);
  });

  it('takes no memory with some of the disks, nor where there is none', async () => {
    const some = { ...create('one'), diskTargets: ['vda'] } as ChangeRequest;
    expect((await planOn(version, some)).refusals.map(({ code }) => code)).toEqual(['memoryNeedsEveryDisk']);
    await virsh('destroy', vm.uuid);
    expect((await planOn(version, create('one'))).refusals.map(({ code }) => code)).toEqual(['noMemory']);
  });
}
