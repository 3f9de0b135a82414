/**
 * Merges on real libvirts that something goes wrong with, in the middle of them and between their steps. Whatever it is: the guest's
 * data is whole, the VM starts, nothing is stuck, every record is true, and the merge can be carried out afterwards.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { todaysSample } from '../../e2e/testbeds/sample.ts';
import { ownDaemons, startDaemons } from '../../e2e/testbeds/daemons.ts';
import { endProcess, listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { run } from '../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { mebibyte, MergeScene } from '../../e2e/testbeds/merge-scene.fixtures.ts';
import { describe, TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';

const merges = ['commit', 'activeCommit', 'pull', 'offlineCommit'] as const;
const faults = ['connection', 'snaptree', 'script', 'libvirtd', 'qemu', 'diskFull', 'abort', 'pivot'] as const;
const moments = ['middle', 'afterMerge', 'beforeEnd'] as const;
type Merge = (typeof merges)[number];
type Fault = (typeof faults)[number];
type Moment = (typeof moments)[number];

interface Case {
  readonly merge: Merge;
  readonly fault: Fault;
  readonly moment: Moment;
}

const inWords: Readonly<Record<Merge | Fault | Moment, string>> = {
  commit: 'a commit of the middle',
  activeCommit: 'a commit of the active layer',
  pull: 'a pull',
  offlineCommit: 'a commit while the VM is shut off',
  connection: 'the connection is cut',
  snaptree: 'Snaptree is killed',
  script: 'its command on the host is killed',
  libvirtd: 'libvirtd is started anew',
  qemu: 'QEMU is killed',
  diskFull: 'the disk is full',
  abort: 'somebody else aborts the job',
  pivot: 'somebody else pivots',
  middle: 'in the middle of the copying',
  afterMerge: 'when all is copied',
  beforeEnd: 'before the last step',
};

const all: readonly Case[] = merges.flatMap((merge) =>
  faults.flatMap((fault) =>
    moments.filter((moment) => isThere({ merge, fault, moment })).map((moment) => ({ merge, fault, moment })),
  ),
);

/** What there is nothing to do to: no process that runs then, and a pull has no steps after it. */
function isThere({ merge, fault, moment }: Case): boolean {
  if (merge === 'pull' && moment === 'afterMerge') return false;
  if (fault === 'script' && moment !== 'middle') return false;
  return true;
}

const cases = todaysSample(all, 3);

