import { describe, expect, it } from 'vitest';
import type { OperationStep, StepState } from '../../model/operation.ts';
import type { PlanStep } from '../../model/plan.ts';
import { brokenStep, cancelEffect, mayStop, nextStep, undoSteps } from './step-order.ts';
import type { StepProgress } from './step-order.ts';
import { cancelMeaning, interruptedMeaning, stepCancelMeaning } from './step-sentences.ts';

type Rules = Partial<Pick<PlanStep, 'cancellation' | 'group' | 'runs' | 'whenInterrupted'>>;

/** A plan whose steps have these rules, and how far each step is. */
function progress(steps: readonly (readonly [StepState, Rules?])[], isUndoing = false): StepProgress {
  const planned = steps.map(([, rules], index): PlanStep => ({
    index,
    title: `step ${index}`,
    argv: ['x'],
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [],
    cancellation: 'betweenSteps',
    whenInterrupted: 'examine',
    group: null,
    runs: 'inOrder',
    ...rules,
  }));
  const run = steps.map(([state], index): OperationStep => ({
    index,
    state,
    startedAt: null,
    endedAt: null,
    exitCode: null,
    output: '',
  }));
  return { plan: { steps: planned }, steps: run, isUndoing };
}

const together = { group: 'frozen' } as const;
const always = { group: 'frozen', runs: 'always' } as const;
const onFailure = { group: 'frozen', runs: 'onFailure' } as const;
const next = (...parameters: Parameters<typeof progress>) => nextStep(progress(...parameters))?.index ?? null;

describe('the next step', () => {
  it('is the first that is not done', () => {
    expect(next([['done'], ['waiting'], ['waiting']])).toBe(1);
    expect(next([['done'], ['unknown'], ['waiting']])).toBe(1);
    expect(next([['done'], ['done']])).toBeNull();
  });
  it('leaves out what is for failures only, and takes what is run always', () => {
    expect(next([['done', together], ['waiting', onFailure], ['waiting', always], ['waiting']])).toBe(2);
    expect(next([['done', together], ['waiting', onFailure], ['done', always], ['waiting']])).toBe(3);
    expect(
      next([
        ['done', together],
        ['waiting', onFailure],
        ['skipped', always],
      ]),
    ).toBeNull();
  });
  it('is none after a failure, but for what takes the group back, in its order', () => {
    expect(next([['done'], ['failed'], ['waiting']])).toBeNull();
    expect(
      next([
        ['done', together],
        ['failed', together],
        ['waiting', together],
        ['waiting', onFailure],
      ]),
    ).toBe(3);
    expect(next([['failed', together], ['waiting', onFailure], ['waiting', always], ['waiting']])).toBe(1);
    expect(next([['failed', together], ['done', onFailure], ['waiting', always], ['waiting']])).toBe(2);
    // Also where taking back fails: the rest of it is still tried.
    expect(next([['failed', together], ['failed', onFailure], ['waiting', always], ['waiting']])).toBe(2);
    expect(
      next([
        ['cancelled', together],
        ['waiting', onFailure],
      ]),
    ).toBe(1);
  });
  it('is none where what is run always has failed: what comes after it would build on it', () => {
    expect(next([['done', together], ['failed', always], ['waiting']])).toBeNull();
    expect(brokenStep(progress([['done', together], ['failed', always], ['waiting']]))?.index).toBe(1);
  });
  it('is what takes the group back, where its user wants that', () => {
    expect(
      next(
        [
          ['done', together],
          ['waiting', together],
          ['waiting', always],
        ],
        true,
      ),
    ).toBe(2);
    expect(
      next(
        [
          ['done', together],
          ['waiting', together],
          ['done', always],
        ],
        true,
      ),
    ).toBeNull();
  });
  it('takes back nothing of a group that was not begun', () => {
    expect(undoSteps(progress([['done'], ['waiting', together], ['waiting', always]]))).toEqual([]);
    expect(next([['failed'], ['waiting', together], ['waiting', always]])).toBeNull();
  });
});

