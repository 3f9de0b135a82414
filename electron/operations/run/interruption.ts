/** Records that an operation was cut off. */
import { hasEnded, isInterrupted } from '../../../shared/rules/operations/operation-life.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import type { LiveOperation } from './live-operation.ts';
import { cutOff } from './operation-messages.ts';
import type { StepContext } from './step-context.ts';

export async function interruptOnError(
  context: StepContext,
  live: LiveOperation,
  task: () => Promise<void>,
): Promise<void> {
  try {
    await task();
  } catch (cause) {
    await recordInterruption(context, live, cause);
  }
}

/** Never throws. */
export async function recordInterruption(context: StepContext, live: LiveOperation, cause: unknown): Promise<void> {
  // Closing: what the journal says now is what the next start goes by.
  if (live.closed || hasEnded(live.operation) || isInterrupted(live.operation)) return;
  const next = nextStep(live.operation);
  const begun = next && next.state !== 'waiting' ? next.index : null;
  const error = cutOff(live.operation.plan, begun, cause).toData();
  try {
    await live.record({ type: 'interrupted', error });
  } catch {
    live.interruptInMemory(error);
  }
  await context.audit('interrupted', live, { stepIndex: begun, outcome: 'unknown', output: error.message });
}