vi.setConfig({ testTimeout: 180_000 });
onEachLibvirt(suite, { about: 'merges that something goes wrong with, on libvirt', sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const name = 'snaptree-merge-faults';
  const place = testbed.placeOf(version);
  const slow = join(place.shared, `${name}-slow`);
  let connection: testbed.TestbedConnection;
  let server: testbed.SshServer;
  let application: TestbedApplication;

  beforeAll(async () => {
    connection = await testbed.up();
    server = await testbed.startSshServer({
      name: `merge-faults-${version.replace('.', '-')}`,
      version,
      faults: true,
      before: {
        // So that there is a middle of it as well.
        'qemu-img': `if [ "$1" = commit ] && [ -e '${slow}' ]; then shift; set -- commit -r 2097152 "$@"; fi\nexec /usr/bin/qemu-img "$@"`,
      },
    });
  });
  afterEach(async () => {
    await application.close();
    await MergeScene.remove({ version, name });
    rmSync(slow, { force: true });
  });
  afterAll(async () => {
    await server.stop();
  });

  if (cases.length < all.length)
    it.skip(`${all.length - cases.length} other cases: SNAPTREE_ALL=1 runs them`, () => undefined);

  // Not by `it.each`, which cuts long titles: those could not be chosen by their names.
  for (const each of cases) it(titleOf(each), () => meet(each));

  async function meet(each: Case): Promise<void> {
    const startedAt = Date.now();
    application = await TestbedApplication.open(server, connection);
    const { merge, fault, moment } = each;
    const scene = await MergeScene.make({
      version,
      name,
      running: merge !== 'offlineCommit',
      largeLayer: merge === 'activeCommit' ? 4 : 3,
    });
    const { uuid } = scene.vm;
    const request = (bytesPerSecond: number | null) => requestFor(merge, scene, bytesPerSecond);
    if (moment === 'middle') writeFileSync(slow, '');
    const plan = await application.plan(request(moment === 'middle' ? mebibyte : null));
    expect(plan.refusals).toEqual([]);
    const copying = plan.steps.findIndex(({ cancellation }) => cancellation === 'abort');
    const last = plan.steps.length - 1;
    const stepBefore = moment === 'middle' ? null : moment === 'afterMerge' ? copying : last - 1;

    let id: string;
    if (fault === 'snaptree') {
      id =
        stepBefore === null
          ? await application.beginAndBeKilled(plan.request, null, () => middleOf(merge, scene))
          : await application.beginAndBeKilled(plan.request, { step: stepBefore, state: 'done', file: null }, null);
    } else {
      const met = Promise.withResolvers<undefined>();
      application.onChange = ({ steps }) => {
        if (stepBefore === null || steps[stepBefore]?.state !== 'done') return;
        application.onChange = () => undefined;
        doHarm(each, scene).then(() => {
          met.resolve(undefined);
        }, met.reject);
      };
      id = await application.begin(plan);
      if (stepBefore === null) {
        await middleOf(merge, scene);
        await doHarm(each, scene);
      } else await met.promise;
    }
    rmSync(slow, { force: true });
    if (merge !== 'offlineCommit')
      await testbed.virsh(['blockjob', uuid, 'vda', '--bandwidth', '0'], { version, expect: [0, 1] });
    // Snaptree was killed: its user does not want the rest any more. Otherwise they go on.
    const wishes = fault === 'snaptree' ? (['undo', 'forget'] as const) : (['resume', 'undo', 'forget'] as const);
    const chosen = await application.bringToEnd(id, wishes, 60_000);
    const { state, error } = application.operation(id);
    rmSync(join(scene.vm.folder, 'filler'), { force: true });

    const found = [...(await scene.faults(await application.read(uuid), application.operations()))];
    const merged = !(await scene.chain()).includes(scene.file(merge === 'activeCommit' ? 4 : 3));
    let again = '';
    await scene.bringBack();
    if (!merged) {
      // Nothing stands in the way of carrying it out now.
      const second = await application.plan(request(null));
      if (second.refusals.length > 0) again = `refused: ${second.refusals.map(({ message }) => message).join(' ')}`;
      else {
        const secondId = await application.begin(second);
        await application.bringToEnd(secondId, ['resume', 'forget'], 60_000);
        const { state: secondState } = application.operation(secondId);
        again = secondState === 'succeeded' ? 'succeeded' : describe(application.operation(secondId));
      }
      if (again !== 'succeeded') found.push(`Run again: ${again}`);
      found.push(
        ...(await scene.faults(await application.read(uuid), application.operations())).map(
          (text) => `Afterwards: ${text}`,
        ),
      );
    }
    if (merge !== 'offlineCommit') await scene.virsh('destroy', uuid);
    await scene.virsh('start', uuid);
    const row = [
      version,
      titleOf(each),
      [state, ...chosen].join(', '),
      merged ? 'merged' : `not merged, again ${again}`,
      found.length === 0 ? 'well' : `${found.join(' ')} (${describe(application.operation(id))})`,
      `${((Date.now() - startedAt) / 1000).toFixed(0)} s`,
    ];
    process.stdout.write(`${row.join(' | ')}\n`);
    expect(found, error?.message).toEqual([]);
  }

  async function doHarm({ merge, fault }: Case, scene: MergeScene): Promise<void> {
    const { uuid, folder } = scene.vm;
    const offline = merge === 'offlineCommit';
    switch (fault) {
      case 'snaptree':
        throw new Error('It is not killed from here.');
      case 'connection':
        server.dropConnections();
        return;
      case 'script':
        for (const { pid } of scriptsOf(uuid)) signal(pid, 'SIGKILL');
        return;
      case 'libvirtd': {
        const { libvirtd } = ownDaemons(place);
        if (libvirtd === undefined) throw new Error('libvirtd of the testbed does not run.');
        await endProcess(libvirtd);
        await startDaemons(place);
        return;
      }
      case 'qemu':
        if (offline) for (const { pid } of copiersOf(scene)) signal(pid, 'SIGKILL');
        else signal(testbed.guestProcess(scene.vm), 'SIGKILL');
        return;
      case 'diskFull':
        await run('dd', ['if=/dev/zero', `of=${join(folder, 'filler')}`, 'bs=64k'], { expect: [1] });
        return;
      case 'abort':
        if (offline) for (const { pid } of copiersOf(scene)) signal(pid, 'SIGTERM');
        else await testbed.virsh(['blockjob', uuid, 'vda', '--abort'], { version, expect: [0, 1] });
        return;
      case 'pivot':
        if (offline) await testbed.virsh(['start', uuid], { version, expect: [0, 1] });
        else await pivot(merge, scene);
        return;
    }
  }

  /** Where there is nothing to pivot to libvirt refuses it. Otherwise: before Snaptree comes to it. */
  async function pivot(merge: Merge, scene: MergeScene): Promise<void> {
    const { uuid } = scene.vm;
    const stopped = merge === 'activeCommit' ? scriptsOf(uuid) : [];
    for (const { pid } of stopped) signal(pid, 'SIGSTOP');
    if (stopped.length > 0) {
      await testbed.virsh(['blockjob', uuid, 'vda', '--bandwidth', '0'], { version, expect: [0, 1] });
      await testbed.waitUntil('the mirror to be ready', async () => {
        const xml = await scene.virsh('dumpxml', uuid);
        return /<mirror [^>]*ready='yes'/.test(xml) || (await scene.job()) === null;
      });
    }
    await testbed.virsh(['blockjob', uuid, 'vda', '--pivot'], { version, expect: [0, 1] });
    for (const { pid } of stopped) signal(pid, 'SIGCONT');
  }
}

const scriptsOf = (uuid: string) =>
  listProcesses().filter(({ commandLine }) => commandLine.includes(`snaptree-merge qemu:///system ${uuid}`));

const copiersOf = (scene: MergeScene) =>
  listProcesses().filter(
    ({ executable, commandLine }) => executable.endsWith('/qemu-img') && commandLine.includes(scene.vm.folder),
  );

async function middleOf(merge: Merge, scene: MergeScene): Promise<void> {
  await testbed.waitUntil(
    'the middle of the merge',
    async () => {
      if (merge === 'offlineCommit')
        return copiersOf(scene).some(({ commandLine }) => commandLine.includes(' commit '));
      const job = await scene.job();
      return job !== null && job.done > 0;
    },
    30_000,
  );
  await delay(1000);
}

function requestFor(merge: Merge, scene: MergeScene, bytesPerSecond: number | null): ChangeRequest {
  const vmUuid = scene.vm.uuid;
  const baseId = scene.file(1);
  if (merge === 'pull') return { action: 'pullImages', vmUuid, ranges: [{ target: 'vda', baseId }], bytesPerSecond };
  const topId = scene.file(merge === 'activeCommit' ? 4 : 3);
  return {
    action: 'commitImages',
    vmUuid,
    ranges: [{ target: 'vda', topId, baseId }],
    oneByOne: false,
    bytesPerSecond,
  };
}

function titleOf({ merge, fault, moment }: Case): string {
  const what =
    merge === 'offlineCommit' && fault === 'pivot'
      ? 'somebody starts the VM'
      : merge === 'offlineCommit' && (fault === 'qemu' || fault === 'abort')
        ? `qemu-img is ended (${fault === 'qemu' ? 'SIGKILL' : 'SIGTERM'})`
        : inWords[fault];
  return `${inWords[merge]}: ${what} ${inWords[moment]}`;
}