describe('an operation may stop', () => {
  it.each<[string, boolean, Parameters<typeof progress>[0]]>([
    ['before it begins', true, [['waiting']]],
    ['between two steps', true, [['done'], ['waiting']]],
    ['before a group', true, [['done'], ['waiting', together], ['waiting', together]]],
    ['after a group', true, [['done', together], ['done', always], ['waiting']]],
    [
      'between two groups',
      true,
      [
        ['done', together],
        ['waiting', { group: 'other' }],
      ],
    ],
    [
      'not within a group',
      false,
      [
        ['done', together],
        ['waiting', together],
      ],
    ],
    [
      'not before what is run always',
      false,
      [
        ['done', together],
        ['waiting', always],
      ],
    ],
    ['not after a step after which it must go on', false, [['done', { cancellation: 'never' }], ['waiting']]],
    ['not while a step runs', false, [['running'], ['waiting']]],
    [
      'not while things are taken back',
      false,
      [
        ['failed', together],
        ['waiting', always],
      ],
    ],
    ['not at its end', false, [['done']]],
  ])('%s: %s', (_title, possible, steps) => {
    expect(mayStop(progress(steps))).toBe(possible);
  });
});

describe('a cancel', () => {
  const effect = (...parameters: Parameters<typeof progress>) => cancelEffect(progress(...parameters));

  it('stops before the next step at which that is allowed', () => {
    expect(effect([['running'], ['waiting']])).toEqual({ kind: 'stopBefore', index: 1 });
    expect(effect([['waiting'], ['waiting']])).toEqual({ kind: 'stopBefore', index: 0 });
    expect(effect([['running', together], ['waiting', together], ['waiting', always], ['waiting']])).toEqual({
      kind: 'stopBefore',
      index: 3,
    });
    expect(effect([['running', { cancellation: 'never' }], ['waiting'], ['waiting']])).toEqual({
      kind: 'stopBefore',
      index: 2,
    });
  });
  it('ends the command of a step that allows it', () => {
    expect(effect([['running', { cancellation: 'abort' }]])).toEqual({ kind: 'abort', index: 0 });
    expect(effect([['done'], ['waiting', { cancellation: 'abort' }]])).toEqual({ kind: 'stopBefore', index: 1 });
  });
  it.each<[string, Parameters<typeof progress>]>([
    ['the last step runs', [[['done'], ['running']]]],
    [
      'the last group runs',
      [
        [
          ['running', together],
          ['waiting', together],
          ['waiting', always],
        ],
      ],
    ],
    ['things are taken back', [[['failed', together], ['running', always], ['waiting']]]],
    [
      'its user has things taken back',
      [
        [
          ['done', together],
          ['running', always],
        ],
        true,
      ],
    ],
  ])('does nothing where %s, and says so', (_title, parameters) => {
    expect(effect(...parameters)).toEqual({ kind: 'none' });
    expect(cancelMeaning(progress(...parameters))).toMatchObject({ possible: false });
  });
  it('is said in words that are true of the step', () => {
    const say = (...parameters: Parameters<typeof progress>) => cancelMeaning(progress(...parameters)).sentence;
    expect(say([['running'], ['waiting'], ['waiting']])).toMatch(/^Step 1 is finished first.*What comes after/);
    expect(say([['running', together], ['waiting', always], ['waiting']])).toMatch(/^Step 2 .* belong together/);
    expect(say([['waiting']])).toBe('Nothing is run.');
    expect(
      say([
        ['running', { cancellation: 'abort', group: 'frozen' }],
        ['waiting', always],
      ]),
    ).toContain('step 2 is run all the same');
    const { plan } = progress([['waiting'], ['waiting']]);
    const [first, last] = plan.steps;
    if (!first || !last) throw new Error('no steps');
    expect(stepCancelMeaning(plan, first)).toContain('Step 1 is finished first');
    expect(stepCancelMeaning(plan, last)).toContain('cannot be stopped once it has begun');
    expect(
      new Set((['redo', 'examine', 'undo'] as const).map((each) => interruptedMeaning({ whenInterrupted: each }))).size,
    ).toBe(3);
  });
});
