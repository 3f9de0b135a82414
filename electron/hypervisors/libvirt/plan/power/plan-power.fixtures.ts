/** Starting, ending and pausing VMs, on real hosts and on the simulated one: what becomes of the guest, its memory and its data. */
import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PowerChange } from '../../../../../shared/model/plan.ts';
import { imagesById } from '../../../../../shared/rules/chains/chains.ts';
import { restorePointsOf } from '../../../../../shared/rules/snapshots/restore-points.ts';
import { carryOutOn, type PlannedHost } from '../carry-out.fixtures.ts';
import { planLibvirt } from '../plan.ts';

/** A host to start VMs on, and what is behind it: a real one of the testbed, or a simulated one. */
export interface PowerHost {
  readonly planned: PlannedHost;
  up(): Promise<unknown>;
  /** Anew where it is there already: a VM with one disk, vda, that is shut off. @param obeys its guest notices the power button */
  createVirtualMachine(obeys: boolean): Promise<PowerVm>;
  /** A VM whose disk is an overlay on that of the other; it is shut off. */
  createInstanceOf(vm: PowerVm): Promise<PowerVm>;
  deleteVirtualMachines(): Promise<void>;
  /** Rejects with what virsh said where it fails. */
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  /** At one place of the disk, always the same; of a VM that is shut off as somebody else does it. */
  write(vm: PowerVm, byte: number): Promise<void>;
  holds(vm: PowerVm, byte: number): Promise<boolean>;
  /** The numbers to which the guest has counted, first to last. */
  readSerialCounts(vm: PowerVm): readonly number[];
}

export interface PowerVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
  readonly images: Readonly<Record<string, string>>;
}

