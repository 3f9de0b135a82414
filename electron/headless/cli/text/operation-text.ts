/** The steps of an operation as text: how each ended, and what it printed. */
import type { Operation } from '../../../../shared/model/operation.ts';
import type { PlanStep } from '../../../../shared/model/plan.ts';
import {
  foldSteps,
  standsOut,
  statesOf,
  stretches,
  type StepBlock,
} from '../../../../shared/rules/operations/fold-steps.ts';
import { shownSentence } from '../output.ts';

type Runs = ReadonlyMap<number, Operation['steps'][number]>;

/** Steps that are alike and in the same state are one line, without what they printed; those that did not go well are not. */
export function operationStepLines({ plan, steps }: Pick<Operation, 'plan' | 'steps'>): readonly string[] {
  const runs: Runs = new Map(steps.map((run) => [run.index, run]));
  const all = plan.steps.length;
  return foldSteps(plan.steps).flatMap((block) =>
    partsOf(block, runs).flatMap((part) => {
      const [first, ...rest] = part;
      return first === undefined
        ? []
        : rest.length === 0
          ? stepLines(first, all, runs)
          : [
              `Steps ${first.index + 1} to ${first.index + part.length} of ${all}: ${stateOf(first, runs)}: ${titleWith(first, rest.length)}`,
            ];
    }),
  );
}

function partsOf(block: StepBlock, runs: Runs): readonly (readonly PlanStep[])[] {
  const states = statesOf(block, runs);
  const [state] = states;
  const isOnePart = state !== undefined && !standsOut(state) && states.every((each) => each === state);
  return isOnePart ? [[block.first, ...block.rest]] : stretches(block, states).map((stretch) => stretch.steps);
}

function titleWith({ title }: PlanStep, more: number): string {
  return `${shownSentence(title)}, and ${more} more that ${more === 1 ? 'is' : 'are'} alike`;
}

function stateOf({ index }: PlanStep, runs: Runs): string {
  return runs.get(index)?.state ?? 'waiting';
}

function stepLines(step: PlanStep, all: number, runs: Runs): readonly string[] {
  const output = runs.get(step.index)?.output.trim() ?? '';
  return [
    `Step ${step.index + 1} of ${all}: ${stateOf(step, runs)}: ${shownSentence(step.title)}`,
    ...(output === '' ? [] : output.split('\n').map((line) => `  ${shownSentence(line)}`)),
  ];
}
