/**
 * External snapshots of guests whose file systems are frozen meanwhile, on real libvirts and a real agent. Whatever goes wrong: the guest
 * writes on afterwards, and what somebody else froze stays frozen.
 */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ownDaemons, startDaemons } from '../../e2e/testbeds/daemons.ts';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import {
  createGuestWithAgent,
  guestAnswers,
  guestTicks,
  guestWritesOn,
  lookIntoFileSystem,
  tellGuest,
} from '../../e2e/testbeds/guest-with-agent.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { describe, TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';

type CreateRequest = Extract<ChangeRequest, { action: 'createSnapshot' }>;

// A host is read after each step, and one agent hangs for longer than it is waited for.
vi.setConfig({ testTimeout: 480_000, hookTimeout: 300_000 });
onEachLibvirt(suite, { about: 'quiescing, on libvirt', sampled: { oneIn: 3 } });

function suite(version: testbed.LibvirtVersion): void {
  const name = 'snaptree-quiesce';
  const place = testbed.placeOf(version);
  let connection: testbed.TestbedConnection;
  let server: testbed.SshServer;
  let application: TestbedApplication;
  let vm: testbed.VirtualMachine;
  let count = 0;

  beforeAll(async () => {
    connection = await testbed.up();
    server = await testbed.startSshServer({
      name: `quiesce-${version.replace('.', '-')}`,
      version,
      faults: true,
    });
    await testbed.deleteVirtualMachine({ name, version });
    vm = await createGuestWithAgent({ name, version, disks: [{ target: 'vda' }, { target: 'vdb' }] });
    application = await TestbedApplication.open(server, connection);
  });
  afterAll(async () => {
    await application.close();
    await server.stop();
    await testbed.deleteVirtualMachine({ name, version });
  });
  afterEach(async () => {
    // What a test that failed left would lock the VM for the next one.
    for (const { id, endedAt } of application.operations())
      if (endedAt === null) await application.bringToEnd(id, ['resume', 'undo', 'forget'], 120_000);
    await guestAnswers(vm);
    expect(await freezeStatus()).toBe('thawed');
    await guestWritesOn(vm);
  });

  const virsh = (...words: readonly string[]) => testbed.virsh(words, { version, expect: [0, 1] });

  /** Waits until the snapshot is about to be taken, with the guest frozen. */
  const held = (fault: testbed.AddedFault) =>
    testbed.waitUntil('the snapshot to be about to be taken', () => fault.count() > 0, 180_000);

  async function freezeStatus(): Promise<string> {
    const command = ['qemu-agent-command', vm.uuid, '--timeout', '5', '{"execute":"guest-fsfreeze-status"}'];
    return /"return":"(\w+)"/.exec((await virsh(...command)).stdout)?.[1] ?? 'no answer';
  }

  function request(changes: Partial<CreateRequest> = {}): CreateRequest {
    count += 1;
    return {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'external',
      name: `at-${count}`,
      description: '',
      diskTargets: ['vda', 'vdb'],
      quiesce: true,
      ...changes,
    };
  }

  const active = (target: string) => testbed.activeImage(vm, target);

  /** Plans and runs; gives the operation where it ended, or waits for its user. */
  async function run(wanted: CreateRequest) {
    const plan = await application.plan(wanted);
    expect(plan.refusals).toEqual([]);
    const id = await application.begin(plan);
    return { id, plan, operation: await application.rests(id, 400_000) };
  }

  const outputs = (id: string) =>
    application
      .operation(id)
      .steps.map(({ output }) => output)
      .join('\n');

  const snapshotNames = async () => (await virsh('snapshot-list', vm.uuid, '--name')).stdout.split('\n');

  it('has in the snapshot what the guest had written, on every disk, with nothing to be recovered', async () => {
    await guestWritesOn(vm);
    const before = guestTicks(vm).at(-1) ?? 0;
    const images = [await active('vda'), await active('vdb')];
    const { id, plan, operation } = await run(request());
    expect(describe(operation)).toMatch(/^succeeded/);
    expect(plan.warnings.find(({ code }) => code === 'quiesced')?.names).toEqual(['/disks/vda', '/disks/vdb']);
    expect(outputs(id)).toContain('are thawed again');
    for (const image of images) {
      const found = await lookIntoFileSystem(image);
      expect(found.needsRecovery).toBe(false);
      expect(found.ticks.at(-1)).toBeGreaterThanOrEqual(before);
      expect(found.ticks).toEqual(found.ticks.map((_, index) => index + 1));
    }
  });

  it('lacks in a snapshot without freezing what the guest still held back', async () => {
    await guestWritesOn(vm);
    const before = guestTicks(vm).at(-1) ?? 0;
    const image = await active('vda');
    const { quiesce: _quiesce, ...plain } = request();
    const { plan, operation } = await run(plain);
    expect(describe(operation)).toMatch(/^succeeded/);
    expect(plan.warnings.map(({ code }) => code)).toContain('withoutMemory');
    const found = await lookIntoFileSystem(image);
    expect(found.needsRecovery).toBe(true);
    expect(found.ticks.at(-1) ?? 0).toBeLessThan(before);
  });

  it('freezes for a snapshot of one of the disks', async () => {
    const [first, second] = [await active('vda'), await active('vdb')];
    const { operation } = await run(request({ diskTargets: ['vdb'] }));
    expect(describe(operation)).toMatch(/^succeeded/);
    expect(await active('vda')).toBe(first);
    expect((await lookIntoFileSystem(second)).needsRecovery).toBe(false);
  });

  it('thaws where libvirt fails to take the snapshot', async () => {
    const wanted = request();
    const fault = server.addFault({ command: 'snapshot-create-as', effect: 'fail' });
    const { id, operation } = await run(wanted);
    fault.remove();
    expect(operation.state).toBe('failed');
    expect(outputs(id)).toContain('are thawed again');
    expect(await snapshotNames()).not.toContain(wanted.name);
  });

  it('leaves frozen what somebody else froze before, and says so', async () => {
    const plan = await application.plan(request());
    await virsh('domfsfreeze', vm.uuid);
    try {
      const refused = await application.plan(request());
      expect(refused.refusals.map(({ code }) => code)).toEqual(['frozenAlready']);
      const id = await application.begin(plan);
      expect((await application.rests(id, 60_000)).state).toBe('failed');
      expect(outputs(id)).toContain('are frozen already');
      expect(await freezeStatus()).toBe('frozen');
      expect(await snapshotNames()).not.toContain('at-5');
    } finally {
      await virsh('domfsthaw', vm.uuid);
    }
  });

  for (const [deedInWords, deed] of [
    ['dies', 'kill -KILL $PPID'],
    ['refuses', 'exit 1'],
    // Longer than it is waited for: it freezes when nobody expects it any more.
    ['hangs for a while', '(sleep 75; kill -CONT $PPID) & kill -STOP $PPID'],
  ] as const)
    it(`takes no snapshot and thaws where the agent ${deedInWords} while it freezes`, async () => {
      await tellGuest(vm, `echo '${deed}' > /run/at-freeze`);
      const wanted = request();
      const { operation } = await run(wanted);
      expect(operation.state).toBe('failed');
      expect(await snapshotNames()).not.toContain(wanted.name);
    });

  it('thaws by itself where its command on the host is killed while the guest is frozen', async () => {
    const fault = server.addFault({ command: 'snapshot-create-as', effect: 'hold' });
    const id = await application.begin(await application.plan(request()));
    await held(fault);
    expect(await freezeStatus()).toBe('frozen');
    for (const { pid } of listProcesses().filter(({ commandLine }) => commandLine.includes(' snaptree-quiesce ')))
      signal(pid, 'SIGKILL');
    await testbed.waitUntil('the guest to be thawed', async () => (await freezeStatus()) === 'thawed', 30_000);
    fault.release();
    fault.remove();
    await application.bringToEnd(id, ['undo', 'resume', 'forget'], 60_000);
  });

  it('thaws where libvirt is killed while the guest is frozen', async () => {
    const fault = server.addFault({ command: 'snapshot-create-as', effect: 'hold' });
    const id = await application.begin(await application.plan(request()));
    await held(fault);
    signal(ownDaemons(place)['libvirtd'] ?? Number.NaN, 'SIGKILL');
    await testbed.waitUntil('libvirtd to be gone', () => !('libvirtd' in ownDaemons(place)));
    fault.release();
    fault.remove();
    await startDaemons(place);
    await application.bringToEnd(id, ['resume', 'undo', 'forget'], 120_000);
    expect(application.operation(id).state).toBe('failed');
  });

  it('thaws where Snaptree is killed while the guest is frozen', async () => {
    const fault = server.addFault({ command: 'snapshot-create-as', effect: 'hold' });
    const wanted = request();
    const id = await application.beginAndBeKilled(wanted, null, () => held(fault));
    expect(await freezeStatus()).toBe('frozen');
    fault.release();
    fault.remove();
    await application.bringToEnd(id, ['resume', 'undo', 'forget'], 60_000);
    expect(describe(application.operation(id))).toMatch(/^succeeded/);
    expect(await snapshotNames()).toContain(wanted.name);
  });

  it('says of a paused VM and of a silent agent what is to be done', async () => {
    await virsh('suspend', vm.uuid);
    expect((await application.plan(request())).refusals.map(({ code }) => code)).toEqual(['agentStandsStill']);
    await virsh('resume', vm.uuid);
    // A moment later, so that it answers to this.
    await tellGuest(vm, 'agent=$PPID; (sleep 2; kill -STOP $agent; sleep 90; kill -CONT $agent) &');
    await testbed.waitUntil('the agent to be silent', async () => (await freezeStatus()) === 'no answer', 60_000);
    const { agent } = await application.ask('guests.askAgent', { hostId: application.hostId, vmUuid: vm.uuid });
    expect(agent?.state).toBe('silent');
    expect((await application.plan(request())).refusals.map(({ code }) => code)).toEqual(['agentSilent']);
  });
}
