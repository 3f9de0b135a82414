/**
 * In which order the steps of a plan are run, where an operation may stop, and what is run when one of them fails. Pure:
 * whoever runs the steps and whoever shows what a cancel would do go by the same rules.
 */
import type { OperationStep, StepState } from '../../model/operation.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';

/** How far the steps of a plan are, as an operation says it. */
export interface StepProgress {
  readonly plan: Pick<Plan, 'steps'>;
  readonly steps: readonly OperationStep[];
  /** Its user wants what its group has begun to be taken back. */
  readonly isUndoing: boolean;
}

const begun: readonly StepState[] = ['running', 'unknown'];
const broken: readonly StepState[] = ['failed', 'cancelled'];

function planned({ plan }: StepProgress, index: number): PlanStep {
  const step = plan.steps[index];
  if (!step) throw new Error(`the plan has no step ${index}`);
  return step;
}

/** The first step that failed or was aborted; null where none was. After it only what takes things back is run. */
export function brokenStep({ steps }: Pick<StepProgress, 'steps'>): OperationStep | null {
  return steps.find(({ state }) => broken.includes(state)) ?? null;
}

/** The group of the step that was begun last; null where none was, or it stands alone. */
function presentGroup(progress: StepProgress): string | null {
  const last = progress.steps.findLast(({ state }) => state !== 'waiting' && state !== 'skipped');
  return last ? planned(progress, last.index).group : null;
}

/** The steps that take back what the present group has begun, and have not been run. */
export function undoSteps(progress: StepProgress): readonly OperationStep[] {
  const group = presentGroup(progress);
  if (group === null) return [];
  return progress.steps.filter(({ index, state }) => {
    const step = planned(progress, index);
    return step.group === group && step.runs !== 'inOrder' && (state === 'waiting' || begun.includes(state));
  });
}

/** The step that runs, or may have run, or comes next; null where none is left to run. */
export function nextStep(progress: StepProgress): OperationStep | null {
  if (progress.isUndoing || brokenStep(progress)) return undoSteps(progress)[0] ?? null;
  return (
    progress.steps.find(
      ({ index, state }) =>
        begun.includes(state) || (state === 'waiting' && planned(progress, index).runs !== 'onFailure'),
    ) ?? null
  );
}

/** Whether the operation may stop before `next`, where everything before it has ended. */
function mayStopBefore(progress: StepProgress, next: PlanStep): boolean {
  const before = progress.plan.steps[next.index - 1];
  return before?.cancellation !== 'never' && (next.group === null || before?.group !== next.group);
}

/** Whether the operation may be stopped where it is: between two steps that do not belong together. */
export function mayStop(progress: StepProgress): boolean {
  const next = nextStep(progress);
  if (!next || progress.isUndoing || brokenStep(progress)) return false;
  return !begun.includes(next.state) && mayStopBefore(progress, planned(progress, next.index));
}

/** Whether a plan that was cut off before this step may go on from there: not in the middle of steps that are begun anew together. */
export function goesOnBefore(steps: readonly Pick<PlanStep, 'group' | 'whenInterrupted'>[], index: number): boolean {
  const next = steps[index];
  return next?.whenInterrupted !== 'undo' || next.group !== steps[index - 1]?.group;
}

export type CancelEffect =
  /** The running step's command is ended. */
  | { readonly kind: 'abort'; readonly index: number }
  /** The steps before this one are finished first; this one and those after it are not begun. */
  | { readonly kind: 'stopBefore'; readonly index: number }
  /** There is nothing left that could be left out. */
  | { readonly kind: 'none' };

/** What a cancel does now. */
export function cancelEffect(progress: StepProgress): CancelEffect {
  const next = nextStep(progress);
  if (!next || progress.isUndoing || brokenStep(progress)) return { kind: 'none' };
  const runs = begun.includes(next.state);
  if (runs && planned(progress, next.index).cancellation === 'abort') return { kind: 'abort', index: next.index };
  const stop = progress.plan.steps.find(
    (step) => step.index >= next.index + (runs ? 1 : 0) && step.runs === 'inOrder' && mayStopBefore(progress, step),
  );
  return stop ? { kind: 'stopBefore', index: stop.index } : { kind: 'none' };
}
