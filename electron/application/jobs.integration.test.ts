/** Jobs inside real libvirts and QEMUs: seen by reading, named by refused plans, and noticed between plan and run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { BlockJob, ReadableVm } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { listen } from '../ipc/listen.ts';
import type { Application } from './application-factory.ts';
import { createApplication } from './application.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;

onEachLibvirt(suite, { about: 'jobs on libvirt', sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-plans-jobs', disks: [{ target: 'vda' }], running: true, version };
  let dataFolder: string;
  let server: testbed.SshServer;
  let application: Application;
  let hostId: string;
  let vm: testbed.VirtualMachine;

  const ask = <Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>> =>
    application.handlers.requests[name](payload, { signal: never });
  const virsh = (...argv: readonly string[]) => testbed.virsh(argv, { version });
  /** So slow that it does not end while a test looks at it. */
  const slowly = ['--bandwidth', '1', '--bytes'];
  const onVda = (command: string, ...rest: readonly string[]) => virsh(command, vm.uuid, 'vda', ...rest);

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
  const blockJob = async (): Promise<BlockJob | undefined> => (await read()).disks[0]?.blockJob;

  const requests = (): readonly ChangeRequest[] => [
    { action: 'createSnapshot', vmUuid: vm.uuid, kind: 'internal', name: 'b', description: '', diskTargets: null },
    { action: 'createSnapshot', vmUuid: vm.uuid, kind: 'external', name: 'c', description: '', diskTargets: null },
    { action: 'revertToSnapshot', saveAs: null, vmUuid: vm.uuid, snapshotId: 'a' },
    { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'a', withDescendants: false },
    { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'a', withDescendants: true },
  ];
  /** The refusals for the job alone, one a request. */
  async function refusals(code = 'jobRuns'): Promise<readonly string[]> {
    const plans = [];
    for (const request of requests()) plans.push(await ask('plans.create', { hostId, request }));
    expect(plans.every(({ steps, refusals: all }) => (steps.length === 0) === all.length > 0)).toBe(true);
    return plans.map(({ refusals: all }) => all.find((note) => note.code === code)?.message ?? 'not refused');
  }

  beforeAll(async () => {
    const { users, keyFile } = await testbed.up();
    server = await testbed.startSshServer({ name: `plans-jobs-${version.replace('.', '-')}`, version });
    dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-jobs-'));
    application = await createApplication({ dataFolder, shell: 'browser', log: silent });
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const { id, kind } of questions)
        if (kind === 'unknownHostKey') void ask('questions.answer', { questionId: id, answer: { kind: 'accept' } });
    });
    const authentication = { method: 'keyFile', path: keyFile } as const;
    const connection = sshConnection({
      address: server.host,
      port: server.port,
      user: users.administrator,
      authentication,
    });
    hostId = (await ask('hosts.add', { settings: { ...hostSettings(), name: 'jobs', connection } })).id;
    await ask('hosts.connect', { hostId });
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    await testbed.writeGuestDisk(vm, 'vda', 0xa1, 4 * 1024 ** 2);
    await virsh('snapshot-create-as', vm.uuid, '--name=a');
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });
  afterAll(async () => {
    await application.dispose();
    await server.stop();
    await rm(dataFolder, { recursive: true });
  });

  it('sees a copy and where to, refuses every plan with it, and plans again when it is over', async () => {
    expect(await blockJob()).toBeUndefined();
    const file = join(vm.folder, 'copy.qcow2');
    await onVda('blockcopy', '--dest', file, '--transient-job', ...slowly);
    expect(await blockJob()).toEqual({ kind: 'copy', target: file, ready: false, detail: null });
    for (const message of await refusals()) {
      expect(message).toContain(`On disk vda of ${vm.name} a block job runs: a copy to ${file}.`);
      expect(message).toContain(`blockjob --domain=${vm.uuid} --path=vda --abort`);
    }
    await onVda('blockjob', '--abort');
    expect(await blockJob()).toBeUndefined();
    expect(await refusals()).toEqual(requests().map(() => 'not refused'));
  });

  for (const name of testbed.jobNames) {
    const obstacle = testbed.obstacleToJob(name, version);
    const why = obstacle === null ? '' : ` (${obstacle})`;
    it.skipIf(obstacle !== null)(
      `refuses every kind of change with its name, while this job runs: ${name}${why}`,
      async () => {
        const end = await testbed.beginJob(vm, name);
        try {
          for (const message of await refusals()) expect(message).toMatch(testbed.jobs[name]);
          expect((await virsh('snapshot-list', vm.uuid, '--name')).stdout.trim()).toBe('a');
        } finally {
          await end();
        }
        expect(await refusals()).toEqual(requests().map(() => 'not refused'));
      },
    );
  }

  const itWithBackups = (title: string, test: () => Promise<void>) => {
    it.skipIf(version === '7.0')(`${title} (7.0: incremental backup is not supported yet)`, test);
  };

  it('does not run a plan when a job began after it, and deletes nothing', async () => {
    const request = requests()[3];
    if (!request) throw new Error('no request');
    const plan = await ask('plans.create', { hostId, request });
    expect(plan.refusals).toEqual([]);
    await onVda('blockcopy', '--dest', join(vm.folder, 'copy.qcow2'), '--transient-job', ...slowly);
    await expect(ask('operations.start', { planId: plan.id })).rejects.toMatchObject({ code: 'planStale' });
    expect(await testbed.internalSnapshotsOf(vm.images['vda'] ?? '')).toEqual(['a']);
    expect((await virsh('snapshot-list', vm.uuid, '--name')).stdout.trim()).toBe('a');
  });

  it('reads the host, and refuses, while the QEMU of a VM hangs with a job in it', async () => {
    await onVda('blockcopy', '--dest', join(vm.folder, 'copy.qcow2'), '--transient-job', ...slowly);
    const pid = testbed.guestProcess(vm);
    process.kill(pid, 'SIGSTOP');
    let waiting: Promise<unknown> = Promise.resolve();
    try {
      // Whoever asks QEMU now locks the VM until it answers.
      waiting = testbed.virsh(['blockjob', vm.uuid, 'vda', '--raw'], { version, expect: [0, 1] });
      await testbed.waitUntil('the VM to be locked for a second', async () =>
        /occupied \([1-9]/.test((await virsh('domcontrol', vm.uuid)).stdout),
      );
      const now = await read();
      expect(now.job?.kind).toBe('unknown');
      expect(now.job?.detail).toMatch(/^its QEMU has not answered/);
      expect((await refusals()).every((message) => message.includes('does not answer'))).toBe(true);
    } finally {
      process.kill(pid, 'SIGCONT');
      await waiting;
    }
  });

  itWithBackups(
    'refuses to revert where there are dirty bitmaps, which libvirt finds out after it ended the VM',
    async () => {
      await virsh('checkpoint-create-as', vm.uuid, '--name=incremental');
      expect((await read()).hasCheckpoints).toBe(true);
      const [, , revert] = await refusals('dirtyBitmaps');
      expect(revert).toContain('has checkpoints');
      await virsh('checkpoint-delete', vm.uuid, 'incremental', '--metadata');
      await virsh('destroy', vm.uuid);
      // The bitmap stays in the image, without a record of it.
      expect((await read()).hasCheckpoints).toBeUndefined();
      expect((await refusals('dirtyBitmaps'))[2]).toContain('holds dirty bitmaps of incremental backups (incremental)');
      const result = await testbed.virsh(['snapshot-revert', vm.uuid, 'a'], { version, expect: [0, 1] });
      expect(result.stderr).toContain('Device has active dirty bitmaps');
      expect(await testbed.stateOf(vm.uuid, version)).toBe('shut off');
    },
  );
}
