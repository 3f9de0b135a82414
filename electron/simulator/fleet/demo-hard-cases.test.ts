/** What is hard in the demo fleet: going back with memory, a merge that cannot catch up with its guest, and one without room. */
import { afterEach, expect, it, vi } from 'vitest';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import { ApplicationUnderTest } from '../../application/application-under-test.fixtures.ts';
import { demoHosts } from '../demo-fleet.ts';
import { activeImageOf, diskHolds, gibibyte, guestCount, uuidFor } from '../furnish.ts';
import { chainFrom, vmOf } from '../libvirt/world.ts';
import type { Machine } from '../machine.ts';
import { createSimulatedSshServer } from '../ssh-server/simulated-ssh-server.ts';
import { createDemoMachine, type DemoMachineName } from './fleet.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let application: ApplicationUnderTest;
afterEach(async () => {
  await application.close();
});

async function open(name: DemoMachineName): Promise<Machine> {
  // Minutes of the demo fleet.
  const machine = createDemoMachine(name, 1, 10);
  const server = createSimulatedSshServer(machine);
  const settings = demoHosts.find(({ connection }) => connection.transport === 'demo' && connection.machine === name);
  if (!settings) throw new Error('There is no such demo host.');
  application = await ApplicationUnderTest.openOn(settings, {
    shell: 'commandLine',
    connectSimulated: (_machine, hostName, signal) => server.connect(hostName, signal),
  });
  return machine;
}

function commit(machine: Machine, name: string): ChangeRequest {
  const vmUuid = uuidFor(machine, name);
  const [top, base] = chainFrom(machine.world, activeImageOf(machine, vmUuid, 'vda'));
  if (!top || !base) throw new Error('There is nothing to merge.');
  const ranges = [{ target: 'vda', topId: top.path, baseId: base.path }];
  return { action: 'commitImages', vmUuid, ranges, oneByOne: false, bytesPerSecond: null };
}

it('says that it cannot catch up with “monitoring”, and ends when the guest is paused', async () => {
  const machine = await open('alder');
  const uuid = uuidFor(machine, 'monitoring');
  const request = commit(machine, 'monitoring');
  const plan = await application.plan(request);
  expect(plan.refusals).toEqual([]);
  const id = await application.begin(plan);
  const behind = () => application.progress(id)?.control?.fallsBehind ?? application.operation(id).state;
  await expect.poll(behind, { timeout: 60_000, interval: 100 }).toBe(true);
  await application.ask('operations.adjust', { operationId: id, wish: { kind: 'pauseGuest', seconds: 120 } });
  const ended = await application.rests(id, 60_000);
  expect(ended.state, ended.error?.message).toBe('succeeded');
  expect(chainFrom(machine.world, activeImageOf(machine, uuid, 'vda'))).toHaveLength(1);
  expect(vmOf(machine.world, uuid).live?.state).toBe('running');
  expect(diskHolds(machine, uuid, 'vda', { start: 10 * gibibyte, end: 11 * gibibyte, byte: 0x3a })).toBe(true);
});

it('goes back to “monitoring” with its memory, keeps what it was, and undoes that', async () => {
  const machine = await open('alder');
  const uuid = uuidFor(machine, 'monitoring');
  const sensors = { start: 10 * gibibyte, end: 11 * gibibyte, byte: 0x3a };
  const revert = async (snapshotId: string, saveAs: string | null) => {
    const request: ChangeRequest = {
      action: 'revertToSnapshot',
      vmUuid: uuid,
      snapshotId,
      saveAs,
      ...(saveAs !== null && { saveMemoryFile: `/var/lib/libvirt/images/${saveAs}.memory` }),
    };
    const plan = await application.plan(request);
    expect(plan.refusals).toEqual([]);
    const { state, error } = await application.rests(await application.begin(plan), 60_000);
    expect(state, error?.message).toBe('succeeded');
    expect(vmOf(machine.world, uuid).live?.state).toBe('running');
  };
  const then = guestCount(machine, uuid) ?? 0;
  await revert('before more sensors', 'kept');
  expect(guestCount(machine, uuid)).toBeLessThan(then);
  expect(diskHolds(machine, uuid, 'vda', sensors)).toBe(false);
  await revert('kept', null);
  expect(guestCount(machine, uuid)).toBeGreaterThanOrEqual(then);
  expect(diskHolds(machine, uuid, 'vda', sensors)).toBe(true);
});

it('warns that “reports” finds no room, fails, and leaves what its guest reads', async () => {
  const machine = await open('birch');
  const uuid = uuidFor(machine, 'reports');
  const before = chainFrom(machine.world, activeImageOf(machine, uuid, 'vda')).map(({ path }) => path);
  const plan = await application.plan(commit(machine, 'reports'));
  expect(plan.refusals).toEqual([]);
  expect(plan.warnings.map(({ code }) => code)).toContain('littleSpace');
  const ended = await application.rests(await application.begin(plan), 60_000);
  expect(ended.state).toBe('failed');
  expect(ended.error?.message).toContain('no room left');
  expect(chainFrom(machine.world, activeImageOf(machine, uuid, 'vda')).map(({ path }) => path)).toEqual(before);
  expect(diskHolds(machine, uuid, 'vda', { start: 8 * gibibyte, end: 17 * gibibyte, byte: 0x52 })).toBe(true);
});
