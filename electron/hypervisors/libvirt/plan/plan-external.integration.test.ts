/** Going back to external snapshots and deleting them, on every version: the data, the chains, the records and the files. */
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';
import { chainOfDisk, imagesById } from '../../../../shared/rules/chains/chains.ts';

// Each of these makes, merges and goes back several times, and reads the host after every step.
vi.setConfig({ testTimeout: 240_000 });

onEachLibvirt(suite, { sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-plans-external', disks: [{ target: 'vda' }, { target: 'vdb' }], version };
  const offset = 4 * 1024 ** 2;
  let vm: testbed.VirtualMachine;

  const virsh = (...argv: readonly string[]) => testbed.virsh(argv, { version });
  const write = (byte: number, target = 'vda') => testbed.writeGuestDisk(vm, target, byte, offset);
  const reads = (byte: number, target = 'vda') => testbed.guestDiskHasPattern(vm, target, byte, offset);
  const create = (name: string): ChangeRequest => ({
    action: 'createSnapshot',
    vmUuid: vm.uuid,
    kind: 'external',
    name,
    description: '',
    diskTargets: null,
  });
  const revert = (snapshotId: string, saveAs: string | null = null): ChangeRequest => ({
    action: 'revertToSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    saveAs,
  });
  const remove = (snapshotId: string, withDescendants = false): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    withDescendants,
  });
  const removeUp = (snapshotId: string): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    withDescendants: false,
    direction: 'up',
  });

  async function read(): Promise<{ vm: ReadableVm; chain: (target?: string) => readonly string[] }> {
    const inventory = await inventoryOf(version);
    const found = inventory.vms.find(({ uuid }) => uuid === vm.uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    const images = imagesById(inventory.images);
    return {
      vm: found,
      chain: (target = 'vda') => {
        const disk = found.disks.find((each) => each.target === target);
        return disk ? (chainOfDisk(disk, images)?.images.map(({ id }) => id) ?? []) : [];
      },
    };
  }

  const active = async () => (await read()).vm.disks.flatMap(({ imageId }) => imageId ?? []);

  /** Runs it, and compares what the plan promised with what is there. */
  async function runs(request: ChangeRequest): Promise<void> {
    const { after } = await carryOut(version, request);
    const now = await read();
    const shape = (snapshots: ReadableVm['snapshots']) =>
      snapshots
        .map(({ id, parentId, kind, disks }) => ({ id, parentId, kind, disks }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(shape(now.vm.snapshots)).toEqual(shape(after.snapshots));
    expect(now.vm.currentSnapshotId).toBe(after.currentSnapshotId);
    expect(now.vm.state).toBe(after.vmState);
    expect(now.vm.disks.map(({ target }) => ({ target, imageIds: now.chain(target) }))).toEqual(after.chains);
    expect(now.vm.problems).toEqual([]);
  }

  const findings = async () =>
    findingsOf('host', await inventoryOf(version), defaultReportThresholds, Date.now() / 1000)
      .filter(({ vmUuid, severity }) => vmUuid === vm.uuid && severity !== 'information')
      .map(({ message }) => message);
  const names = async () => (await read()).vm.snapshots.map(({ name }) => name).toSorted();

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

  for (const running of [true, false]) {
    const how = running ? 'of a VM that runs' : 'of a VM that is shut off';
    const begin = async () => {
      if (running) await virsh('start', vm.uuid);
      for (const [name, byte] of [
        ['one', 0x11],
        ['two', 0x22],
      ] as const) {
        await write(byte);
        await write(byte, 'vdb');
        await runs(create(name));
      }
      await write(0x33);
      await write(0x33, 'vdb');
    };

    it(`goes back to an external snapshot ${how}, and undoes that, on both disks`, async () => {
      await begin();
      await runs(revert('one', 'kept'));
      expect([await reads(0x11), await reads(0x11, 'vdb')]).toEqual([true, true]);
      await virsh('start', vm.uuid);
      await write(0x44);
      const givenUp = await active();
      expect(givenUp.map((path) => existsSync(path))).toEqual([true, true]);
      // What was left is as it was; what is left now is nobody's, and goes.
      await runs(revert('kept'));
      expect([await reads(0x33), await reads(0x33, 'vdb')]).toEqual([true, true]);
      expect(givenUp.map((path) => existsSync(path))).toEqual([false, false]);
      await runs(revert('two'));
      expect([await reads(0x22), await reads(0x22, 'vdb')]).toEqual([true, true]);
      // So nothing is in the way of deleting what the VM has left.
      await runs(remove('kept'));
      await runs(remove('one'));
      expect([await reads(0x22), await reads(0x22, 'vdb')]).toEqual([true, true]);
      await virsh('start', vm.uuid);
      expect(await reads(0x22)).toBe(true);
      // The overlay that was made with a snapshot is in its record, and stays until that is deleted.
      await runs(create('three'));
      await write(0x55);
      const recorded = await active();
      await runs(revert('three'));
      expect(recorded.map((path) => existsSync(path))).toEqual([true, true]);
      expect(await reads(0x22)).toBe(true);
    });

    it(`deletes external snapshots ${how}: from the middle, the last, and with what is below`, async () => {
      await begin();
      await runs(create('three'));
      await write(0x55);
      await runs(remove('two'));
      expect(await names()).toEqual(['one', 'three']);
      expect([await reads(0x55), await reads(0x33, 'vdb')]).toEqual([true, true]);
      await runs(create('four'));
      await runs(remove('four'));
      expect(await reads(0x55)).toBe(true);
      await runs(remove('one', true));
      expect(await names()).toEqual([]);
      expect((await read()).chain()).toEqual([vm.images['vda']]);
      expect([await reads(0x55), await reads(0x33, 'vdb')]).toEqual([true, true]);
      if (running) await virsh('destroy', vm.uuid);
      await virsh('start', vm.uuid);
      expect(await reads(0x55)).toBe(true);
    });
  }

  for (const running of [true, false]) {
    it(`deletes a snapshot upwards of a VM that ${running ? 'runs' : 'is shut off'}: all others stay what they are`, async () => {
      if (running) await virsh('start', vm.uuid);
      for (const [name, byte] of [
        ['one', 0x11],
        ['two', 0x22],
        ['three', 0x33],
      ] as const) {
        await write(byte);
        await write(byte, 'vdb');
        await runs(create(name));
      }
      await write(0x44);
      await write(0x44, 'vdb');
      const codes = async (name: string) => (await planOn(version, removeUp(name))).refusals.map(({ code }) => code);
      expect(await codes('one')).toContain('baseStays');
      // Of a VM that runs only the active layer takes others up.
      expect(await codes('two')).toEqual(running ? ['notTheActiveLayer', 'notTheActiveLayer'] : []);
      const doomed = running ? 'three' : 'two';
      const images = (await read()).vm.snapshots.flatMap(({ name, disks }) =>
        name === doomed ? disks.flatMap(({ dataImageId }) => dataImageId ?? []) : [],
      );
      expect(images.map(existsSync)).toEqual([true, true]);
      await runs(removeUp(doomed));
      expect(images.map(existsSync)).toEqual([false, false]);
      expect([await reads(0x44), await reads(0x44, 'vdb')]).toEqual([true, true]);
      expect(await findings()).toEqual([]);
      const left: readonly (readonly [string, number])[] = [['one', 0x11], running ? ['two', 0x22] : ['three', 0x33]];
      for (const [name, byte] of left) {
        await runs(revert(name, `before ${name}`));
        expect([await reads(byte), await reads(byte, 'vdb')]).toEqual([true, true]);
        await virsh('start', vm.uuid);
        expect(await reads(byte)).toBe(true);
      }
      await runs(revert('before one'));
      expect([await reads(0x44), await reads(0x44, 'vdb')]).toEqual([true, true]);
    });
  }

  for (const running of [true, false]) {
    it(`deletes neighbours at once of a VM that ${running ? 'runs' : 'is shut off'}, of which one is not of every disk`, async () => {
      if (running) await virsh('start', vm.uuid);
      for (const [name, byte, diskTargets] of [
        ['one', 0x11, null],
        ['two', 0x22, ['vda']],
        ['three', 0x33, null],
        ['four', 0x44, null],
      ] as const) {
        await write(byte);
        await write(byte, 'vdb');
        await runs({ ...create(name), diskTargets: diskTargets && [...diskTargets] } as ChangeRequest);
      }
      await write(0x55);
      await write(0x55, 'vdb');
      const several = (...snapshotIds: readonly string[]): ChangeRequest => {
        const [snapshotId = '', ...otherSnapshotIds] = snapshotIds;
        return { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId, otherSnapshotIds, withDescendants: false };
      };
      // What stands between them would go as well.
      const refused = (await planOn(version, several('one', 'three'))).refusals;
      expect(refused.map(({ code, names: what }) => [code, what])).toEqual([['wouldDestroySnapshots', ['two']]]);
      await runs(several('three', 'two'));
      expect(await names()).toEqual(['four', 'one']);
      expect([await reads(0x55), await reads(0x55, 'vdb')]).toEqual([true, true]);
      expect(await findings()).toEqual([]);
      for (const [name, byte] of [
        ['four', 0x44],
        ['one', 0x11],
      ] as const) {
        await runs(revert(name, `before ${name}`));
        expect([await reads(byte), await reads(byte, 'vdb')]).toEqual([true, true]);
      }
      await runs(revert('before four'));
      expect([await reads(0x55), await reads(0x55, 'vdb')]).toEqual([true, true]);
    });
  }

  it('goes back to what a record names after the merge that moved it', async () => {
    await virsh('start', vm.uuid);
    for (const [name, byte] of [
      ['one', 0x11],
      ['two', 0x22],
      ['three', 0x33],
    ] as const) {
      await write(byte);
      await runs(create(name));
    }
    await write(0x44);
    await runs(remove('two'));
    await runs(revert('three'));
    expect(await reads(0x33)).toBe(true);
  });

  it('deletes what a merge up left: records and images that nothing needs', async () => {
    for (const [name, byte] of [
      ['one', 0x11],
      ['two', 0x22],
    ] as const) {
      await write(byte);
      await runs(create(name));
    }
    await write(0x33);
    const before = (await read()).chain();
    const [, middle = '', first = ''] = before;
    await runs({
      action: 'pullImages',
      vmUuid: vm.uuid,
      ranges: [{ target: 'vda', baseId: first }],
      bytesPerSecond: null,
    });
    expect(await reads(0x33)).toBe(true);
    expect(existsSync(middle)).toBe(true);
    // Of vdb nothing was merged, so that its part of the snapshot is still in the chain.
    expect((await planOn(version, remove('two'))).refusals).toEqual([]);
    await runs(remove('two'));
    expect(await reads(0x33)).toBe(true);
    expect(await names()).toEqual(['one']);
  });

  it('merges into an image with an internal snapshot, which stays and can be gone back to', async () => {
    await write(0x11);
    await runs({ ...create('inside'), kind: 'internal' } as ChangeRequest);
    await write(0x22);
    await runs(create('one'));
    await virsh('start', vm.uuid);
    await write(0x33);
    await runs(remove('one'));
    expect([await names(), await reads(0x33)]).toEqual([['inside'], true]);
    await virsh('destroy', vm.uuid);
    await runs(revert('inside'));
    expect(await reads(0x11)).toBe(true);
  });

  it('deletes a record from between others, whose data stays what it was', async () => {
    for (const [name, byte] of [
      ['one', 0x11],
      ['two', 0x22],
    ] as const) {
      await write(byte);
      await runs(create(name));
    }
    // The data of "two" is the overlay of "one", and in no chain of the VM any more.
    await runs({
      action: 'pullImages',
      vmUuid: vm.uuid,
      ranges: ['vda', 'vdb'].map((target) => ({ target, baseId: null })),
      bytesPerSecond: null,
    });
    await runs(remove('one'));
    await runs(revert('two'));
    expect(await reads(0x22)).toBe(true);
  });

  it('keeps the images of a branch that others need, and merges when the other branch is gone', async () => {
    await write(0x11);
    await runs(create('one'));
    await write(0x22);
    await runs(revert('one', 'kept'));
    await write(0x33);
    await runs(create('other'));
    await write(0x44);
    // Two branches hang on the data of "one": only its record can go.
    const { steps, warnings } = await planOn(version, remove('one'));
    expect(steps.flatMap(({ deletes }) => deletes)).toEqual([]);
    expect(warnings.map(({ code }) => code)).toContain('imagesStay');
    const [left = ''] = (await read()).vm.snapshots.flatMap(({ name, disks }) =>
      name === 'kept' ? disks.flatMap(({ dataImageId }) => dataImageId ?? []) : [],
    );
    expect(await testbed.hasPattern(left, 0x22, offset)).toBe(true);
    await runs(remove('kept'));
    expect(existsSync(left)).toBe(false);
    // That the overlay made for "one" is gone takes nothing from it.
    expect(await findings()).toEqual([]);
    expect(await reads(0x44)).toBe(true);
    await runs(remove('one'));
    expect(await reads(0x44)).toBe(true);
    await runs(revert('other'));
    expect(await reads(0x33)).toBe(true);
    expect(await names()).toEqual(['other']);
  });
}
