import { expect, it } from 'vitest';
import type { OperationStep } from '../../../../shared/model/operation.ts';
import { operationOf, planWith } from '../cli.fixtures.ts';
import { operationStepLines } from './operation-text.ts';

const [example] = planWith().steps;
if (!example) throw new Error('There is no step.');
const remove = (name: string, index: number) => ({
  ...example,
  index,
  title: `Delete "${name}"`,
  argv: ['virsh', name],
});
const plan = planWith({ steps: ['a', 'b', 'c', 'd'].map(remove) });
const run = (index: number, state: OperationStep['state'], output = ''): OperationStep => ({
  index,
  state,
  startedAt: null,
  endedAt: null,
  exitCode: null,
  output,
});

it('steps that are alike and went alike are one line', () => {
  const steps = plan.steps.map(({ index }) => run(index, 'done', 'deleted\n'));
  expect(operationStepLines(operationOf(plan, { steps }))).toEqual([
    'Steps 1 to 4 of 4: done: Delete "a", and 3 more that are alike',
  ]);
});

it('of these, one that did not go well stands for itself, with what it printed', () => {
  const steps = [run(0, 'done'), run(1, 'failed', 'error: no\nbecause'), run(2, 'waiting'), run(3, 'waiting')];
  expect(operationStepLines(operationOf(plan, { steps }))).toEqual([
    'Step 1 of 4: done: Delete "a"',
    'Step 2 of 4: failed: Delete "b"',
    '  error: no',
    '  because',
    'Step 3 of 4: waiting: Delete "c"',
    'Step 4 of 4: waiting: Delete "d"',
  ]);
});
