/** What is offered to the user of an operation that does not go on by itself. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Resolution } from '../../../shared/model/operation.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';
import { goesOnBefore, mayStop, nextStep, undoSteps } from '../../../shared/rules/operations/step-order.ts';
import { endByOutcome } from './end-operation.ts';
import { besidesOwnWork } from './own-work.ts';
import { compareStates } from '../plans/state-digest.ts';
import type { LiveOperation } from './live-operation.ts';
import { leftFiles } from './left-files.ts';
import {
  capital,
  cutOff,
  describePlan,
  describeStep,
  filesStay,
  leftToTakeBack,
  savedBefore,
} from './operation-messages.ts';
import { restDifferences } from './rest-of-plan.ts';
import type { StepContext } from './step-context.ts';

/** No step runs, and the next one has not begun: says whether the rest may be run on the host as it is. */
export async function offerRest(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  const { plan } = live.operation;
  const progress = live.operation;
  const next = nextStep(progress);
  if (!next || (live.state.cancelRequested && mayStop(progress))) {
    await endByOutcome(context, live, inventory);
    return;
  }
  const comparison = compareStates(plan, inventory, live.state.expectedState);
  const done =
    next.index === 0
      ? 'Nothing of it was run.'
      : `${next.index} of ${plan.steps.length} steps are done and verified, the next one has not begun.`;
  const undo: readonly Resolution[] = undoSteps(progress).length > 0 && next.index > 0 ? ['undo'] : [];
  const goesOn = comparison === 'same' && goesOnBefore(plan.steps, next.index);
  const differences = goesOn ? restDifferences(context, live, inventory) : [];
  const isResumable = goesOn && differences.length === 0;
  const rest =
    comparison === 'same'
      ? !isResumable
        ? `${plan.hostName} is as it should be at this point, but ${describePlan(plan)} does not go on from there.${otherwiseNow(differences)} Forget it, which unlocks the VM, and plan from what is there now.`
        : `${plan.hostName} is as it should be at this point, so ${describePlan(plan)} can be resumed with ${describeStep(plan, next.index)}, or forgotten, which unlocks the VM.`
      : `${
          comparison === 'changed'
            ? `But ${plan.hostName} has changed meanwhile, so the rest of ${describePlan(plan)} does not fit any more.`
            : `But ${describePlan(plan)} was begun by another version of Snaptree, and this one cannot tell whether ${plan.hostName} is still as it was then.`
        } Forget it, which unlocks the VM, and plan from what is there now.`;
  await live.record({
    type: 'examined',
    examination: {
      at: context.clock(),
      finding: next.index === 0 ? 'notStarted' : 'partlyDone',
      message: `${done} ${rest}${savedBefore(live.operation)}${filesStay(leftFiles(live.operation, inventory))}${leftToTakeBack(live.operation, undoSteps(progress))}`,
      choices: [...(isResumable ? (['resume'] as const) : []), ...undo, 'forget'],
    },
  });
}

function otherwiseNow(differences: readonly string[]): string {
  return differences.length === 0 ? '' : ` What is left of it would be done otherwise now: ${differences.join(' ')}`;
}

/** What is known of a step that the host tells nothing of. */
export interface Unclear {
  /** In words, as the end of a sentence that names the step. */
  readonly why: string;
  /** Whether its command is known to run no more. */
  readonly hasEnded: boolean;
  readonly inventory: Inventory;
}

/** It cannot be told what became of a step: records what may be done about it. */
export async function recordUnclear(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  { why, hasEnded, inventory }: Unclear,
): Promise<void> {
  const { plan } = live.operation;
  const undo = undoSteps(live.operation);
  const compared = besidesOwnWork(step, plan.vmUuid, inventory);
  const isUnchanged = compareStates(plan, compared, live.state.expectedState) === 'same';
  const mayBeRepeated = step.whenInterrupted === 'redo' || step.whenInterrupted === 'takeUp';
  const isAsBefore = mayBeRepeated && hasEnded && isUnchanged;
  const differences = isAsBefore ? restDifferences(context, live, inventory) : [];
  const choices: readonly Resolution[] = [
    ...(isAsBefore && differences.length === 0 ? (['resume'] as const) : []),
    ...(hasEnded && undo.length > 0 ? (['undo'] as const) : []),
    'forget',
  ];
  const advice = choices.includes('resume')
    ? step.whenInterrupted === 'takeUp'
      ? 'It does no harm to run it again: resume does that, and takes up what still works at it.'
      : 'It does no harm to run it again: resume does that.'
    : `It is not run again.${otherwiseNow(differences)} Look at the VM, then forget this operation, which unlocks the VM.`;
  const message = `What became of ${describeStep(plan, step.index)} cannot be told: ${why} ${advice}${savedBefore(live.operation)}${filesStay(leftFiles(live.operation, inventory))}${leftToTakeBack(live.operation, undo)}`;
  if (live.operation.error === null) {
    await live.record({ type: 'interrupted', error: cutOff(plan, step.index, new Error(capital(why))).toData() });
  }
  await live.record({
    type: 'examined',
    examination: { at: context.clock(), finding: 'unclear', message, choices: [...choices] },
  });
}
