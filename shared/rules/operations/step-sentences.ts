/** What the data of a plan's steps mean, in sentences. The only place that says them. Pure. */
import { assertNever } from '../../assert-never.ts';
import type { Resolution } from '../../model/operation.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';
import { cancelEffect } from './step-order.ts';
import type { StepProgress } from './step-order.ts';

/** What a cancel does now; `possible` is false where it does nothing. */
export function cancelMeaning(progress: StepProgress): { readonly possible: boolean; readonly sentence: string } {
  const effect = cancelEffect(progress);
  switch (effect.kind) {
    case 'abort':
      return {
        possible: true,
        sentence: `Step ${effect.index + 1} is ended at once${undone(progress.plan, effect.index)}.`,
      };
    case 'stopBefore': {
      const before = progress.plan.steps[effect.index - 1];
      const sentence =
        before === undefined
          ? 'Nothing is run.'
          : `Step ${before.index + 1} is finished first: a step is not cut off in the middle${before.group === null ? '' : ', and the steps before it belong together'}. What comes after it is not run.`;
      return { possible: true, sentence };
    }
    case 'none':
      return { possible: false, sentence: 'It can no longer be stopped: what runs now is the end of it.' };
    default:
      return assertNever(effect);
  }
}

/** What a cancel does while this step of a plan runs. */
export function stepCancelMeaning(plan: Pick<Plan, 'steps'>, step: PlanStep): string {
  const steps = plan.steps.map(({ index }) => ({
    index,
    state: index < step.index ? ('done' as const) : index === step.index ? ('running' as const) : ('waiting' as const),
    startedAt: null,
    endedAt: null,
    exitCode: null,
    output: '',
  }));
  const { possible, sentence } = cancelMeaning({ plan, steps, isUndoing: false });
  return possible ? sentence : 'This step cannot be stopped once it has begun, and nothing after it can be left out.';
}

function undone({ steps }: Pick<Plan, 'steps'>, index: number): string {
  const group = steps[index]?.group ?? null;
  const own = steps.filter((step) => group !== null && step.group === group && step.runs !== 'inOrder');
  if (own.some(({ runs }) => runs === 'onFailure')) return ', and what its group has begun is taken back';
  return own.length === 0 ? '' : `, and step ${own.map((step) => step.index + 1).join(', ')} is run all the same`;
}

/** What is done where a step is found cut off. */
export function interruptedMeaning({ whenInterrupted }: Pick<PlanStep, 'whenInterrupted'>): string {
  const read = 'The host is read again: it shows whether the step is done.';
  switch (whenInterrupted) {
    case 'redo':
      return `${read} If not, it can be run again.`;
    case 'examine':
      return `${read} If it cannot be told, nothing is run again, and the VM is to be looked at.`;
    case 'takeUp':
      return `${read} If not, it can be run again; where the host still works at it, it is waited for.`;
    case 'undo':
      return `${read} If not, what was begun can be taken back.`;
    default:
      return assertNever(whenInterrupted);
  }
}

/** When a step is run that is not run in any case; null for an ordinary one. */
export function runsMeaning({ runs }: Pick<PlanStep, 'runs'>): string | null {
  switch (runs) {
    case 'inOrder':
      return null;
    case 'always':
      return 'Run in any case, also when a step before it fails.';
    case 'onFailure':
      return 'Run only when a step before it fails.';
    default:
      return assertNever(runs);
  }
}

/** What a decision about an interrupted operation does. */
export function resolutionMeaning(choice: Resolution): string {
  switch (choice) {
    case 'resume':
      return 'Resume plans the change again and goes on with the steps that are not done.';
    case 'undo':
      return 'Undo runs the steps that take back what was begun.';
    case 'forget':
      return 'Forget leaves everything on the host as it is, and unlocks the VM.';
    default:
      return assertNever(choice);
  }
}
