/** The first procedures, as a renderer would ask for them: the same on real hosts and on the simulated one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requests } from '../../shared/contract.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { undoRequest } from '../../shared/rules/snapshots/undo.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { listen } from '../ipc/listen.ts';
import type { ConnectSimulated } from '../hosts/connect.ts';
import type { Application } from './application-factory.ts';
import { createApplication } from './application.ts';
import { hasCapability, namesJobsAfterSnapshots } from '../hypervisors/libvirt/capabilities.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;

/** A host for the procedures, and what is behind it: a real one of the testbed, or a simulated one. */
export interface ProceduresHost {
  /** How it is reached, where it is simulated. */
  readonly connectSimulated?: ConnectSimulated;
  /** Makes it ready; gives the settings by which it is reached. */
  up(): Promise<HostSettings>;
  down(): Promise<void>;
  createVirtualMachine(spec: ProceduresVmSpec): Promise<ProceduresVm>;
  deleteVirtualMachine(vm: ProceduresVm): Promise<void>;
  /** Rejects with what virsh said where it fails. */
  virsh(argv: readonly string[]): Promise<unknown>;
  stateOf(uuid: string): Promise<string | undefined>;
  activeImage(vm: ProceduresVm, target: string): Promise<string>;
  internalSnapshotsOf(image: string): Promise<readonly string[]>;
  writeGuestDisk(vm: ProceduresVm, target: string, byte: number, offset?: number): Promise<void>;
  guestDiskHasPattern(vm: ProceduresVm, target: string, byte: number, offset?: number): Promise<boolean>;
  hasPattern(image: string, byte: number, offset?: number): Promise<boolean>;
  /** The numbers to which the guest has counted, first to last; and the last of them. */
  readSerialCounts(vm: ProceduresVm): readonly number[];
  readSerialCounter(vm: ProceduresVm): number | undefined;
  /** Makes a command of virsh wait until it is released, or fail. */
  addFault(fault: { readonly command: string; readonly vm: string; readonly effect: 'hold' | 'fail' }): {
    reached(): Promise<unknown>;
    count(): number;
    release(): void;
    remove(): void;
  };
  dropConnections(): void;
}

export interface ProceduresVmSpec {
  readonly name: string;
  readonly folder?: string;
  readonly disks?: readonly { readonly target: string; readonly file?: string; readonly backing?: string }[];
  readonly running?: boolean;
}

export interface ProceduresVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
}

/** Waits for something that comes by itself. */
async function waitUntil(what: string, condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  await expect.poll(condition, { message: what, timeout: limitMs, interval: 20 }).toBe(true);
}

