/** External snapshots with memory in a file, on real hosts and on the simulated one: the file, the record, the data, and what the guest goes on with. */
import { posix } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { carryOutOn, type PlannedHost } from './carry-out.fixtures.ts';
import { planLibvirt } from './plan.ts';

/** A host to save memory on, and what is behind it: a real one of the testbed, or a simulated one. */
export interface MemoryHost {
  readonly planned: PlannedHost;
  up(): Promise<unknown>;
  down(): Promise<void>;
  /** Anew where it is there already: a VM that runs, with one CPU and the disks vda and vdb. */
  createVirtualMachine(): Promise<MemoryVm>;
  deleteVirtualMachine(vm: MemoryVm): Promise<void>;
  /** Rejects with what virsh said where it fails. */
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  /** Defines it anew while it is shut off. */
  redefine(vm: MemoryVm, change: (xml: string) => string): Promise<void>;
  /** At one place of the disk, always the same. */
  writeGuestDisk(vm: MemoryVm, target: string, byte: number): Promise<void>;
  guestDiskHasPattern(vm: MemoryVm, target: string, byte: number): Promise<boolean>;
  /** The numbers to which the guest has counted, first to last; and the last of them. */
  readSerialCounts(vm: MemoryVm): readonly number[];
  readSerialCounter(vm: MemoryVm): number | undefined;
  readonly files: {
    /** Null where there is none. */
    read(path: string): string | null;
    put(path: string, text: string): void;
    remove(path: string): void;
    names(folder: string): readonly string[];
  };
}

export interface MemoryVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
}

