/**
 * Merges on real libvirts that are told to go slower, faster or not at all for now, and those that cannot catch up with a guest that
 * writes all the time. Whatever is done, no write of the guest is lost, and the guest runs afterwards.
 */
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { written, writingBootSector } from '../../e2e/testbeds/boot-sector.ts';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { run } from '../../e2e/testbeds/run.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import { writeBootSector } from '../../e2e/testbeds/virtual-machine.ts';
import type { StepControl, StepWish } from '../../shared/model/operation.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';

const mebibyte = 1024 ** 2;
/** Less than the guest makes to be copied anew, which is 5 to 18 MiB a second, by how busy the machine is. */
const tooSlow = mebibyte;

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
onEachLibvirt(suite, { about: 'merges that are told how to go on, on libvirt', sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { version, name: 'snaptree-merge-control', disks: [{ target: 'vda', bootable: false }] };
  let connection: testbed.TestbedConnection;
  let server: testbed.SshServer;
  let application: TestbedApplication;
  let vm: testbed.VirtualMachine;

  const base = () => vm.images['vda'] ?? '';
  const overlay = () => join(vm.folder, 'sn1.qcow2');
  const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout;
  const guestState = async () => (await virsh('domstate', vm.uuid, '--reason')).trim();
  const jobLimit = async () => {
    const job = await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw', '--bytes');
    return /bandwidth=(\d+)/.exec(job)?.[1] ?? null;
  };

  beforeAll(async () => {
    connection = await testbed.up();
    server = await testbed.startSshServer({ name: `merge-control-${version.replace('.', '-')}`, version });
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    await writeBootSector(base(), 'qcow2', writingBootSector(8));
    await virsh('start', vm.uuid);
    const disk = `vda,snapshot=external,file=${overlay()}`;
    await virsh('snapshot-create-as', vm.uuid, '--name=sn1', '--disk-only', '--atomic', '--diskspec', disk);
    await testbed.writeGuestDisk(vm, 'vda', 0xee, 200 * mebibyte, 16 * mebibyte);
    application = await TestbedApplication.open(server, connection);
  });
  afterEach(async () => {
    await application.close();
    await testbed.deleteVirtualMachine(spec);
  });
  afterAll(async () => {
    await server.stop();
  });

  const commit = (bytesPerSecond: number | null): ChangeRequest => ({
    action: 'commitImages',
    vmUuid: vm.uuid,
    ranges: [{ target: 'vda', topId: overlay(), baseId: base() }],
    oneByOne: false,
    bytesPerSecond,
  });

  async function begin(bytesPerSecond: number | null): Promise<string> {
    const plan = await application.plan(commit(bytesPerSecond));
    expect(plan.refusals).toEqual([]);
    const id = await application.begin(plan);
    await controlOf(id, () => true);
    return id;
  }

  /** How the merge works, as soon as it is so. */
  async function controlOf(id: string, isSo: (control: StepControl) => boolean): Promise<StepControl> {
    const found: StepControl[] = [];
    await expect
      .poll(
        () => {
          const control = application.progress(id)?.control;
          if (control && isSo(control)) found.push(control);
          return found.length > 0 ? 'it is so' : application.operation(id).state;
        },
        { timeout: 150_000, interval: 100 },
      )
      .toBe('it is so');
    const [control] = found;
    if (!control) throw new Error('It was not so.');
    return control;
  }

  const adjust = async (operationId: string, wish: StepWish) =>
    (await application.ask('operations.adjust', { operationId, wish })).message;

  async function succeeds(id: string): Promise<void> {
    const { state, error } = await application.rests(id, 240_000);
    expect([state, error?.message]).toEqual(['succeeded', undefined]);
    expect(await testbed.activeImage(vm, 'vda')).toBe(base());
  }

  /** The guest runs on, and what it wrote is there, to the last write. */
  async function expectAllData(image: string): Promise<void> {
    expect(await guestState()).toMatch(/^running/);
    await virsh('destroy', vm.uuid);
    expect(await testbed.hasPattern(image, 0xee, 200 * mebibyte, 16 * mebibyte)).toBe(true);
    const raw = join(vm.folder, 'read.raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', '--', image, raw]);
    const { offset, places, distance } = written;
    const file = openSync(raw, 'r');
    const word = Buffer.alloc(4);
    const counts = Array.from({ length: places }, (_, place) => {
      readSync(file, word, 0, 4, offset + place * distance);
      return word.readUInt32LE();
    });
    closeSync(file);
    rmSync(raw);
    const last = Math.max(...counts);
    expect(last).toBeGreaterThan(0);
    // Of each place the newest count that belongs there; 0 where the guest has not come to it yet.
    const expected = counts.map((_, place) => Math.max(0, last - ((((last - place) % places) + places) % places)));
    expect(counts).toEqual(expected);
  }

  it('says that a merge cannot catch up with the guest, and ends as soon as its limit is lifted', async () => {
    const id = await begin(tooSlow);
    const control = await controlOf(id, ({ fallsBehind }) => fallsBehind);
    expect(control).toMatchObject({ can: ['limit', 'pause', 'pauseGuest'], bytesPerSecond: tooSlow, isPaused: false });
    const printed = () => application.operation(id).steps.map(({ output }) => output);
    await expect.poll(() => printed().join(''), { timeout: 60_000 }).toContain('as fast as');
    expect(await adjust(id, { kind: 'limit', bytesPerSecond: null })).toBe('The merge copies as fast as it can.');
    await succeeds(id);
    await expectAllData(base());
  });

  it('pauses the guest, lets the merge catch up, and lets the guest go on', async () => {
    const id = await begin(tooSlow);
    await controlOf(id, ({ fallsBehind }) => fallsBehind);
    expect(await adjust(id, { kind: 'pauseGuest', seconds: 200 })).toContain('paused');
    expect(await guestState()).toBe('paused (user)');
    await adjust(id, { kind: 'limit', bytesPerSecond: 16 * mebibyte });
    await succeeds(id);
    await expectAllData(base());
  });

  it('lets a paused guest go on when its time is over, and where the merge is killed, or given up', async () => {
    const id = await begin(tooSlow);
    await adjust(id, { kind: 'pauseGuest', seconds: 3 });
    await expect.poll(guestState, { timeout: 30_000 }).toMatch(/^running/);
    await adjust(id, { kind: 'pauseGuest', seconds: 600 });
    expect(await guestState()).toBe('paused (user)');
    const scripts = listProcesses().filter(
      ({ commandLine }) => commandLine.includes('snaptree-merge qemu') && commandLine.includes(vm.uuid),
    );
    expect(scripts.length).toBeGreaterThan(0);
    for (const { pid } of scripts) signal(pid, 'SIGKILL');
    await expect.poll(guestState, { timeout: 30_000 }).toMatch(/^running/);
    await application.rests(id, 60_000);
    await application.ask('operations.resolve', { operationId: id, choice: 'resume' });
    await controlOf(id, ({ can }) => can.includes('pauseGuest'));
    await adjust(id, { kind: 'pauseGuest', seconds: 600 });
    await application.ask('operations.cancel', { operationId: id });
    expect((await application.rests(id, 120_000)).state).toBe('cancelled');
    expect(await testbed.activeImage(vm, 'vda')).toBe(overlay());
    await expectAllData(overlay());
  });

  it('holds a merge and lets it go on, at the limit that it had, or at another', async () => {
    const id = await begin(mebibyte);
    expect(await adjust(id, { kind: 'pause' })).toContain('stands still');
    expect(await jobLimit()).toBe('1');
    expect(await controlOf(id, ({ isPaused }) => isPaused)).toMatchObject({ bytesPerSecond: null, fallsBehind: false });
    await adjust(id, { kind: 'continue' });
    expect(await jobLimit()).toBe(String(mebibyte));
    await adjust(id, { kind: 'limit', bytesPerSecond: 2 * mebibyte });
    expect(await controlOf(id, ({ bytesPerSecond }) => bytesPerSecond === 2 * mebibyte)).toMatchObject({
      isPaused: false,
    });
    await adjust(id, { kind: 'limit', bytesPerSecond: null });
    await succeeds(id);
    await expectAllData(base());
  });

  it('leaves the job of somebody else alone, and says clearly that a merge or its VM has ended', async () => {
    const id = await begin(tooSlow);
    await virsh('blockjob', vm.uuid, 'vda', '--abort');
    await virsh(
      'blockcopy',
      vm.uuid,
      'vda',
      '--dest',
      join(vm.folder, 'copy.qcow2'),
      '--transient-job',
      '--bandwidth',
      '1',
    );
    await expect(adjust(id, { kind: 'limit', bytesPerSecond: null })).rejects.toThrow(/nothing was changed/i);
    expect(await jobLimit()).toBe(String(mebibyte));
    await virsh('blockjob', vm.uuid, 'vda', '--abort');
    expect((await application.rests(id, 120_000)).state).toBe('failed');
    await expect(adjust(id, { kind: 'pause' })).rejects.toThrow(/No step of it runs/);

    const second = await begin(tooSlow);
    await virsh('destroy', vm.uuid);
    await expect(adjust(second, { kind: 'pause' })).rejects.toThrow(/has ended|No step of it runs/);
    expect((await application.rests(second, 120_000)).state).toBe('failed');
    await virsh('start', vm.uuid);
    await expectAllData(overlay());
  });
}