/** Declares the tests of the first procedures, as a renderer would ask for them. */
export function proceduresSuite(server: ProceduresHost): void {
  let dataFolder: string;
  let application: Application;
  let hostId: string;
  const made: ProceduresVm[] = [];
  const virsh = (argv: readonly string[]) => server.virsh(argv);
  const stateOf = (uuid: string) => server.stateOf(uuid);

  async function ask<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
  ): Promise<ResponseValue<Name>> {
    const value = await application.handlers.requests[name](payload, { signal: never });
    // What the renderer would get is what the contract allows.
    requests[name].response.parse(value);
    return value;
  }

  function inventory(): Inventory {
    const found: (Inventory | null)[] = [];
    listen(application.handlers, 'inventory', { hostId }, (event) => {
      found.push(event.kind === 'all' ? event.state.inventory : null);
    })();
    if (!found[0]) throw new Error('The host was not read.');
    return found[0];
  }

  function vmOf({ uuid }: ProceduresVm): ReadableVm {
    const vm = inventory().vms.find((candidate) => candidate.uuid === uuid);
    if (!vm?.readable) throw new Error('The VM is not readable.');
    return vm;
  }

  function operations(): readonly Operation[] {
    let found: readonly Operation[] = [];
    listen(application.handlers, 'operations', {}, (event) => {
      if (event.kind === 'all') found = event.operations;
    })();
    return found;
  }

  const plan = (request: ChangeRequest): Promise<Plan> => ask('plans.create', { hostId, request });

  /** Runs a plan to its end, and gives the operation. */
  async function run({ id }: Plan): Promise<Operation> {
    const { operationId } = await ask('operations.start', { planId: id });
    const find = () => operations().find((operation) => operation.id === operationId);
    await waitUntil('the operation to end', () => find()?.endedAt !== null && find() !== undefined);
    const operation = find();
    if (!operation) throw new Error('The operation is gone.');
    return operation;
  }

  async function runs(request: ChangeRequest): Promise<Operation> {
    const made = await plan(request);
    expect(made.refusals).toEqual([]);
    const operation = await run(made);
    expect(operation.error).toBeNull();
    expect(operation.state).toBe('succeeded');
    // The plan promised a tree and chains; the host was read again; both must agree.
    const { after } = operation.plan;
    const now = await read({ uuid: request.vmUuid } as ProceduresVm);
    const shape = (snapshots: ReadableVm['snapshots']) =>
      snapshots
        .map(({ id, parentId, kind, memory, disks }) => ({ id, parentId, kind, memory, disks }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(shape(now.snapshots)).toEqual(shape(after.snapshots));
    expect(now.currentSnapshotId).toBe(after.currentSnapshotId);
    expect(now.state).toBe(after.vmState);
    expect(now.disks.map(({ imageId }) => imageId)).toEqual(after.chains.map(({ imageIds }) => imageIds[0]));
    return operation;
  }

  async function readHost(): Promise<Inventory> {
    await ask('inventory.refresh', { hostId });
    return inventory();
  }

  async function read(vm: ProceduresVm): Promise<ReadableVm> {
    await readHost();
    return vmOf(vm);
  }

  async function make(name: string, options: Partial<ProceduresVmSpec> = {}): Promise<ProceduresVm> {
    const vm = await server.createVirtualMachine({ name, ...options });
    made.push(vm);
    return vm;
  }

  async function countsOn(vm: ProceduresVm, beyond: number): Promise<void> {
    await waitUntil(
      `the guest of ${vm.name} to count beyond ${beyond}`,
      () => (server.readSerialCounter(vm) ?? 0) > beyond,
    );
  }

  const create = (
    vm: ProceduresVm,
    name: string,
    kind: 'internal' | 'external' = 'internal',
    diskTargets: string[] | null = null,
  ): ChangeRequest => ({
    action: 'createSnapshot',
    vmUuid: vm.uuid,
    kind,
    name,
    description: `<b>${name}</b> & 'more'`,
    diskTargets,
  });
  const revert = (vm: ProceduresVm, snapshotId: string, saveAs: string | null = null): ChangeRequest => ({
    action: 'revertToSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    saveAs,
  });
  const remove = (vm: ProceduresVm, snapshotId: string, withDescendants = false): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    withDescendants,
  });

  async function open(): Promise<void> {
    const { connectSimulated } = server;
    application = await createApplication({
      ...{ dataFolder, shell: 'browser', log: silent },
      ...(connectSimulated === undefined ? {} : { connectSimulated }),
    });
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const question of questions) {
        if (question.kind === 'unknownHostKey')
          void ask('questions.answer', { questionId: question.id, answer: { kind: 'accept' } });
      }
    });
  }

  beforeAll(async () => {
    const settings = await server.up();
    dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-procedures-'));
    await open();
    const host = await ask('hosts.add', { settings });
    hostId = host.id;
    await ask('hosts.connect', { hostId });
  });

  afterEach(async () => {
    for (const vm of made.splice(0)) await server.deleteVirtualMachine(vm);
  });

  afterAll(async () => {
    await application.dispose();
    await server.down();
    await rm(dataFolder, { recursive: true });
  });

  describe('a running VM with internal snapshots', () => {
    it('goes back with memory and disks, and loses them only when they are deleted', async () => {
      const vm = await make('procedures-internal', { running: true });
      await server.writeGuestDisk(vm, 'vdb', 0x11);
      await countsOn(vm, 2);
      const before = server.readSerialCounter(vm) ?? 0;
      let name = "it's a $(snapshot)";
      if (namesJobsAfterSnapshots((await readHost()).hypervisor.version)) {
        expect((await plan(create(vm, name))).refusals.map(({ code }) => code)).toEqual(['nameNotForJob']);
        // libvirt refuses it indeed.
        await expect(virsh(['snapshot-create-as', vm.uuid, `--name=${name}`])).rejects.toThrow('Invalid job ID');
        name = 'plain';
      }
      await runs(create(vm, name));
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vda'))).toEqual([name]);
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vdb'))).toEqual([name]);

      const after = server.readSerialCounter(vm) ?? 0;
      await server.writeGuestDisk(vm, 'vdb', 0x22);
      await countsOn(vm, after + 4);
      const counted = server.readSerialCounts(vm).length;
      await runs(revert(vm, name));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x11)).toBe(true);
      await waitUntil('the guest to count on', () => server.readSerialCounts(vm).length > counted + 1);
      const counts = server.readSerialCounts(vm);
      const steppedBack = counts.findIndex((count, index) => index > 0 && count < (counts[index - 1] ?? 0));
      // Memory went back to the count at the time of the snapshot, and was not started anew from 1.
      expect(counts[steppedBack]).toBeGreaterThanOrEqual(before);
      expect(counts[steppedBack]).toBeLessThanOrEqual(after + 1);

      await runs(remove(vm, name));
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vdb'))).toEqual([]);
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x11)).toBe(true);
    });

    it('keeps what it was before it goes back, and returns to that', async () => {
      const vm = await make('procedures-undo', { running: true });
      await server.writeGuestDisk(vm, 'vdb', 0x11);
      await runs(create(vm, 'root'));
      await server.writeGuestDisk(vm, 'vdb', 0x22);
      await countsOn(vm, (server.readSerialCounter(vm) ?? 0) + 4);
      const before = server.readSerialCounter(vm) ?? 0;
      const operation = await runs(revert(vm, 'root', 'kept'));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x11)).toBe(true);
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vdb'))).toEqual(['root', 'kept']);

      const counted = server.readSerialCounts(vm).length;
      const undo = undoRequest(operation, await readHost(), new Date());
      expect(undo).toMatchObject({ action: 'revertToSnapshot', snapshotId: 'kept' });
      await runs(undo);
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x22)).toBe(true);
      // Its memory too: the guest counts on from where it was, and not from where the snapshot was.
      await waitUntil('the guest to count on', () => server.readSerialCounts(vm).length > counted + 1);
      expect(server.readSerialCounts(vm).at(-1)).toBeGreaterThanOrEqual(before);
      const { snapshots, currentSnapshotId } = await read(vm);
      expect(snapshots.map(({ id, parentId }) => [id, parentId])).toEqual(
        expect.arrayContaining([
          ['root', null],
          ['kept', 'root'],
        ]),
      );
      expect(currentSnapshotId).toBe('kept');
    });

    it('loses a subtree leaf by leaf while the rest of the tree and the present data stay', async () => {
      const vm = await make('procedures-subtree', { running: true });
      for (const name of ['root', 'doomed', 'below-1']) await runs(create(vm, name));
      await runs(revert(vm, 'doomed'));
      await runs(create(vm, 'below-2'));
      await server.writeGuestDisk(vm, 'vdb', 0x33);
      const operation = await runs(remove(vm, 'doomed', true));
      expect(operation.steps.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vdb'))).toEqual(['root']);
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x33)).toBe(true);
      expect((await read(vm)).currentSnapshotId).toBe('root');
    });

    it('is paused before and after where the snapshot was taken of a paused VM', async () => {
      const vm = await make('procedures-paused', { running: true });
      await countsOn(vm, 1);
      await virsh(['suspend', vm.uuid]);
      await runs(create(vm, 'paused'));
      await virsh(['resume', vm.uuid]);
      await runs(revert(vm, 'paused'));
      expect(await stateOf(vm.uuid)).toBe('paused');
    });
  });

  describe('a VM that is shut off', () => {
    it('goes back on its disks; a running one is shut off by such a snapshot', async () => {
      const vm = await make('procedures-off');
      await server.writeGuestDisk(vm, 'vdb', 0x44);
      await runs(create(vm, 'off'));
      await server.writeGuestDisk(vm, 'vdb', 0x55);
      const saving = await runs(revert(vm, 'off', 'as it was'));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x44)).toBe(true);
      await runs(undoRequest(saving, await readHost(), new Date()));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x55)).toBe(true);
      await runs(revert(vm, 'off'));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x44)).toBe(true);
      await virsh(['start', vm.uuid]);
      await runs(revert(vm, 'off'));
      expect(await stateOf(vm.uuid)).toBe('shut off');
      await runs(remove(vm, 'off'));
      expect(await server.guestDiskHasPattern(vm, 'vdb', 0x44)).toBe(true);
    });

    it('is not reverted by a name that qemu-img takes for the number of another snapshot', async () => {
      const vm = await make('procedures-number');
      const image = await server.activeImage(vm, 'vdb');
      await server.writeGuestDisk(vm, 'vdb', 0x11);
      await virsh(['snapshot-create-as', vm.uuid, '--name=first']);
      await server.writeGuestDisk(vm, 'vdb', 0x22);
      await virsh(['snapshot-create-as', vm.uuid, '--name=1']);
      await server.writeGuestDisk(vm, 'vdb', 0x33);
      const refused = await plan(revert(vm, '1'));
      expect(refused.refusals.map(({ code, names }) => [code, ...names])).toContainEqual([
        'ambiguousSnapshot',
        'first',
      ]);
      // The trap is real: asked for "1", libvirt gives the data of "first", and says that all went well.
      await virsh(['snapshot-revert', vm.uuid, '--snapshotname=1']);
      expect(await server.hasPattern(image, 0x11)).toBe(true);
      // Deleting goes by the name alone: it is planned, and takes the right one.
      await runs(remove(vm, '1'));
      expect(await server.internalSnapshotsOf(image)).toEqual(['first']);
    });
  });

  describe('external snapshots', () => {
    it('move the writes of the chosen disks to new overlays, whatever the name', async () => {
      const vm = await make('procedures-external', { running: true });
      const old = await server.activeImage(vm, 'vda');
      const other = await server.activeImage(vm, 'vdb');
      await server.writeGuestDisk(vm, 'vda', 0x66, 1024 ** 2);
      await runs(create(vm, "a,b: it's", 'external', ['vda']));
      const overlay = await server.activeImage(vm, 'vda');
      expect(overlay).not.toBe(old);
      expect(await server.activeImage(vm, 'vdb')).toBe(other);
      await server.writeGuestDisk(vm, 'vda', 0x67, 1024 ** 2);
      expect(await server.hasPattern(old, 0x66, 1024 ** 2)).toBe(true);
      expect(await server.guestDiskHasPattern(vm, 'vda', 0x67, 1024 ** 2)).toBe(true);
    });

    it('work on a VM that is shut off, one on the other', async () => {
      const vm = await make('procedures-external-off');
      await runs(create(vm, 'one', 'external'));
      await runs(create(vm, 'two', 'external'));
      const now = await read(vm);
      expect(now.snapshots.map(({ id, parentId }) => [id, parentId]).sort()).toEqual([
        ['one', null],
        ['two', 'one'],
      ]);
    });

    it('are not deleted where internal snapshots live in their overlay; libvirt would destroy them', async () => {
      const vm = await make('procedures-mixed', { running: true });
      await virsh(['snapshot-create-as', vm.uuid, '--name=ext', '--disk-only', '--atomic']);
      await virsh(['snapshot-create-as', vm.uuid, '--name=inside']);
      const overlay = await server.activeImage(vm, 'vda');
      const refused = await plan(remove(vm, 'ext'));
      expect(refused.steps).toEqual([]);
      expect(refused.refusals[0]).toMatchObject({ code: 'wouldDestroySnapshots', names: ['inside'] });
      await expect(ask('operations.start', { planId: refused.id })).rejects.toMatchObject({ code: 'planRefused' });
      expect(await server.internalSnapshotsOf(overlay)).toEqual(['inside']);
      const deleting = ['snapshot-delete', vm.uuid, '--snapshotname=ext'];
      if (!hasCapability((await readHost()).hypervisor.version, 'deleteExternal')) {
        await expect(virsh(deleting)).rejects.toThrow('deletion of 1 external disk snapshots not supported yet');
        return;
      }
      // The danger is real.
      await virsh(deleting);
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vda'))).toEqual([]);
      expect((await read(vm)).snapshots.map(({ id }) => id)).toEqual(['inside']);
    });

    it('keep their base from being reverted below them', async () => {
      const vm = await make('procedures-below', { running: true });
      await virsh(['snapshot-create-as', vm.uuid, '--name=internal']);
      await virsh(['snapshot-create-as', vm.uuid, '--name=on top', '--disk-only', '--atomic']);
      const overlay = await server.activeImage(vm, 'vda');
      const refused = await plan(revert(vm, 'internal'));
      expect(refused.refusals.find(({ code }) => code === 'imageHasDependents')?.names).toEqual([overlay]);
    });
  });

  describe('what stands in the way', () => {
    it('is an overlay that no VM knows, found beside the image', async () => {
      const vm = await make('procedures-stray');
      await virsh(['snapshot-create-as', vm.uuid, '--name=a']);
      const image = await server.activeImage(vm, 'vda');
      const stray = posix.join(vm.folder, 'stray.qcow2');
      await make('procedures-stray-2', {
        folder: 'procedures-stray',
        disks: [{ target: 'vda', file: 'stray.qcow2', backing: image }],
      });
      await virsh(['undefine', made.pop()?.uuid ?? '']);
      const refused = await plan(revert(vm, 'a'));
      expect(refused.refusals.map(({ code, names }) => [code, ...names])).toEqual([['imageHasDependents', stray]]);
    });

    it('is a host that changed behind the plan', async () => {
      const vm = await make('procedures-stale');
      const stale = await plan(create(vm, 'mine'));
      await virsh(['snapshot-create-as', vm.uuid, '--name=theirs']);
      await expect(ask('operations.start', { planId: stale.id })).rejects.toMatchObject({ code: 'planStale' });
      expect((await read(vm)).snapshots.map(({ id }) => id)).toEqual(['theirs']);
      // Nothing is left locked by the refusal.
      await runs(create(vm, 'mine'));
    });

    it('is another operation on the same VM, which is named', async () => {
      const vm = await make('procedures-locked');
      const first = await plan(create(vm, 'first'));
      const second = await plan(create(vm, 'second'));
      const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
      const { operationId } = await ask('operations.start', { planId: first.id });
      await held.reached();
      await expect(ask('operations.start', { planId: second.id })).rejects.toMatchObject({ code: 'vmLocked' });
      await expect(ask('hosts.remove', { hostId })).rejects.toMatchObject({ code: 'hostInUse' });
      held.remove();
      await waitUntil(
        'the operation to end',
        () => operations().find(({ id }) => id === operationId)?.state === 'succeeded',
      );
      expect((await read(vm)).snapshots.map(({ id }) => id)).toEqual(['first']);
    });

    it('is a command that fails: the error names the step, what it said and how things are', async () => {
      const vm = await make('procedures-failure');
      await runs(create(vm, 'a'));
      await runs(create(vm, 'b'));
      const subtree = await plan(remove(vm, 'a', true));
      // The fault is met by the real virsh, which is told a VM that does not exist.
      const fault = server.addFault({ command: 'snapshot-delete', vm: vm.uuid, effect: 'fail' });
      const operation = await run(subtree);
      fault.remove();
      expect(operation.state).toBe('failed');
      expect(operation.error?.message).toMatch(/failed to get domain/);
      expect(operation.steps.map(({ state }) => state)).toEqual(['failed', 'skipped']);
      expect((await read(vm)).snapshots.map(({ id }) => id).sort()).toEqual(['a', 'b']);
      await runs(remove(vm, 'a', true));
    });
  });

  describe('when the connection or Snaptree goes away during an operation', () => {
    it('the operation is found again after reconnecting, with the truth', async () => {
      const vm = await make('procedures-cut', { running: true });
      const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
      const { operationId } = await ask('operations.start', { planId: (await plan(create(vm, 'survives'))).id });
      await held.reached();
      server.dropConnections();
      const operation = () => operations().find(({ id }) => id === operationId);
      await waitUntil('the operation to be interrupted', () => operation()?.state === 'interrupted');
      expect(operation()?.steps.at(-1)?.state).toBe('unknown');
      held.release();
      // The session comes back by itself, and the operation is followed to its end.
      await waitUntil('the operation to succeed', () => operation()?.state === 'succeeded');
      held.remove();
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vda'))).toEqual(['survives']);
      expect(held.count()).toBe(1);
    });

    it('a new Snaptree over the same data folder finds it and ends it', async () => {
      const vm = await make('procedures-restart', { running: true });
      const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
      const { operationId } = await ask('operations.start', { planId: (await plan(create(vm, 'outlives'))).id });
      await held.reached();
      await application.dispose();
      await open();
      const operation = () => operations().find(({ id }) => id === operationId);
      expect(operation()?.state).toBe('interrupted');
      held.release();
      await ask('hosts.connect', { hostId });
      await waitUntil('the operation to succeed', () => operation()?.state === 'succeeded');
      held.remove();
      expect(await server.internalSnapshotsOf(await server.activeImage(vm, 'vda'))).toEqual(['outlives']);
      expect(held.count()).toBe(1);
    });
  });

  it('a VM that cannot be read costs that VM only, is shown with the reason, and is not planned for', async () => {
    const broken = await make('procedures-broken');
    const whole = await make('procedures-whole');
    const fault = server.addFault({ command: 'dumpxml', vm: broken.uuid, effect: 'fail' });
    await ask('inventory.refresh', { hostId });
    expect(inventory().vms.find(({ uuid }) => uuid === broken.uuid)).toMatchObject({
      readable: false,
      reason: expect.stringContaining('failed to get domain') as string,
    });
    expect(vmOf(whole).name).toBe(whole.name);
    await expect(plan(create(broken, 'x'))).rejects.toMatchObject({ code: 'vmUnreadable' });
    fault.remove();
    expect((await read(broken)).readable).toBe(true);
  });

  it('a plan that is not there any more is refused', async () => {
    await expect(ask('operations.start', { planId: '00000000-0000-4000-8000-000000000000' })).rejects.toSatisfy(
      (error) => SnaptreeError.is(error, 'planNotFound'),
    );
  });
}