/** Declares the tests of external snapshots with memory. */
export function memorySuite(host: MemoryHost): void {
  let vm: MemoryVm;

  const { files } = host;
  const virsh = (...argv: readonly string[]) => host.virsh(argv);
  const write = (byte: number, target = 'vda') => host.writeGuestDisk(vm, target, byte);
  const reads = (byte: number, target = 'vda') => host.guestDiskHasPattern(vm, target, byte);
  const fileOf = (name: string) => posix.join(vm.folder, `${name}, with a comma.memory`);
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
    const { vms } = await host.planned.read();
    const found = vms.find(({ uuid }) => uuid === vm.uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    return found;
  }

  const plan = async (request: ChangeRequest) => planLibvirt('qemu:///system', request, await host.planned.read());

  /** Runs it, and compares what the plan promised with what is there. */
  async function runs(request: ChangeRequest): Promise<void> {
    const { after } = await carryOutOn(host.planned, request);
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
    const from = host.readSerialCounts(vm).length;
    await vi.waitFor(
      () => {
        expect(host.readSerialCounts(vm).length).toBeGreaterThan(from + 1);
      },
      { timeout: 30_000, interval: 100 },
    );
    return host.readSerialCounter(vm) ?? 0;
  }

  beforeAll(async () => {
    await host.up();
  });
  beforeEach(async () => {
    vm = await host.createVirtualMachine();
  });
  afterEach(async () => {
    await host.deleteVirtualMachine(vm);
  });
  afterAll(async () => {
    await host.down();
  });

  it('saves the memory, lets the guest go on counting, and removes the file with the snapshot', async () => {
    await counts();
    await write(0x11);
    await runs(create('one'));
    const { stdout } = await virsh('save-image-dumpxml', fileOf('one'));
    expect(stdout).toContain(vm.uuid);
    const before = host.readSerialCounter(vm) ?? 0;
    expect(await counts()).toBeGreaterThan(before);
    await write(0x22);
    await runs(create('two'));
    await runs(remove('one'));
    expect([files.read(fileOf('one')) === null, files.read(fileOf('two')) === null]).toEqual([true, false]);
    await runs(remove('two'));
    expect(files.names(vm.folder).filter((name) => name.endsWith('.memory'))).toEqual([]);
    expect(await reads(0x22)).toBe(true);
  });

  it('leaves a paused VM paused', async () => {
    await counts();
    await virsh('suspend', vm.uuid);
    await runs(create('one'));
    expect((await read()).snapshots).toMatchObject([{ vmState: 'paused', memory: { file: fileOf('one') } }]);
    // It is that of the snapshot, and no restore point beside it.
    expect((await read()).savedMemory).toBeUndefined();
  });

  it('goes back with the memory, on every disk, and again; from a VM that runs, or is shut off', async () => {
    await counts();
    await write(0x11);
    await write(0x11, 'vdb');
    await runs(create('one'));
    const atMost = (host.readSerialCounter(vm) ?? 0) + 2;
    const content = files.read(fileOf('one'));
    for (const [byte, saveAs] of [
      [0x22, 'kept'],
      [0x33, null],
    ] as const) {
      for (let count = 0; count < atMost + 3;) count = await counts();
      await write(byte);
      await write(byte, 'vdb');
      await counts();
      if (saveAs === null) await virsh('destroy', vm.uuid);
      const before = host.readSerialCounts(vm).length;
      await runs(revert('one', saveAs));
      await counts();
      // The guest went on from the memory: it stepped back, and did not begin anew with 1.
      const since = host.readSerialCounts(vm).slice(before - 1);
      const back = since.find((count, index) => index > 0 && count <= (since[index - 1] ?? 0)) ?? 0;
      expect(back).toBeGreaterThan(1);
      expect(back).toBeLessThanOrEqual(atMost);
      expect([await reads(0x11), await reads(0x11, 'vdb')]).toEqual([true, true]);
      expect(files.read(fileOf('one')) === content).toBe(true);
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
      const soFar = host.readSerialCounter(vm) ?? 0;
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
        const since = host.readSerialCounts(vm).length;
        await counts();
        expect(host.readSerialCounts(vm)[since] ?? 0).toBeGreaterThan(left);
        expect([await reads(0x22), await reads(0x22, 'vdb')]).toEqual([true, true]);
      }
    },
  );

  it('goes back with the memory of a snapshot that was renamed while the VM ran, and its file goes with it', async () => {
    await counts();
    await write(0x11);
    await runs(create('one'));
    await runs({ action: 'renameSnapshot', vmUuid: vm.uuid, snapshotId: 'one', name: 'renamed & “one”' });
    const atMost = (host.readSerialCounter(vm) ?? 0) + 2;
    for (let count = 0; count < atMost + 3;) count = await counts();
    await write(0x22);
    const before = host.readSerialCounts(vm).length;
    await runs(revert('renamed & “one”'));
    await counts();
    const since = host.readSerialCounts(vm).slice(before - 1);
    const back = since.find((count, index) => index > 0 && count <= (since[index - 1] ?? 0)) ?? 0;
    expect([back > 1, back <= atMost]).toEqual([true, true]);
    expect(await reads(0x11)).toBe(true);
    await runs(remove('renamed & “one”'));
    expect(files.read(fileOf('one'))).toBeNull();
  });

  it('goes back to a paused VM, with the definition of then', async () => {
    await counts();
    await virsh('suspend', vm.uuid);
    await runs(create('one'));
    await virsh('destroy', vm.uuid);
    await host.redefine(vm, (xml) => xml.replace("<vcpu placement='static'>1<", '<vcpu>2<'));
    await runs(revert('one'));
    // libvirt calls it migrating until it runs.
    expect((await plan(revert('one'))).refusals).toEqual([]);
    expect((await virsh('dumpxml', vm.uuid)).stdout).toContain('>1</vcpu>');
    expect((await virsh('dumpxml', '--inactive', vm.uuid)).stdout).toContain('>2</vcpu>');
    await virsh('resume', vm.uuid);
    expect(await counts()).toBeGreaterThan(1);
  });

  it('leaves the VM running where the memory is not that of the VM, or no memory, and goes back to the disks where it is gone', async () => {
    await counts();
    await write(0x11);
    await runs(create('one'));
    const before = await read();
    files.put(fileOf('one'), 'nothing');
    await expect(carryOutOn(host.planned, revert('one', 'kept'))).rejects.toThrow('cannot be loaded');
    const after = await read();
    expect([after.state, after.snapshots.length]).toEqual(['running', 1]);
    expect(after.disks.map(({ imageId }) => imageId)).toEqual(before.disks.map(({ imageId }) => imageId));
    await counts();
    await write(0x22);
    files.remove(fileOf('one'));
    expect((await plan(revert('one'))).warnings.map(({ code }) => code)).toContain('memoryLost');
    await runs(revert('one'));
    expect(await reads(0x11)).toBe(true);
  });

  it('takes a memory file for that of the snapshot that replaced it, and keeps it for that', async () => {
    await counts();
    await write(0x11);
    await runs(create('one'));
    await write(0x22);
    const words = ['--memspec', `file=${fileOf('one').replaceAll(',', ',,')},snapshot=external`, '--atomic'];
    // The time of a record has no parts of a second.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await virsh('snapshot-create-as', vm.uuid, 'two', ...words);
    await write(0x33);
    expect((await plan(revert('two'))).warnings.map(({ code }) => code)).not.toContain('memoryLost');
    await runs(revert('one'));
    expect(await reads(0x11)).toBe(true);
    await runs(remove('one'));
    await runs(revert('two'));
    await counts();
    expect(await reads(0x22)).toBe(true);
  });

  it('replaces no file, and tells of a folder that is not there', async () => {
    const file = posix.join(vm.folder, 'mine.memory');
    files.put(file, 'mine');
    await expect(carryOutOn(host.planned, create('one', { memoryFile: file }))).rejects.toThrow(
      `something at ${file} already`,
    );
    const nowhere = posix.join(vm.folder, 'nowhere', 'one.memory');
    await expect(carryOutOn(host.planned, create('one', { memoryFile: nowhere }))).rejects.toThrow(
      `no folder ${posix.dirname(nowhere)}`,
    );
    expect((await read()).snapshots).toEqual([]);
  });

  it('takes no memory with some of the disks, nor where there is none', async () => {
    const some = { ...create('one'), diskTargets: ['vda'] } as ChangeRequest;
    expect((await plan(some)).refusals.map(({ code }) => code)).toEqual(['memoryNeedsEveryDisk']);
    await virsh('destroy', vm.uuid);
    expect((await plan(create('one'))).refusals.map(({ code }) => code)).toEqual(['noMemory']);
  });
}
