/** How an operation ends. */
import type { SnaptreeError } from '../../../shared/errors.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { OperationStep } from '../../../shared/model/operation.ts';
import { brokenStep, nextStep } from '../../../shared/rules/operations/step-order.ts';
import { checkExpectations } from '../plans/expectations.ts';
import type { LiveOperation } from './live-operation.ts';
import { leftFiles } from './left-files.ts';
import { cancelledAfter, sayingWhatIsLeft, stepAborted, stepFailed, takenBack } from './operation-messages.ts';
import type { StepContext } from './step-context.ts';

/** Ends an operation, and leaves nothing of it on its host. */
export async function end(
  context: StepContext,
  live: LiveOperation,
  state: 'succeeded' | 'failed' | 'cancelled' | 'forgotten',
  error: SnaptreeError | null,
): Promise<void> {
  await live.record({ type: 'ended', state, error: error?.toData() ?? null });
  await context.audit('operationEnded', live, { outcome: state, output: error?.message ?? '' });
  await context.cleanUp(live);
}

/**
 * Ends an operation of which nothing more is to be run, as its steps ended.
 *
 * @param inventory the host as it was read just before
 */
export async function endByOutcome(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  const { plan, steps } = live.operation;
  const progress = live.operation;
  const saying = (error: SnaptreeError) => sayingWhatIsLeft(error, leftFiles(live.operation, inventory));
  if (live.operation.isUndoing) {
    const failed = steps.find(({ index, state }) => state === 'failed' && plan.steps[index]?.runs !== 'inOrder');
    await end(context, live, failed ? 'failed' : 'cancelled', saying(takenBack(live.operation, failed !== undefined)));
    return;
  }
  const broken = brokenStep(progress);
  if (broken?.state === 'cancelled') {
    await end(context, live, 'cancelled', saying(stepAborted(live.operation, broken.index)));
    return;
  }
  if (broken) {
    await end(context, live, 'failed', saying(failureOf(live, broken, inventory)));
    return;
  }
  const next = nextStep(progress);
  await end(context, live, next ? 'cancelled' : 'succeeded', next ? saying(cancelledAfter(plan, next.index)) : null);
}

function failureOf(
  live: LiveOperation,
  { index, exitCode, output }: OperationStep,
  inventory: Inventory,
): SnaptreeError {
  const { operation, failure } = live;
  const step = operation.plan.steps[index];
  if (!step) throw new Error(`the plan has no step ${index}`);
  const check = checkExpectations(step.verify, operation.plan.vmUuid, inventory);
  const { stderr, alreadyMet } =
    failure?.index === index ? failure : { stderr: output, alreadyMet: live.state.alreadyMet };
  return stepFailed({ operation, step, exitCode, stderr, check, alreadyMet });
}
