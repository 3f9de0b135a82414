/** Steps that do the same to one thing after the other, as one block: a subtree may be thousands. Pure. */
import type { OperationStep, StepState } from '../../model/operation.ts';
import type { PlanStep } from '../../model/plan.ts';

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
const meanings = ['group', 'runs', 'cancellation', 'whenInterrupted', 'onlyLooks'] as const;

/** The same command but for one argument, with effects of the same kinds. */
function isAlike(a: PlanStep, b: PlanStep): boolean {
  const differing = differingArguments(a, b);
  return (
    a.argv.length === b.argv.length &&
    differing.length <= 1 &&
    // Another script is another command.
    !differing.some((argument) => argument.includes('\n')) &&
    a.argv[0] === b.argv[0] &&
    meanings.every((meaning) => a[meaning] === b[meaning]) &&
    effects.every((effect) => a[effect].length > 0 === b[effect].length > 0)
  );
}

/** The arguments of `step` that `other` has not in the same place. */
export function differingArguments(other: Pick<PlanStep, 'argv'>, step: Pick<PlanStep, 'argv'>): readonly string[] {
  return step.argv.filter((argument, index) => argument !== other.argv[index]);
}

/** How far a block of steps is. */
export interface BlockProgress {
  readonly done: number;
  readonly all: number;
  /** Of the step that somebody has to look at, if there is one; between two steps `running`. */
  readonly state: StepState;
  /** Whether there is something to see: a step runs, or did not come to its end, or a part of them is done. */
  readonly isOpen: boolean;
}

/** What stands out, the most important first. */
const outstandingStates = ['failed', 'unknown', 'cancelled', 'running'] as const;

/** Whether a step in this state is to be looked at. */
export function standsOut(state: StepState): boolean {
  return outstandingStates.some((each) => each === state);
}

/** @param states of the steps of a block, in order */
export function blockProgress(states: readonly StepState[]): BlockProgress {
  const all = states.length;
  const done = states.filter((state) => state === 'done').length;
  const waiting = states.filter((state) => state === 'waiting').length;
  const outstanding = outstandingStates.find((state) => states.includes(state));
  const state =
    outstanding ?? (done === all ? 'done' : waiting === all ? 'waiting' : waiting > 0 ? 'running' : 'skipped');
  return { done, all, state, isOpen: outstanding !== undefined || state === 'running' };
}

/** Steps of a block that follow each other and are in the same state. */
export interface Stretch {
  readonly state: StepState;
  readonly steps: readonly PlanStep[];
}

/**
 * What an open block shows: steps that stand out, and short stretches, each for itself; the others as one, so that what runs is in
 * sight. All for themselves where none differs from the others.
 */
export function stretches(block: StepBlock, states: readonly StepState[]): readonly Stretch[] {
  const found: { state: StepState; steps: PlanStep[] }[] = [];
  for (const [position, step] of [block.first, ...block.rest].entries()) {
    const state = states[position] ?? 'waiting';
    const last = found.at(-1);
    if (last?.state === state) last.steps.push(step);
    else found.push({ state, steps: [step] });
  }
  return found.flatMap(({ state, steps }) =>
    found.length > 1 && steps.length >= leastFolded && !standsOut(state)
      ? [{ state, steps }]
      : steps.map((step): Stretch => ({ state, steps: [step] })),
  );
}

/** The states of a block's steps in an operation; what has no record waits. */
export function statesOf({ first, rest }: StepBlock, runs: ReadonlyMap<number, OperationStep>): readonly StepState[] {
  return [first, ...rest].map(({ index }) => runs.get(index)?.state ?? 'waiting');
}
