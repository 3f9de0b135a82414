import { expect, it } from 'vitest';
import type { GuestAgent } from '../../../../../shared/model/guest-agent.ts';
import { disk, image, inventory, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import type { BegunPlan } from '../../../driver.ts';
import { planLibvirt } from '../plan.ts';

const base = image('/images/web.qcow2');
const web = (state: 'running' | 'paused' | 'shutoff') => vm({ state, disks: [disk('vda', base.id)] });
const agent = (state: GuestAgent['state'], fileSystems: string[] = []): GuestAgent => ({
  state,
  fileSystems,
  detail: null,
});

function plan(
  changes: Partial<Extract<ChangeRequest, { action: 'createSnapshot' }>>,
  {
    state = 'running' as Parameters<typeof web>[0],
    answer = agent('ready'),
    begun = undefined as BegunPlan | undefined,
    freezes = true,
  },
) {
  const machine = web(state);
  const request: ChangeRequest = {
    action: 'createSnapshot',
    vmUuid: machine.uuid,
    kind: 'external',
    name: 'a',
    description: '',
    diskTargets: null,
    ...(freezes && { quiesce: true }),
    ...changes,
  };
  return planLibvirt('qemu:///system', request, inventory([machine], [base]), begun, answer);
}

it('freezes and thaws in one step, and looks afterwards whether that was done', () => {
  const { steps, refusals, warnings } = plan({}, { answer: agent('ready', ['/', '/srv']) });
  expect(refusals).toEqual([]);
  expect(steps.map(({ runs, group, cancellation }) => ({ runs, group, cancellation }))).toEqual([
    { runs: 'inOrder', group: null, cancellation: 'betweenSteps' },
    { runs: 'inOrder', group: null, cancellation: 'betweenSteps' },
    { runs: 'inOrder', group: 'quiesce', cancellation: 'betweenSteps' },
    { runs: 'always', group: 'quiesce', cancellation: 'never' },
  ]);
  expect(steps[2]?.argv).not.toContain('--quiesce');
  expect(steps[2]?.argv).toContain('snapshot-create-as');
  expect(warnings.find(({ code }) => code === 'quiesced')?.message).toContain('(/ and /srv)');
});

it('says of a plan that does not freeze what it is worth', () => {
  const { warnings, steps } = plan({}, { freezes: false });
  expect(warnings.map(({ code }) => code)).toContain('withoutMemory');
  expect(steps).toHaveLength(3);
});

it.each([
  ['noChannel', 'noAgentChannel'],
  ['notConnected', 'agentNotConnected'],
  ['silent', 'agentSilent'],
  ['unable', 'agentCannotFreeze'],
  ['frozen', 'frozenAlready'],
] as const)('is refused where the agent is %s', (state, code) => {
  const { refusals, steps } = plan({}, { answer: agent(state) });
  expect(refusals.map((each) => each.code)).toEqual([code]);
  expect(steps).toEqual([]);
});

it.each([
  ['paused', 'agentStandsStill'],
  ['shutoff', 'nothingToFreeze'],
] as const)('is refused where the VM is %s', (state, code) => {
  expect(plan({}, { state }).refusals.map((each) => each.code)).toEqual([code]);
});

it('is refused together with memory, and for an internal snapshot', () => {
  expect(plan({ memoryFile: '/images/web.mem' }, {}).refusals.map(({ code }) => code)).toContain('quiesceWithMemory');
  expect(plan({ kind: 'internal' }, {}).refusals.map(({ code }) => code)).toContain('quiesceWithMemory');
});

it('can be resumed before the step that looks whether something is still frozen', () => {
  const { steps } = plan({}, {});
  const again = plan({}, { begun: { done: steps.slice(0, 3), rest: steps.slice(3) } });
  expect(again.refusals).toEqual([]);
  expect(again.steps).toEqual(steps.slice(3));
});
