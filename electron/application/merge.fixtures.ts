/** Merging images, as a renderer would ask for it, on real hosts and on the simulated one: data, chain and records afterwards, and what cuts it off. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation, StepControl, StepWish } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import type { Finding } from '../../shared/model/report.ts';
import { findingsOf } from '../../shared/rules/findings/findings.ts';
import { isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import type { ConnectSimulated } from '../hosts/connect.ts';
import { listen } from '../ipc/listen.ts';
import type { Application } from './application-factory.ts';
import { createApplication } from './application.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

/** A host to merge on, and what is behind it: a real one of the testbed, or a simulated one. */
export interface MergeHost {
  /** How it is reached, where it is simulated. */
  readonly connectSimulated?: ConnectSimulated;
  /** Makes it ready; gives the settings by which it is reached. */
  up(): Promise<HostSettings>;
  down(): Promise<void>;
  /** Anew, where it is there already. */
  createVirtualMachine(spec: MergeVmSpec): Promise<MergeVm>;
  deleteVirtualMachine(vm: MergeVm): Promise<void>;
  /** Rejects with what virsh said where it fails. */
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  createImage(path: string, virtualBytes: number, backing: string): Promise<void>;
  exists(path: string): boolean;
  writeGuestDisk(vm: MergeVm, target: string, byte: number, offset: number, length?: number): Promise<void>;
  guestDiskHasPattern(vm: MergeVm, target: string, byte: number, offset: number): Promise<boolean>;
  hasPattern(image: string, byte: number, offset: number): Promise<boolean>;
  /** Ends the step that merges, its shell as well, as if somebody had killed it. */
  killStep(): Promise<void>;
}

export interface MergeVmSpec {
  readonly name: string;
  readonly disks: readonly { readonly target: string }[];
}

export interface MergeVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
  readonly images: Readonly<Record<string, string>>;
}

/** What tests of merging are made of. */
export interface MergeTools {
  readonly vm: () => MergeVm;
  /** The images of `vda`: 0 is the first, each other the overlay that a snapshot made. */
  readonly file: (number: number) => string;
  /** Snapshots sn1 to sn4, each with an overlay of its own. @param large the layer that holds enough for a merge to last */
  readonly chain: (running: boolean, large?: number) => Promise<void>;
  readonly read: () => Promise<ReadableVm>;
  readonly planFor: (request: ChangeRequest) => Promise<Plan>;
  /** Runs it to its end; the plan's tree and chains must be what is there then. */
  readonly runs: (request: ChangeRequest) => Promise<Operation>;
  readonly commit: (top: number, base: number, more?: { oneByOne?: boolean; bytesPerSecond?: number }) => ChangeRequest;
  readonly pull: (base: number | null, bytesPerSecond?: number | null) => ChangeRequest;
  readonly imagesOf: (target?: string) => Promise<readonly string[]>;
  /** What the guest reads is what it wrote, of every layer. */
  readonly expectDataOf: (layers: number) => Promise<void>;
}

