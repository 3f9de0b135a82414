/** What a user of the demo fleet is told by VMs whose agents do what agents do. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import { ApplicationUnderTest } from '../../application/application-under-test.fixtures.ts';
import { demoHosts } from '../demo-fleet.ts';
import { uuidFor } from '../furnish.ts';
import { vmOf } from '../libvirt/world.ts';
import { createSimulatedSshServer } from '../ssh-server/simulated-ssh-server.ts';
import { createDemoMachine } from './fleet.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const machine = createDemoMachine('alder', 0);
let application: ApplicationUnderTest;

beforeAll(async () => {
  const server = createSimulatedSshServer(machine);
  const [settings] = demoHosts;
  if (!settings) throw new Error('There is no demo host.');
  application = await ApplicationUnderTest.openOn(settings, {
    shell: 'commandLine',
    connectSimulated: (_machine, hostName, signal) => server.connect(hostName, signal),
  });
});
afterAll(async () => {
  await application.close();
});

const quiesced = (name: string): ChangeRequest => ({
  action: 'createSnapshot',
  vmUuid: uuidFor(machine, name),
  kind: 'external',
  name: 'quiesced',
  description: '',
  diskTargets: ['vda'],
  quiesce: true,
});

it.each([
  ['database', []],
  ['wiki', ['agentNotConnected']],
  ['files', ['agentSilent']],
  ['web-frontend', ['noAgentChannel']],
] as const)('plans for %s, or says what its agent lacks', async (name, codes) => {
  const { refusals } = await application.plan(quiesced(name));
  expect(refusals.map(({ code }) => code)).toEqual(codes);
});

it.each([
  ['windows-2022', 'fsfreeze hook has failed with status 1'],
  ['lab', 'Guest agent not available for now'],
])('takes no snapshot of %s, says why, and leaves nothing frozen', async (name, why) => {
  const plan = await application.plan(quiesced(name));
  expect(plan.refusals).toEqual([]);
  const { state, error } = await application.rests(await application.begin(plan), 60_000);
  expect(state).toBe('failed');
  expect(error?.message).toContain('They are not frozen now, and no snapshot was taken.');
  expect(error?.message).toContain(why);
  const { live, snapshots } = vmOf(machine.world, uuidFor(machine, name));
  expect(live?.frozen ?? false).toBe(false);
  expect(snapshots.map((each) => each.name)).not.toContain('quiesced');
});
