/** Merging images on real libvirts, as a renderer would ask for it: the data, the chain and the records afterwards, and what cuts it off. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { placeOf, runAt } from '../../e2e/testbeds/places.ts';
import { run } from '../../e2e/testbeds/run.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan, PlanStep } from '../../shared/model/plan.ts';
import { isInterrupted } from '../../shared/rules/operation-life.ts';
import { listen } from '../ipc/listen.ts';
import type { Application } from './application-factory.ts';
import { createApplication } from './application.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

// Jobs on the host, with a reading of it after every step.
vi.setConfig({ testTimeout: 240_000 });

onEachLibvirt(suite, { about: 'merging on libvirt', sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-merging', disks: [{ target: 'vda' }, { target: 'vdb' }], version };
  let dataFolder: string;
  let server: testbed.SshServer;
  let application: Application;
  let hostId: string;
  let vm: testbed.VirtualMachine;

  const ask = <Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>> =>
    application.handlers.requests[name](payload, { signal: never });
  const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout;
  /** The images of `vda`: 0 is the first, each other the overlay that a snapshot made. */
  const file = (number: number) => (number === 0 ? (vm.images['vda'] ?? '') : join(vm.folder, `sn${number}.qcow2`));

  async function read(): Promise<ReadableVm> {
    await ask('inventory.refresh', { hostId });
    let found: ReadableVm | undefined;
    listen(application.handlers, 'inventory', { hostId }, (event) => {
      const inventory = event.kind === 'all' ? event.state.inventory : null;
      const one = inventory?.vms.find(({ uuid }) => uuid === vm.uuid);
      if (one?.readable) found = one;
    })();
    if (!found) throw new Error('The VM is not readable.');
    return found;
  }

  function operationOf(id: string): Operation {
    let found: Operation | undefined;
    listen(application.handlers, 'operations', {}, (event) => {
      if (event.kind === 'all') found = event.operations.find((one) => one.id === id);
    })();
    if (!found) throw new Error('There is no such operation.');
    return found;
  }

  const ended = (id: string) =>
    expect
      .poll(() => operationOf(id).endedAt ?? (isInterrupted(operationOf(id)) ? 'interrupted' : null), {
        timeout: 60_000,
        interval: 100,
      })
      .not.toBeNull();

  const planFor = (request: ChangeRequest): Promise<Plan> => ask('plans.create', { hostId, request });

  async function begin(request: ChangeRequest): Promise<string> {
    const plan = await planFor(request);
    expect(plan.refusals).toEqual([]);
    return (await ask('operations.start', { planId: plan.id })).operationId;
  }

  /** Runs it to its end; the plan's tree and chains must be what is there then. */
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

  /** Each layer writes a place of its own, and one place that all write: n at n × 4 MiB, and n at 1 MiB. */
  async function write(layer: number): Promise<void> {
    await testbed.writeGuestDisk(vm, 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte);
    await testbed.writeGuestDisk(vm, 'vda', 0xa0 + layer, 2 * mebibyte);
  }

  /** Snapshots sn1 to sn4, each with an overlay of its own. */
  async function chain(running: boolean): Promise<void> {
    if (running) await virsh('start', vm.uuid);
    for (const number of [1, 2, 3, 4]) {
      await write(number - 1);
      const disk = `vda,snapshot=external,file=${file(number)}`;
      await virsh(
        ...['snapshot-create-as', vm.uuid, `--name=sn${number}`, '--disk-only', '--atomic'],
        ...['--diskspec', disk, '--diskspec', 'vdb,snapshot=no'],
      );
    }
    await write(4);
  }

  /** What the guest reads is what it wrote, of every layer. */
  async function expectDataOf(layers: number): Promise<void> {
    for (let layer = 0; layer <= layers; layer += 1)
      expect(await testbed.guestDiskHasPattern(vm, 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte)).toBe(true);
    expect(await testbed.guestDiskHasPattern(vm, 'vda', 0xa0 + layers, 2 * mebibyte)).toBe(true);
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
    application = await createApplication({ dataFolder, shell: 'browser', log: silent });
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const { id, kind } of questions)
        if (kind === 'unknownHostKey') void ask('questions.answer', { questionId: id, answer: { kind: 'accept' } });
    });
  }

  beforeAll(async () => {
    const { users, keyFile } = await testbed.up();
    server = await testbed.startSshServer({ name: `merging-${version.replace('.', '-')}`, version });
    dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-merging-'));
    await start();
    const authentication = { method: 'keyFile', path: keyFile } as const;
    const connection = sshConnection({
      address: server.host,
      port: server.port,
      user: users.administrator,
      authentication,
    });
    hostId = (await ask('hosts.add', { settings: { ...hostSettings(), name: 'merging', connection } })).id;
    await ask('hosts.connect', { hostId });
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });
  afterAll(async () => {
    await application.dispose();
    await server.stop();
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
      expect(await testbed.hasPattern(file(1), 0xa3, 2 * mebibyte)).toBe(true);
      expect([2, 3].map(file).filter(existsSync)).toEqual([]);
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
      await testbed.writeGuestDisk(vm, 'vda', 0xbb, 30 * mebibyte);
      if (running) await virsh('destroy', vm.uuid);
      await virsh('start', vm.uuid);
      await expectDataOf(4);
      expect(await testbed.guestDiskHasPattern(vm, 'vda', 0xbb, 30 * mebibyte)).toBe(true);
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
      expect(await testbed.hasPattern(file(2), 0xa2, 2 * mebibyte)).toBe(true);
      expect((await read()).snapshots.map(({ name }) => name)).toEqual(['sn1', 'sn2', 'sn3', 'sn4']);
    });
  }

  it('takes up a commit that went on while nobody looked, and pivots', async () => {
    await chain(true);
    await testbed.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
    const id = await begin(commit(4, 0, { bytesPerSecond: mebibyte }));
    await expect
      .poll(async () => (await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw')).trim(), { timeout: 15_000 })
      .not.toBe('');
    await endScript();
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
    await testbed.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
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

  it('leaves the data of the other snapshots where it is when it is given up in the middle of a chain', async () => {
    await chain(true);
    const dataOf = async () => (await read()).snapshots.map(({ name, disks }) => [name, disks[0]?.dataImageId]);
    // The image that is copied holds enough for the merge to last.
    await virsh('destroy', vm.uuid);
    await run('qemu-io', ['-c', `write -P 0xa3 ${40 * mebibyte} ${8 * mebibyte}`, file(3)]);
    await virsh('start', vm.uuid);
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
    expect(await testbed.hasPattern(file(3), 0xa3, 2 * mebibyte)).toBe(true);
  });

  it('finds images by whatever path libvirt names them', async () => {
    await chain(false);
    const link = join(vm.folder, 'link');
    await symlink(vm.folder, link);
    await run('qemu-img', ['rebase', '-u', '-F', 'qcow2', '-b', 'link/sn2.qcow2', file(3)]);
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace(file(4), join(link, 'sn4.qcow2')), { version });
    await virsh('start', vm.uuid);
    await runs(commit(3, 2));
    await runs(pull(1));
    expect(await imagesOf()).toEqual([file(4), file(1), file(0)]);
    await expectDataOf(4);
  });

  it('says that somebody else ended the job, and what is so then', async () => {
    await chain(true);
    await testbed.writeGuestDisk(vm, 'vda', 0xa4, 40 * mebibyte, 8 * mebibyte);
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
    expect([1, 2, 3, 4].map(file).filter(existsSync)).toHaveLength(4);
  });

  it('is refused where somebody else hangs on an image, and where an internal snapshot would be gone or spoiled', async () => {
    await chain(false);
    await virsh('snapshot-create-as', vm.uuid, '--name=inside');
    expect((await planFor(pull(1))).refusals.map(({ code }) => code)).toEqual(['wouldSpoilSnapshots']);
    expect((await planFor(commit(4, 1))).refusals.map(({ code }) => code)).toEqual(['wouldDestroySnapshots']);
    // An image below the one with the snapshot: what that reads is the same afterwards.
    expect((await planFor(commit(3, 1))).refusals).toEqual([]);
    await testbed.createImage(join(vm.folder, 'other.qcow2'), 'qcow2', 64 * mebibyte, file(2));
    const refusals = (await planFor(commit(3, 1))).refusals;
    expect(refusals.map(({ code }) => code)).toEqual(['imageHasDependents']);
    expect(refusals[0]?.message).toContain('other.qcow2');
  });

  it('takes no snapshot for spoiled by a merge that could not write, and removes nothing while a base is not on storage', async () => {
    await chain(false);
    const plan = await planFor(commit(3, 1));
    await virsh('start', vm.uuid);
    const live = await planFor(commit(3, 1));
    await virsh('destroy', vm.uuid);
    const folder = join(vm.folder, 'operation');
    await mkdir(join(folder, '1'), { recursive: true });
    const step = async ({ argv: [program = '', ...words] }: PlanStep) => {
      const environment = { SNAPTREE_STEP: join(folder, '1') };
      return runAt(placeOf(version), program, words, { environment, expect: [0, 1] });
    };
    const holder = spawn('qemu-io', ['-c', 'sleep 60000', file(1)]);
    try {
      await expect.poll(async () => (await run('qemu-img', ['info', file(1)], { expect: [0, 1] })).exitCode).toBe(1);
      const [merge, records] = plan.steps.filter(({ group }) => group !== null);
      const look = live.steps.find(({ title }) => title.startsWith('Check that nothing needs'));
      if (!merge || !records || !look) throw new Error('The plan has other steps.');
      expect((await step(merge)).stderr).toContain('Nothing was changed.');
      expect((await step(records)).exitCode).toBe(0);
      expect((await step(look)).stderr).toContain('Nothing was removed.');
    } finally {
      holder.kill();
    }
    expect((await read()).snapshots).toHaveLength(4);
  });

  async function endScript(): Promise<void> {
    const { stdout } = await run('pgrep', ['-f', 'snaptree-merge qemu']);
    for (const pid of stdout.trim().split('\n').map(Number)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended with another.
      }
    }
  }
}
