/** What its user decides about an operation that was cut off. */
import { SnaptreeError } from '../../../shared/errors.ts';
import { hasEnded } from '../../../shared/rules/operations/operation-life.ts';
import type { Admission } from './admission.ts';
import type { LiveOperation } from './live-operation.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import { notResolvable } from './operation-messages.ts';
import { end } from './end-operation.ts';
import { examine } from './examine.ts';
import { followReattached, jobReference, plannedStep, runSteps } from './run-steps.ts';
import type { StepContext } from './step-context.ts';

/** Goes on in the background; whoever asked has their answer. */
export type InBackground = (live: LiveOperation, task: () => Promise<unknown>) => void;

/**
 * Examines an operation again and goes on with the steps that are not done, or with those that take back what was begun;
 * answers when they run. The caller has its turn. Throws `operationNotResolvable`, `vmLocked`, `planStale`,
 * `hostReadOnly`, and what connecting and reading throw.
 */
export async function goOn(
  context: StepContext,
  admission: Admission,
  live: LiveOperation,
  choice: 'resume' | 'undo',
  inBackground: InBackground,
): Promise<void> {
  admission.refuseReadOnly(live.operation.plan);
  const found = await examine(context, live);
  if (found === 'stillRunning') {
    inBackground(live, () => followReattached(context, live));
    return;
  }
  if (hasEnded(live.operation)) return;
  const { plan, examination } = live.operation;
  if (!examination?.choices.includes(choice)) {
    throw notResolvable(plan, examination?.message ?? 'This cannot be done with it.');
  }
  const inventory = await (choice === 'resume' ? admission.acceptRest(live) : admission.acceptUndo(live));
  inBackground(live, () => runSteps(context, live, inventory));
}

/**
 * Lets an operation be as it is, and unlocks its VM: at once, or when its host is connected. The caller has its turn.
 * Throws `operationNotResolvable` where its step still runs.
 */
export async function forget(context: StepContext, live: LiveOperation): Promise<void> {
  const { plan, error } = live.operation;
  const next = nextStep(live.operation);
  const { jobFolder } = live.state;
  if (next?.state === 'unknown' && jobFolder !== null) {
    let status = null;
    try {
      status = await context.toolsFor(plan.hostId).inspect(jobReference(live, plannedStep(live, next.index)));
    } catch (cause) {
      context.log.warn('an operation is forgotten without its host', { operationId: live.id, error: cause });
    }
    if (status?.state === 'running') {
      throw notResolvable(
        plan,
        'Its step still runs on the host. Examine it; it can be forgotten when the step has ended.',
      );
    }
  }
  await end(context, live, 'forgotten', error && SnaptreeError.fromData(error));
}
