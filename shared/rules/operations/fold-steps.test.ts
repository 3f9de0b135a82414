import { describe, expect, it } from 'vitest';
import type { PlanStep } from '../../model/plan.ts';
import { blockProgress, differingArguments, foldSteps, stretches } from './fold-steps.ts';

const nothing = { reads: [], writes: [], creates: [], invalidates: [], deletes: [], verify: [] };

function step(index: number, argv: readonly string[], change: Partial<PlanStep> = {}): PlanStep {
  // Of a step only what is done matters here.
  return { ...nothing, index, title: `step ${index}`, argv: [...argv], ...change } as unknown as PlanStep;
}

const remove = (index: number, name: string) => step(index, ['virsh', 'snapshot-delete', name]);
const shape = (steps: readonly PlanStep[]) =>
  foldSteps(steps).map(({ first, rest }) => [first.index, ...rest.map(({ index }) => index)]);

describe('foldSteps', () => {
  it('folds three and more that differ in one argument, and leaves two and others alone', () => {
    expect(shape([remove(0, 'a'), remove(1, 'b'), remove(2, 'c')])).toEqual([[0, 1, 2]]);
    expect(shape([remove(0, 'a'), remove(1, 'b')])).toEqual([[0], [1]]);
    const check = step(0, ['qemu-img', 'check', 'x']);
    expect(shape([check, remove(1, 'a'), remove(2, 'b'), remove(3, 'c')])).toEqual([[0], [1, 2, 3]]);
  });

  it('does not fold what does another thing to what it touches', () => {
    const steps = [remove(0, 'a'), remove(1, 'b'), step(2, ['virsh', 'snapshot-delete', 'c'], { deletes: ['/c'] })];
    expect(shape(steps)).toEqual([[0], [1], [2]]);
    const twoDiffer = step(2, ['virsh', 'snapshot-revert', 'c']);
    expect(shape([remove(0, 'a'), remove(1, 'b'), twoDiffer])).toEqual([[0], [1], [2]]);
  });

  it('does not fold other scripts, nor what is cancelled otherwise', () => {
    const script = (index: number) => step(index, ['sh', '-c', `first\nsecond ${index}`, 'sh', '/a']);
    expect(shape([0, 1, 2].map(script))).toEqual([[0], [1], [2]]);
    const last = step(2, ['virsh', 'snapshot-delete', 'c'], { cancellation: 'abort' });
    expect(shape([remove(0, 'a'), remove(1, 'b'), last])).toEqual([[0], [1], [2]]);
  });

  it('tells which argument differs', () => {
    expect(differingArguments(remove(0, 'a'), remove(1, 'b'))).toEqual(['b']);
    expect(differingArguments(remove(0, 'a'), remove(1, 'a'))).toEqual([]);
  });
});

describe('blockProgress', () => {
  it.each([
    ['waiting', 0, false, ['waiting', 'waiting', 'waiting']],
    ['running', 1, true, ['done', 'running', 'waiting']],
    // Between two steps it does not close for a moment.
    ['running', 1, true, ['done', 'waiting', 'waiting']],
    ['failed', 1, true, ['done', 'failed', 'skipped']],
    ['unknown', 1, true, ['done', 'unknown', 'waiting']],
    ['cancelled', 1, true, ['done', 'cancelled', 'skipped']],
    ['skipped', 1, false, ['done', 'skipped', 'skipped']],
    ['done', 3, false, ['done', 'done', 'done']],
  ] as const)('is %s with %i done, and open: %s', (state, done, isOpen, states) => {
    expect(blockProgress(states)).toEqual({ state, done, all: 3, isOpen });
  });
});

describe('stretches', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const [block] = foldSteps(names.map((name, index) => remove(index, name)));
  const of = (letters: string) => {
    const states = Array.from(letters).map((letter) =>
      letter === 'd' ? 'done' : letter === 'r' ? 'running' : letter === 'f' ? 'failed' : 'waiting',
    );
    return block && stretches(block, states).map(({ steps }) => steps.map(({ index }) => index).join(' '));
  };

  it('keep what runs or failed in sight', () => {
    expect(of('dddrwwww')).toEqual(['0 1 2', '3', '4 5 6 7']);
    expect(of('ddddffww')).toEqual(['0 1 2 3', '4', '5', '6', '7']);
    expect(of('dddddwww')).toEqual(['0 1 2 3 4', '5 6 7']);
  });

  it('are none where all are the same, so that who opens the block sees them', () => {
    expect(of('dddddddd')).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  });
});
