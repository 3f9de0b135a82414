import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { operationSchema } from '../../../shared/model/operation.ts';
import type { JournalEntry, JournalRecord } from '../../store/journal-records.ts';
import { journalVersion } from '../../store/journal-records.ts';
import { FakeHost, planFor } from '../fake-host.fixtures.ts';
import { hasEnded } from '../../../shared/rules/operations/operation-life.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import { afterRestart, applyRecord, replay } from './operation-machine.ts';
import type { OperationRecord } from './operation-machine.ts';

const plan = planFor(new FakeHost(), ['a', 'b', 'c']);
const error = { code: 'outcomeUnknown' as const, message: 'lost', data: {}, retryable: false };
const entries: readonly JournalEntry[] = [
  {
    type: 'started',
    version: journalVersion,
    operationId: plan.id,
    plan,
    startedBy: { user: 'ann', computer: 'desk' },
  },
  { type: 'accepted', jobFolder: '/jobs' },
  { type: 'rejected', error },
  ...[0, 1, 2].flatMap((index): JournalEntry[] => [
    { type: 'stepStarting', index, alreadyMet: false, attempt: 0 },
    { type: 'stepExited', index, exitCode: 0, output: 'ok' },
    { type: 'stepFinished', index, outcome: 'done', fingerprint: `after ${index}` },
    { type: 'stepFinished', index, outcome: 'failed', fingerprint: `after ${index}` },
  ]),
  { type: 'interrupted', error },
  { type: 'examined', examination: { at: 1, finding: 'unclear', message: '', choices: ['forget'] } },
  { type: 'continued', why: 'reattached' },
  { type: 'continued', why: 'resumed' },
  { type: 'cancelRequested' },
  { type: 'ended', state: 'succeeded', error: null },
  { type: 'ended', state: 'failed', error },
  { type: 'cleanedUp' },
];

/** A journal that may have been written: whatever record comes next, if it can come there. */
const journal = fc.array(fc.nat(entries.length - 1), { minLength: 1, maxLength: 60 }).map((choices) => {
  const records: JournalRecord[] = [];
  let state: OperationRecord | null = null;
  for (const choice of [0, ...choices]) {
    const entry = entries[choice];
    if (!entry) continue;
    const record = { sequence: records.length, at: 1000 + records.length, entry };
    try {
      state = applyRecord(state, record);
      records.push(record);
    } catch {
      // It cannot come there.
    }
  }
  return records;
});

function record(...list: readonly JournalEntry[]): OperationRecord {
  return replay(list.map((entry, sequence) => ({ sequence, at: sequence, entry })));
}

describe('a journal, cut off anywhere', () => {
  test('tells of an operation that makes sense', () => {
    fc.assert(
      fc.property(journal, fc.nat(60), (records, length) => {
        const state = afterRestart(replay(records.slice(0, Math.max(1, length))));
        const { operation } = state;
        operationSchema.parse(operation);
        // Nothing goes on by itself after a restart.
        expect(operation.steps.map((step) => step.state)).not.toContain('running');
        expect(hasEnded(operation)).toBe(operation.state !== 'interrupted');
        if (!hasEnded(operation)) expect(operation.error).not.toBeNull();
        // Steps are done in order: nothing was begun after the first that is not done.
        const next = nextStep(state.operation);
        for (const step of operation.steps.slice((next?.index ?? 3) + 1)) {
          expect(['waiting', 'skipped']).toContain(step.state);
        }
        for (const step of operation.steps) expect(step.state === 'done' && step.endedAt === null).toBe(false);
        // A step can have run only where the host was asked and the VM locked.
        if (operation.steps.some((step) => step.startedAt !== null)) expect(state.jobFolder).toBe('/jobs');
      }),
      { numRuns: 500 },
    );
  });

  test('has a running step without an end as unknown', () => {
    const state = record(...entries.slice(0, 2), { type: 'stepStarting', index: 0, alreadyMet: true, attempt: 0 });
    expect(state.operation.steps[0]?.state).toBe('running');
    const restarted = afterRestart(state);
    expect(restarted.operation).toMatchObject({ state: 'interrupted', error: { code: 'outcomeUnknown' } });
    expect(restarted.operation.steps[0]?.state).toBe('unknown');
    expect(restarted.alreadyMet).toBe(true);
  });

  test.each<[string, readonly JournalEntry[]]>([
    ['no beginning', [{ type: 'cleanedUp' }]],
    ['two beginnings', [...entries.slice(0, 1), ...entries.slice(0, 1)]],
    [
      'a step before the VM is locked',
      [...entries.slice(0, 1), { type: 'stepStarting', index: 0, alreadyMet: false, attempt: 0 }],
    ],
    [
      'steps in the wrong order',
      [...entries.slice(0, 2), { type: 'stepStarting', index: 1, alreadyMet: false, attempt: 0 }],
    ],
    [
      'a step that ends before it began',
      [...entries.slice(0, 2), { type: 'stepExited', index: 0, exitCode: 0, output: '' }],
    ],
    [
      'a step twice',
      [
        ...entries.slice(0, 2),
        ...entries.slice(3, 6),
        { type: 'stepStarting', index: 0, alreadyMet: false, attempt: 0 },
      ],
    ],
    [
      'more after the end',
      [...entries.slice(0, 2), { type: 'ended', state: 'failed', error }, { type: 'cancelRequested' }],
    ],
    ['a cleaning before the end', [...entries.slice(0, 2), { type: 'cleanedUp' }]],
    ['a refusal after its acceptance', entries.slice(0, 3)],
    ['nothing', []],
  ])('is damaged where it has %s', (_, list) => {
    expect(() => record(...list)).toThrow('cannot come at this place');
  });
});
