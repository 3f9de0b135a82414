import { expect, test } from 'vitest';
import { FakeHost, planFor, step } from '../fake-host.fixtures.ts';
import { stepFailed } from './operation-messages.ts';

const plan = planFor(new FakeHost(), ['a'], {
  steps: [{ ...step('a'), index: 0, writes: ['/srv/web.qcow2'] }],
});
const failed = (
  alreadyMet: boolean,
  check = { met: true, held: ['the current snapshot is “a”'], unmet: [] as string[] },
) => {
  const [only] = plan.steps;
  if (!only) throw new Error('no step');
  return stepFailed({
    operation: { plan, steps: [] },
    step: only,
    exitCode: 1,
    stderr: 'error: domain has active block job',
    check,
    alreadyMet,
  });
};

test('a failed step is not comforted by what held before it, and says what nobody looked at', () => {
  const { message } = failed(true);
  expect(message).toContain('domain has active block job');
  expect(message).toContain(
    'Looked at was only this: the current snapshot is “a”. All of that was so before the step began',
  );
  expect(message).toContain('Not looked at was the content of /srv/web.qcow2');
  expect(message).not.toMatch(/nevertheless|as it was to be/i);
});

test('a failed step whose effects are seen stays failed', () => {
  expect(failed(false).message).toContain('That does not make it a success');
});

test('a failed step whose effects are missing says so', () => {
  const { message } = failed(false, { met: false, held: [], unmet: ['There is no snapshot “a”.'] });
  expect(message).toContain('As the host is now: There is no snapshot “a”.');
});

test('a failed revert says that the definition may be another, and where the state before it is', () => {
  const saving = { ...step('kept'), index: 0 };
  const reverting = { ...step('a'), index: 1, invalidates: ['/srv/web.qcow2'] };
  const of = (saveAs: string | null, first: 'done' | 'waiting') => {
    const made = first === 'done' && saveAs !== null ? [{ snapshotId: saveAs, createdAt: 1 }] : [];
    const request = { action: 'revertToSnapshot', vmUuid: plan.vmUuid, snapshotId: 'a', saveAs } as const;
    const run = { startedAt: null, endedAt: null, exitCode: null, output: '' };
    return stepFailed({
      operation: {
        made,
        plan: { ...plan, request, steps: [saving, reverting] },
        steps: [
          { ...run, index: 0, state: first },
          { ...run, index: 1, state: 'failed' },
        ],
      },
      step: reverting,
      exitCode: 1,
      stderr: 'error: Network not found',
      check: { met: false, held: [], unmet: ['The VM is shut off.'] },
      alreadyMet: false,
    }).message;
  };
  expect(of('kept', 'done')).toContain('The definition of the VM may be that of the snapshot now.');
  expect(of('kept', 'done')).toContain('The state before it is in the snapshot “kept”');
  expect(of(null, 'done')).not.toContain('The state before it');
  expect(of('kept', 'waiting')).not.toContain('The state before it');
});
