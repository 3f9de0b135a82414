/** Steps that do the same to one thing after the other, as one block: a subtree may be thousands. Pure. */
import type { PlanStep } from '../../shared/model/plan.ts';

export interface StepBlock {
  readonly first: PlanStep;
  /** Steps that differ from the first in one argument, and in what they are called and do to it. May be empty. */
  readonly rest: readonly PlanStep[];
}

/** Fewer alike stand each for itself. */
const leastFolded = 3;

export function foldSteps(steps: readonly PlanStep[]): readonly StepBlock[] {
  const blocks: { first: PlanStep; rest: PlanStep[] }[] = [];
  for (const step of steps) {
    const last = blocks.at(-1);
    if (last && isAlike(last.first, step)) last.rest.push(step);
    else blocks.push({ first: step, rest: [] });
  }
  return blocks.flatMap((block) =>
    block.rest.length + 1 >= leastFolded
      ? [block]
      : [block.first, ...block.rest].map((first): StepBlock => ({ first, rest: [] })),
  );
}

const effects = ['reads', 'writes', 'creates', 'invalidates', 'deletes'] as const;

/** The same command but for one argument, with effects of the same kinds. */
function isAlike(a: PlanStep, b: PlanStep): boolean {
  const differing = a.argv.filter((argument, index) => argument !== b.argv[index]).length;
  return (
    a.argv.length === b.argv.length &&
    differing <= 1 &&
    a.argv[0] === b.argv[0] &&
    a.group === b.group &&
    a.runs === b.runs &&
    effects.every((effect) => a[effect].length > 0 === b[effect].length > 0)
  );
}