/** Declares the tests of power, with guests that begin to count with 1 when they boot. */
export function powerSuite(host: PowerHost): void {
  let vm: PowerVm;

  const virsh = (...argv: readonly string[]) => host.virsh(argv);
  const change = (to: PowerChange, parts: { waitSeconds?: number } = {}): ChangeRequest => ({
    action: 'changePower',
    vmUuid: vm.uuid,
    to,
    ...parts,
  });
  const save = (file: string | null = null): ChangeRequest => ({ action: 'saveMemory', vmUuid: vm.uuid, file });
  const plan = async (request: ChangeRequest) => planLibvirt('qemu:///system', request, await host.planned.read());

  async function read(): Promise<ReadableVm> {
    const { vms } = await host.planned.read();
    const found = vms.find(({ uuid }) => uuid === vm.uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    return found;
  }

  async function restorePoints() {
    return restorePointsOf(await read(), imagesById((await host.planned.read()).images));
  }

  async function runs(request: ChangeRequest): Promise<void> {
    const { after } = await carryOutOn(host.planned, request);
    expect((await read()).state).toBe(after.vmState);
  }

  /** Waits until the guest has counted further: the numbers that it printed meanwhile. */
  async function counts(): Promise<readonly number[]> {
    const from = host.readSerialCounts(vm).length;
    await vi.waitFor(
      () => {
        expect(host.readSerialCounts(vm).length).toBeGreaterThan(from + 1);
      },
      { timeout: 30_000, interval: 100 },
    );
    return host.readSerialCounts(vm).slice(from);
  }

  beforeAll(async () => {
    await host.up();
  });
  beforeEach(async () => {
    await host.deleteVirtualMachines();
  });
  afterEach(async () => {
    await host.deleteVirtualMachines();
  });

  it('starts a VM, lets it stand still and go on with its memory, and shuts it down', async () => {
    vm = await host.createVirtualMachine(true);
    await runs(change('start'));
    expect((await plan(change('start'))).refusals.map(({ code }) => code)).toEqual(['vmState']);
    const last = (await counts()).at(-1) ?? 0;
    await host.write(vm, 0x11);
    await runs(change('suspend'));
    const atRest = host.readSerialCounts(vm).length;
    await sleep(1200);
    expect(host.readSerialCounts(vm)).toHaveLength(atRest);
    expect((await plan(change('shutdown'))).refusals.map(({ code }) => code)).toEqual(['vmState']);
    await runs(change('resume'));
    expect((await counts())[0]).toBeGreaterThanOrEqual(last);
    await runs(change('shutdown', { waitSeconds: 30 }));
    expect((await read()).stateReason).toBe('shutdown');
    expect(await host.holds(vm, 0x11)).toBe(true);
  });

  it('says that a guest takes no notice and leaves it running, and forces it off', async () => {
    vm = await host.createVirtualMachine(false);
    await runs(change('start'));
    await counts();
    await expect(carryOutOn(host.planned, change('shutdown', { waitSeconds: 2 }))).rejects.toThrow(
      'did not shut down within 2 seconds, and runs on',
    );
    await counts();
    await virsh('suspend', vm.uuid);
    expect((await plan(change('destroy'))).warnings[0]?.message).toContain(
      'is paused: all that its guest has in memory',
    );
    await runs(change('destroy'));
  });

  it('starts from a managed save where the guest was, and not on disks that were written to since', async () => {
    vm = await host.createVirtualMachine(false);
    await runs(change('start'));
    await counts();
    await runs(save());
    expect(await read()).toMatchObject({ state: 'shutoff', stateReason: 'saved', hasManagedSave: true });
    expect(await restorePoints()).toMatchObject([{ file: null, worn: null }]);
    const from = host.readSerialCounts(vm).at(-1) ?? 0;
    expect((await plan(change('start'))).warnings.map(({ code }) => code)).toEqual(['restoresMemory']);
    await runs(change('start'));
    expect((await counts())[0]).toBeGreaterThanOrEqual(from);
    await runs(save());
    await sleep(1100);
    await host.write(vm, 0x22);
    await expect(carryOutOn(host.planned, change('start'))).rejects.toThrow(
      'was written to after the memory was saved',
    );
    expect(await read()).toMatchObject({ state: 'shutoff', hasManagedSave: true });
    expect(await host.holds(vm, 0x22)).toBe(true);
  });

  it('gives up saved memory where that is asked for, and boots anew then', async () => {
    vm = await host.createVirtualMachine(false);
    await runs(change('start'));
    await counts();
    await host.write(vm, 0x33);
    await runs(save());
    await runs({ action: 'discardMemory', vmUuid: vm.uuid });
    expect((await read()).hasManagedSave).toBe(false);
    const from = host.readSerialCounts(vm).length;
    await runs(change('start'));
    await counts();
    expect(host.readSerialCounts(vm)[from]).toBeLessThanOrEqual(1);
    expect(await host.holds(vm, 0x33)).toBe(true);
  });

  it('saves the memory to a new file, and goes on from it on the disks of that moment only', async () => {
    vm = await host.createVirtualMachine(false);
    const file = posix.join(vm.folder, "it's saved, & kept.memory");
    await runs(change('start'));
    await counts();
    await host.write(vm, 0x44);
    await virsh('suspend', vm.uuid);
    await runs(save(file));
    expect(await read()).toMatchObject({ state: 'shutoff', hasManagedSave: false });
    expect(await restorePoints()).toMatchObject([{ file, worn: null }]);
    const snapshot = { vmUuid: vm.uuid, name: 'after', description: '', diskTargets: null } as const;
    for (const spoiling of [
      change('start'),
      { action: 'createSnapshot', kind: 'internal', ...snapshot },
      { action: 'createSnapshot', kind: 'external', ...snapshot },
    ] as const)
      expect((await plan(spoiling)).warnings).toContainEqual(expect.objectContaining({ code: 'outlivesMemory' }));
    const last = host.readSerialCounts(vm).at(-1) ?? 0;
    const restore = { action: 'restoreMemory', vmUuid: vm.uuid, file } as const;
    expect((await plan(restore)).warnings.map(({ code }) => code)).not.toContain('outlivesMemory');
    await carryOutOn(host.planned, restore);
    // As it was saved.
    expect((await read()).state).toBe('paused');
    await runs(change('resume'));
    expect((await counts())[0]).toBeGreaterThanOrEqual(last);
    expect(await host.holds(vm, 0x44)).toBe(true);
    // Nothing that is there is replaced, and what was written since fits no more.
    await expect(carryOutOn(host.planned, save(file))).rejects.toThrow(file);
    await sleep(1100);
    await host.write(vm, 0x55);
    await runs(change('destroy'));
    expect(await restorePoints()).toMatchObject([{ file, worn: 'writtenSince' }]);
    await expect(carryOutOn(host.planned, restore)).rejects.toThrow('was written to after the memory was saved');
    // Nor on other images, which hold what it had: the guest would write below them.
    await virsh('snapshot-create-as', vm.uuid, 'later', '--disk-only');
    await expect(carryOutOn(host.planned, restore)).rejects.toThrow('has other disks than the VM has now');
    expect(await read()).toMatchObject({ state: 'shutoff' });
    expect(await host.holds(vm, 0x55)).toBe(true);
  });

  it('does not start a template: what hangs on it would read other data', async () => {
    vm = await host.createVirtualMachine(false);
    const instance = await host.createInstanceOf(vm);
    const { refusals } = await plan(change('start'));
    expect(refusals).toMatchObject([{ code: 'imageHasDependents', names: [`VM ${instance.name}`] }]);
    expect(refusals[0]?.message).toContain(posix.basename(vm.images['vda'] ?? ''));
    // The instance itself may.
    const starting = { ...change('start'), vmUuid: instance.uuid };
    await carryOutOn(host.planned, starting);
    expect((await host.virsh(['domstate', instance.uuid])).stdout).toContain('running');
  });

  it('does not end a VM that is gone then', async () => {
    vm = await host.createVirtualMachine(false);
    await virsh('start', vm.uuid);
    await virsh('undefine', vm.uuid);
    for (const to of ['shutdown', 'destroy'] as const) {
      expect((await plan(change(to))).refusals.map(({ code }) => code)).toEqual(['transient']);
    }
  });
}