/** Declares the tests of merging. @param declareMore those that only this host can pass */
export function mergeSuite(host: MergeHost, declareMore: (tools: MergeTools) => void = () => undefined): void {
  const spec = { name: 'snaptree-merging', disks: [{ target: 'vda' }, { target: 'vdb' }] };
  let dataFolder: string;
  let application: Application;
  let hostId: string;
  let vm: MergeVm;

  const ask = <Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>> =>
    application.handlers.requests[name](payload, { signal: never });
  const virsh = async (...argv: readonly string[]) => (await host.virsh(argv)).stdout;
  const file = (number: number) =>
    number === 0 ? (vm.images['vda'] ?? '') : posix.join(vm.folder, `sn${number}.qcow2`);

  async function readHost(): Promise<Inventory> {
    await ask('inventory.refresh', { hostId });
    const found: Inventory[] = [];
    listen(application.handlers, 'inventory', { hostId }, (event) => {
      if (event.kind === 'all' && event.state.inventory) found.push(event.state.inventory);
    })();
    const [inventory] = found;
    if (!inventory) throw new Error('The host could not be read.');
    return inventory;
  }

  async function read(): Promise<ReadableVm> {
    const found = (await readHost()).vms.find(({ uuid }) => uuid === vm.uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    return found;
  }

  /** What the report takes for overlays at the end of branches that the VM has left. */
  async function leftBranches(): Promise<readonly Finding[]> {
    const findings = findingsOf('host', await readHost(), defaultReportThresholds, 0);
    return findings.filter(({ code, vmUuid }) => code === 'branchLeft' && vmUuid === vm.uuid);
  }

  function operationOf(id: string): Operation {
    let found: Operation | undefined;
    listen(application.handlers, 'operations', {}, (event) => {
      if (event.kind === 'all') found = event.operations.find((one) => one.id === id);
    })();
    if (!found) throw new Error('There is no such operation.');
    return found;
  }

  function controlOf(id: string): StepControl | undefined {
    let found: StepControl | undefined;
    listen(application.handlers, 'stepProgress', {}, (progress) => {
      found = progress.find(({ operationId }) => operationId === id)?.control;
    })();
    return found;
  }

  const ended = (id: string) =>
    expect
      .poll(() => operationOf(id).endedAt ?? (isInterrupted(operationOf(id)) ? 'interrupted' : null), {
        timeout: 180_000,
        interval: 100,
      })
      .not.toBeNull();

  const planFor = (request: ChangeRequest): Promise<Plan> => ask('plans.create', { hostId, request });

  async function begin(request: ChangeRequest): Promise<string> {
    const plan = await planFor(request);
    expect(plan.refusals).toEqual([]);
    return (await ask('operations.start', { planId: plan.id })).operationId;
  }

  async function runs(request: ChangeRequest): Promise<Operation> {
    const id = await begin(request);
    await ended(id);
    const operation = operationOf(id);
    expect(operation.error).toBeNull();
    expect(operation.state).toBe('succeeded');
    const { after } = operation.plan;
    const now = await read();
    const shape = (snapshots: ReadableVm['snapshots']) =>
      snapshots
        .map(({ name, parentId, kind, disks }) => ({ name, parentId, kind, disks }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(shape(now.snapshots)).toEqual(shape(after.snapshots));
    expect(now.currentSnapshotId).toBe(after.currentSnapshotId);
    expect(now.disks.map(({ imageId }) => imageId)).toEqual(after.chains.map(({ imageIds }) => imageIds[0]));
    expect(now.problems).toEqual([]);
    return operation;
  }

  const commit = (
    top: number,
    base: number,
    more: { oneByOne?: boolean; bytesPerSecond?: number } = {},
  ): ChangeRequest => ({
    action: 'commitImages',
    vmUuid: vm.uuid,
    ranges: [{ target: 'vda', topId: file(top), baseId: file(base) }],
    oneByOne: more.oneByOne ?? false,
    bytesPerSecond: more.bytesPerSecond ?? null,
  });
  const pull = (base: number | null, bytesPerSecond: number | null = null): ChangeRequest => ({
    action: 'pullImages',
    vmUuid: vm.uuid,
    ranges: [{ target: 'vda', baseId: base === null ? null : file(base) }],
    bytesPerSecond,
  });

  /** Each layer writes a place of its own, and one place that all write: n at (n + 1) × 4 MiB, and n at 2 MiB. */
  async function write(layer: number): Promise<void> {
    await host.writeGuestDisk(vm, 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte);
    await host.writeGuestDisk(vm, 'vda', 0xa0 + layer, 2 * mebibyte);
  }

  async function chain(running: boolean, large?: number): Promise<void> {
    if (running) await virsh('start', vm.uuid);
    for (const number of [1, 2, 3, 4]) {
      await write(number - 1);
      if (number - 1 === large) await host.writeGuestDisk(vm, 'vda', 0xa0 + large, 40 * mebibyte, 8 * mebibyte);
      const disk = `vda,snapshot=external,file=${file(number)}`;
      await virsh(
        ...['snapshot-create-as', vm.uuid, `--name=sn${number}`, '--disk-only', '--atomic'],
        ...['--diskspec', disk, '--diskspec', 'vdb,snapshot=no'],
      );
    }
    await write(4);
  }

  async function expectDataOf(layers: number): Promise<void> {
    for (let layer = 0; layer <= layers; layer += 1)
      expect(await host.guestDiskHasPattern(vm, 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte)).toBe(true);
    expect(await host.guestDiskHasPattern(vm, 'vda', 0xa0 + layers, 2 * mebibyte)).toBe(true);
  }

  const imagesOf = async (target = 'vda') => {
    const { disks } = await read();
    const plan = await planFor({
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'external',
      name: 'x',
      description: '',
      diskTargets: [target],
    });
    expect(disks.length).toBe(2);
    return plan.after.chains.find((each) => each.target === target)?.imageIds.slice(1) ?? [];
  };

  async function start(): Promise<void> {
    const { connectSimulated } = host;
    application = await createApplication({
      ...{ dataFolder, shell: 'browser', log: silent },
      ...(connectSimulated === undefined ? {} : { connectSimulated }),
    });
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const { id, kind } of questions)
        if (kind === 'unknownHostKey') void ask('questions.answer', { questionId: id, answer: { kind: 'accept' } });
    });
  }

  beforeAll(async () => {
    const settings = await host.up();
    dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-merging-'));
    await start();
    hostId = (await ask('hosts.add', { settings })).id;
    await ask('hosts.connect', { hostId });
  });
  beforeEach(async () => {
    vm = await host.createVirtualMachine(spec);
  });
  afterEach(async () => {
    await host.deleteVirtualMachine(vm);
  });
  afterAll(async () => {
    await application.dispose();
    await host.down();
    await rm(dataFolder, { recursive: true, maxRetries: 5 });
  });

  for (const running of [true, false]) {
    const how = running ? 'while the VM runs' : 'while the VM is shut off';

    it(`merges the middle of a chain down, ${how}: the data, the records and the files are right`, async () => {
      await chain(running);
      await runs(commit(3, 1));
      expect(await imagesOf()).toEqual([file(4), file(1), file(0)]);
      await expectDataOf(4);
      expect((await read()).snapshots.map(({ name }) => name)).toEqual(['sn1', 'sn4']);
      // What sn4 holds is what the guest had then.
      expect(await host.hasPattern(file(1), 0xa3, 2 * mebibyte)).toBe(true);
      expect([2, 3].map(file).filter((path) => host.exists(path))).toEqual([]);
    });

    it(`merges one image after the other, ${how}`, async () => {
      await chain(running);
      const { plan } = await runs(commit(3, 1, { oneByOne: true }));
      expect(plan.steps.filter(({ group, runs: when }) => group !== null && when === 'inOrder')).toHaveLength(2);
      expect(await imagesOf()).toEqual([file(4), file(1), file(0)]);
      await expectDataOf(4);
    });

    it(`merges the active layer down to the first image, ${how}, and the VM goes on there`, async () => {
      await chain(running);
      await runs(commit(4, 0));
      expect(await imagesOf()).toEqual([file(0)]);
      await expectDataOf(4);
      expect((await read()).snapshots).toEqual([]);
      await host.writeGuestDisk(vm, 'vda', 0xbb, 30 * mebibyte);
      if (running) await virsh('destroy', vm.uuid);
      await virsh('start', vm.uuid);
      await expectDataOf(4);
      expect(await host.guestDiskHasPattern(vm, 'vda', 0xbb, 30 * mebibyte)).toBe(true);
    });

    it(`merges up to a base, and then to none, ${how}: the images below stay as they were`, async () => {
      // A definition that was written while the VM ran names its chain.
      await chain(true);
      if (!running) await virsh('destroy', vm.uuid);
      await runs(pull(1));
      expect(await imagesOf()).toEqual([file(4), file(1), file(0)]);
      await expectDataOf(4);
      await runs(pull(null));
      expect(await imagesOf()).toEqual([file(4)]);
      await expectDataOf(4);
      expect(await host.hasPattern(file(2), 0xa2, 2 * mebibyte)).toBe(true);
      expect((await read()).snapshots.map(({ name }) => name)).toEqual(['sn1', 'sn2', 'sn3', 'sn4']);
    });
  }

  for (const running of [true, false]) {
    it(`deletes an external snapshot ${running ? 'while the VM runs' : 'while the VM is shut off'}, from the middle and the last`, async () => {
      await chain(running);
      await runs({ action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'sn2', withDescendants: false });
      expect((await read()).snapshots.map(({ name, parentId }) => [name, parentId])).toEqual([
        ['sn1', null],
        ['sn3', 'sn1'],
        ['sn4', 'sn3'],
      ]);
      await expectDataOf(4);
      await runs({ action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'sn4', withDescendants: false });
      expect(await imagesOf()).toHaveLength(3);
      await expectDataOf(4);
      // What is left of the others is what they held.
      expect(await host.hasPattern(file(0), 0xa0, 2 * mebibyte)).toBe(true);
    });
  }

  for (const running of [true, false]) {
    it(`goes back to an external snapshot ${running ? 'while the VM runs' : 'while the VM is shut off'}, and to what it left`, async () => {
      await chain(running);
      const revert = (snapshotId: string, saveAs: string | null): ChangeRequest => ({
        action: 'revertToSnapshot',
        vmUuid: vm.uuid,
        snapshotId,
        saveAs,
      });
      await runs(revert('sn2', 'kept'));
      await expectDataOf(1);
      await virsh('start', vm.uuid);
      await host.writeGuestDisk(vm, 'vda', 0xcc, 2 * mebibyte);
      await runs(revert('kept', null));
      await expectDataOf(4);
      await runs(revert('sn2', null));
      await expectDataOf(1);
      // Where it was after that is what nobody can go back to any more: it is found, and goes with the snapshot whose record names it.
      const left = await leftBranches();
      expect(left.map(({ snapshotName }) => snapshotName)).toEqual(['kept', 'kept']);
      const exist = () => left.map(({ path }) => host.exists(path ?? ''));
      expect(exist()).toEqual([true, true]);
      await runs({ action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'kept', withDescendants: false });
      expect(await leftBranches()).toEqual([]);
      expect(exist()).toEqual([false, false]);
      await expectDataOf(1);
    });
  }

  it('takes up a commit that went on while nobody looked, and pivots', async () => {
    await chain(true);
    await host.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
    const id = await begin(commit(4, 0, { bytesPerSecond: mebibyte }));
    await expect
      .poll(async () => (await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).trim(), { timeout: 15_000 })
      .not.toBe('');
    await host.killStep();
    await ended(id);
    expect(operationOf(id).state).toBe('interrupted');
    expect(operationOf(id).examination?.choices, operationOf(id).examination?.message).toContain('resume');
    await virsh('blockjob', vm.uuid, 'vda', '--bandwidth', '0');
    await ask('operations.resolve', { operationId: id, choice: 'resume' });
    await ended(id);
    expect(operationOf(id).error).toBeNull();
    expect(operationOf(id).state).toBe('succeeded');
    expect(await imagesOf()).toEqual([file(0)]);
    await expectDataOf(4);
  });

  it('is given up when its user says so, and leaves the chain and no record that lies', async () => {
    await chain(true);
    await host.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
    const id = await begin(commit(4, 0, { bytesPerSecond: mebibyte }));
    await expect
      .poll(async () => (await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).trim(), { timeout: 15_000 })
      .not.toBe('');
    await ask('operations.cancel', { operationId: id });
    await ended(id);
    expect(operationOf(id).state).toBe('cancelled');
    expect(await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).toBe('\n');
    expect((await imagesOf()).length).toBe(5);
    await expectDataOf(4);
    expect((await read()).snapshots).toEqual([]);
  });

  it('goes on as it is told: slower, not at all, while the guest stands still, and as fast as it can', async () => {
    await chain(true);
    await host.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 48 * mebibyte);
    // Slow enough for all of this to be said meanwhile, on a machine that is slow itself.
    const id = await begin(commit(4, 0, { bytesPerSecond: mebibyte / 4 }));
    await expect
      .poll(() => controlOf(id), { timeout: 30_000 })
      .toMatchObject({ can: ['limit', 'pause', 'pauseGuest'] });
    const tell = async (wish: StepWish) => (await ask('operations.adjust', { operationId: id, wish })).message;
    const limit = async () =>
      /bandwidth=(\d+)/.exec(await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw', '--bytes'))?.[1];
    const guest = async () => (await virsh('domstate', vm.uuid)).trim();

    expect(await tell({ kind: 'pause' })).toContain('stands still');
    expect(await limit()).toBe('1');
    await expect.poll(() => controlOf(id), { timeout: 30_000 }).toMatchObject({ isPaused: true, bytesPerSecond: null });
    await tell({ kind: 'continue' });
    expect(await limit()).toBe(String(mebibyte / 4));
    await tell({ kind: 'limit', bytesPerSecond: mebibyte / 2 });
    expect(await limit()).toBe(String(mebibyte / 2));
    await tell({ kind: 'pauseGuest', seconds: 600 });
    expect(await guest()).toBe('paused');
    await expect(tell({ kind: 'pauseGuest', seconds: 600 })).rejects.toThrow('paused already');
    await tell({ kind: 'continueGuest' });
    expect(await guest()).toBe('running');
    await tell({ kind: 'pauseGuest', seconds: 600 });
    await tell({ kind: 'limit', bytesPerSecond: null });
    await ended(id);
    expect(operationOf(id).error).toBeNull();
    expect(operationOf(id).state).toBe('succeeded');
    expect(await guest()).toBe('running');
    await expectDataOf(4);
    expect(await imagesOf()).toEqual([file(0)]);
    await expect(tell({ kind: 'pause' })).rejects.toThrow('No step of it runs');
    expect(
      operationOf(id)
        .steps.map(({ output }) => output)
        .join(''),
    ).toMatch(/stands still.*\(.+ on .+\)/);
  });

  it('leaves the data of the other snapshots where it is when it is given up in the middle of a chain', async () => {
    await chain(true, 3);
    const dataOf = async () => (await read()).snapshots.map(({ name, disks }) => [name, disks[0]?.dataImageId]);
    const id = await begin(commit(3, 1, { bytesPerSecond: mebibyte }));
    await expect
      .poll(async () => (await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).trim(), { timeout: 15_000 })
      .not.toBe('');
    await ask('operations.cancel', { operationId: id });
    await ended(id);
    expect(operationOf(id).state).toBe('cancelled');
    expect(await dataOf()).toEqual([
      ['sn1', file(0)],
      ['sn4', file(3)],
    ]);
    expect(await host.hasPattern(file(3), 0xa3, 2 * mebibyte)).toBe(true);
  });

  it('says that somebody else ended the job, and what is so then', async () => {
    await chain(true);
    await host.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
    const id = await begin(commit(4, 0, { bytesPerSecond: mebibyte }));
    await expect
      .poll(async () => (await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).trim(), { timeout: 15_000 })
      .not.toBe('');
    await virsh('blockjob', vm.uuid, 'vda', '--abort');
    await ended(id);
    expect(operationOf(id).state).toBe('failed');
    expect(operationOf(id).error?.message).toContain('ended without merging');
    await expectDataOf(4);
    expect((await imagesOf()).length).toBe(5);
    expect([1, 2, 3, 4].map(file).filter((path) => host.exists(path))).toHaveLength(4);
  });

  it('is refused where somebody else hangs on an image, and where an internal snapshot would be gone or spoiled', async () => {
    await chain(false);
    await virsh('snapshot-create-as', vm.uuid, '--name=inside');
    expect((await planFor(pull(1))).refusals.map(({ code }) => code)).toEqual(['wouldSpoilSnapshots']);
    expect((await planFor(commit(4, 1))).refusals.map(({ code }) => code)).toEqual(['wouldDestroySnapshots']);
    // An image below the one with the snapshot: what that reads is the same afterwards.
    expect((await planFor(commit(3, 1))).refusals).toEqual([]);
    await host.createImage(posix.join(vm.folder, 'other.qcow2'), 64 * mebibyte, file(2));
    const refusals = (await planFor(commit(3, 1))).refusals;
    expect(refusals.map(({ code }) => code)).toEqual(['imageHasDependents']);
    expect(refusals[0]?.message).toContain('other.qcow2');
  });

  declareMore({ vm: () => vm, file, chain, read, planFor, runs, commit, pull, imagesOf, expectDataOf });
}
