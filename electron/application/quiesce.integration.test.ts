/**
 * External snapshots of guests whose file systems are frozen meanwhile, on real libvirts and a real agent. Whatever goes wrong: the guest
 * writes on afterwards, and what somebody else froze stays frozen.
 */
import { expect, it, vi } from 'vitest';
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
import { quiesceSuite, type QuiesceHost } from './quiesce.fixtures.ts';

// A host is read after each step, and one agent hangs for longer than it is waited for.
vi.setConfig({ testTimeout: 480_000, hookTimeout: 300_000 });
onEachLibvirt(suite, { about: 'quiescing, on libvirt', sampled: { oneIn: 3 } });

/** What the agent's hook does while it freezes. */
const failures = [
  ['dies', 'kill -KILL $PPID'],
  ['refuses', 'exit 1'],
  // Longer than it is waited for: it freezes when nobody expects it any more.
  ['hangs for a while', '(sleep 75; kill -CONT $PPID) & kill -STOP $PPID'],
] as const;

function suite(version: testbed.LibvirtVersion): void {
  const name = 'snaptree-quiesce';
  const place = testbed.placeOf(version);
  const virsh = (argv: readonly string[]) => testbed.virsh(argv, { version, expect: [0, 1] });
  let connection: testbed.TestbedConnection;
  let server: testbed.SshServer;
  let vm: testbed.VirtualMachine;

  async function agentIsSilent(): Promise<void> {
    // A moment later, so that it answers to this.
    await tellGuest(vm, 'agent=$PPID; (sleep 2; kill -STOP $agent; sleep 90; kill -CONT $agent) &');
    const ask = ['qemu-agent-command', vm.uuid, '--timeout', '5', '{"execute":"guest-ping"}'];
    await testbed.waitUntil('the agent to be silent', async () => (await virsh(ask)).exitCode !== 0, 60_000);
  }

  const host: QuiesceHost<TestbedApplication> = {
    async up() {
      connection = await testbed.up();
      server = await testbed.startSshServer({ name: `quiesce-${version.replace('.', '-')}`, version, faults: true });
      await testbed.deleteVirtualMachine({ name, version });
      vm = await createGuestWithAgent({ name, version, disks: [{ target: 'vda' }, { target: 'vdb' }] });
      return { uuid: vm.uuid, fileSystems: ['/disks/vda', '/disks/vdb'] };
    },
    open: () => TestbedApplication.open(server, connection),
    async down() {
      await server.stop();
      await testbed.deleteVirtualMachine({ name, version });
    },
    async settle() {
      await guestAnswers(vm);
      await guestWritesOn(vm);
    },
    virsh,
    activeImage: (target) => testbed.activeImage(vm, target),
    isClean: async (image) => !(await lookIntoFileSystem(image)).needsRecovery,
    failures: failures.map(([inWords, deed]) => ({
      inWords,
      begin: () => tellGuest(vm, `echo '${deed}' > /run/at-freeze`),
    })),
    silenceAgent: agentIsSilent,
    addFault: (fault) => server.addFault(fault),
    killStep() {
      for (const { pid } of listProcesses().filter(({ commandLine }) => commandLine.includes(' snaptree-quiesce ')))
        signal(pid, 'SIGKILL');
      return Promise.resolve();
    },
  };

  quiesceSuite(host, ({ application, request, run, snapshotNames, freezeStatus, held }) => {
    it('has in the snapshot what the guest had written, on every disk, with nothing to be recovered', async () => {
      await guestWritesOn(vm);
      const before = guestTicks(vm).at(-1) ?? 0;
      const images = [await host.activeImage('vda'), await host.activeImage('vdb')];
      const { operation } = await run(request());
      expect(describe(operation)).toMatch(/^succeeded/);
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
      const image = await host.activeImage('vda');
      const { quiesce: _quiesce, ...plain } = request();
      const { plan, operation } = await run(plain);
      expect(describe(operation)).toMatch(/^succeeded/);
      expect(plan.warnings.map(({ code }) => code)).toContain('withoutMemory');
      const found = await lookIntoFileSystem(image);
      expect(found.needsRecovery).toBe(true);
      expect(found.ticks.at(-1) ?? 0).toBeLessThan(before);
    });

    it('thaws where libvirt is killed while the guest is frozen', async () => {
      const fault = server.addFault({ command: 'snapshot-create-as', effect: 'hold' });
      const id = await application().begin(await application().plan(request()));
      await held(fault);
      signal(ownDaemons(place)['libvirtd'] ?? Number.NaN, 'SIGKILL');
      await testbed.waitUntil('libvirtd to be gone', () => !('libvirtd' in ownDaemons(place)));
      fault.release();
      fault.remove();
      await startDaemons(place);
      await application().bringToEnd(id, ['resume', 'undo', 'forget'], 120_000);
      expect(application().operation(id).state).toBe('failed');
    });

    it('thaws where Snaptree is killed while the guest is frozen', async () => {
      const fault = server.addFault({ command: 'snapshot-create-as', effect: 'hold' });
      const wanted = request();
      const id = await application().beginAndBeKilled(wanted, null, () => held(fault));
      expect(await freezeStatus()).toBe('frozen');
      fault.release();
      fault.remove();
      await application().bringToEnd(id, ['resume', 'undo', 'forget'], 60_000);
      expect(describe(application().operation(id))).toMatch(/^succeeded/);
      expect(await snapshotNames()).toContain(wanted.name);
    });
  });
}
