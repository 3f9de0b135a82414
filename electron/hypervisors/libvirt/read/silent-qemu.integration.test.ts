/** VMs whose QEMU hangs, as on storage that stalls: here it is stopped by a signal. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { signal } from '../../../../e2e/testbeds/processes.ts';
import { inventoryOf, uri } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { runAt } from '../../../../e2e/testbeds/places.ts';
import { waitUntil } from '../../../../e2e/testbeds/run.ts';
import type { Inventory, ReadableVm } from '../../../../shared/model/inventory.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { jobsOf } from '../../../../shared/rules/inventory/jobs.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { createLibvirtDriver } from '../index.ts';
import { planLibvirt } from '../plan/plan.ts';
import { vmOf } from './reading.fixtures.ts';

/** In seconds. One question that waits for QEMU's lock takes 30, and one that waits for QEMU never ends. */
const atMost = 28;

onEachLibvirt(suite, { about: 'a QEMU that hangs, libvirt', sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const place = testbed.placeOf(version);
  const specOf = (name: string) => ({ name, disks: [{ target: 'vda' }], running: true, version });
  const specs = ['snaptree-hangs-a', 'snaptree-hangs-b', 'snaptree-hangs-not'].map(specOf);
  const vms: testbed.VirtualMachine[] = [];
  const ends: (() => Promise<void>)[] = [];
  const driver = createLibvirtDriver(uri);
  const memory = driver.createMemory();
  const runner = createLocalRunner(place.root);

  /** Does something while the first so many VMs hang. */
  async function whileHung(
    count: number,
    what: (hung: readonly testbed.VirtualMachine[]) => Promise<void>,
  ): Promise<void> {
    const hung = vms.slice(0, count);
    const processes = hung.map((vm) => testbed.guestProcess(vm));
    try {
      for (const pid of processes) signal(pid, 'SIGSTOP');
      await what(hung);
    } finally {
      for (const pid of processes) signal(pid, 'SIGCONT');
    }
    // What was asked meanwhile gets its answer first.
    await waitUntil('libvirt to be answered', async () => {
      const said = await Promise.all(hung.map(({ uuid }) => testbed.virsh(['domcontrol', uuid], { version })));
      return said.every(({ stdout }) => stdout.trim() === 'ok');
    });
  }
  /** Neither hung nor changed by anybody. */
  const bystanders = (hung: readonly testbed.VirtualMachine[]): readonly string[] =>
    [...vms, testbed.fixtureVirtualMachine('snaptree-first', version)]
      .map(({ uuid }) => uuid)
      .filter((uuid) => !hung.some((vm) => vm.uuid === uuid));
  /** Within its time, and every other VM as it was. */
  async function look(
    kind: 'read' | 'poll',
    before: Inventory,
    hung: readonly testbed.VirtualMachine[],
  ): Promise<Inventory> {
    const began = performance.now();
    const inventory =
      kind === 'read'
        ? await driver.read(runner, { priority: 'user', memory })
        : (await driver.poll(runner, memory, {})).inventory;
    expect((performance.now() - began) / 1000).toBeLessThan(atMost);
    for (const uuid of bystanders(hung)) expect(vmOf(inventory, uuid)).toEqual(vmOf(before, uuid));
    return inventory;
  }
  /** What needs no answer of QEMU. */
  const withoutJobs = ({ job: _job, disks, ...rest }: ReadableVm) => ({
    ...rest,
    disks: disks.map(({ blockJob: _blockJob, ...disk }) => disk),
  });
  const jobs = (inventory: Inventory, { uuid }: testbed.VirtualMachine): readonly string[] =>
    jobsOf(vmOf(inventory, uuid)).map(({ message }) => message);
  function expectHung(inventory: Inventory, before: Inventory, vm: testbed.VirtualMachine): void {
    const found = vmOf(inventory, vm.uuid);
    expect(withoutJobs(found)).toEqual(withoutJobs(vmOf(before, vm.uuid)));
    expect(jobs(inventory, vm)).toEqual([
      expect.stringMatching(/QEMU has not answered for .*whether block jobs/) as string,
    ]);
    const findings = findingsOf('host', inventory, defaultReportThresholds, inventory.readAt);
    expect(findings.filter(({ code, vmUuid }) => code === 'jobRuns' && vmUuid === vm.uuid)).toHaveLength(1);
    const draft = planLibvirt(
      uri,
      { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'kept', withDescendants: false },
      inventory,
    );
    expect(draft.refusals.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('QEMU has not answered'),
    );
  }

  function expectWhole(inventory: Inventory, before: Inventory): void {
    for (const uuid of bystanders([])) expect(vmOf(inventory, uuid)).toEqual(vmOf(before, uuid));
  }

  beforeAll(async () => {
    await testbed.up();
    for (const spec of specs) {
      await testbed.deleteVirtualMachine(spec);
      const vm = await testbed.createVirtualMachine(spec);
      vms.push(vm);
      await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=kept', '--disk-only'], { version });
    }
  });
  afterAll(async () => {
    for (const spec of specs) await testbed.deleteVirtualMachine(spec);
  });

  it('while somebody waits for its answer: it is read but for its jobs, again and again', async () => {
    const before = await inventoryOf(version);
    await driver.read(runner, { priority: 'user', memory });
    await whileHung(2, async (hung) => {
      // As monitoring does all the time. It ends when QEMU answers.
      for (const { uuid } of hung) {
        await runAt(place, 'timeout', ['2', 'virsh', 'domblkinfo', uuid, 'vda'], { expect: [124] });
      }
      for (const kind of ['read', 'poll', 'read'] as const) {
        const inventory = await look(kind, before, hung);
        for (const vm of hung) expectHung(inventory, before, vm);
      }
    });
    expectWhole(await driver.read(runner, { priority: 'user', memory }), before);
  });

  it('with a block job, of which only QEMU can tell: it is asked once, and those behind it all the same', async () => {
    for (const vm of vms) {
      await testbed.writeGuestDisk(vm, 'vda', 0xa1, 4 * 1024 ** 2);
      ends.push(await testbed.beginJob(vm, 'pull'));
    }
    const before = await driver.read(runner, { priority: 'user', memory });
    for (const vm of vms) expect(jobs(before, vm)).toEqual([expect.stringMatching(testbed.jobs.pull) as string]);
    try {
      for (const [count, kinds] of [
        [1, ['poll', 'read']],
        [2, ['read', 'poll']],
      ] as const) {
        await whileHung(count, async (hung) => {
          for (const kind of kinds) {
            const inventory = await look(kind, before, hung);
            for (const vm of hung) expectHung(inventory, before, vm);
          }
        });
        expectWhole((await driver.poll(runner, memory, {})).inventory, before);
      }
    } finally {
      for (const end of ends) await end();
    }
  });
}
