import { describe, expect, it } from 'vitest';
import type { PlanStep } from '../../shared/model/plan.ts';
import { foldSteps } from './fold-steps.ts';

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
});
