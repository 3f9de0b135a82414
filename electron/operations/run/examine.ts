/** Finds out on its host what became of an operation that was cut off. */
import { assertNever } from '../../../shared/assert-never.ts';
import { isInterrupted } from '../../../shared/rules/operations/operation-life.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import { recordInterruption } from './interruption.ts';
import type { LiveOperation } from './live-operation.ts';
import { capital, describeStep } from './operation-messages.ts';
import { goOnAfter, jobReference, outputOf, plannedStep, settle } from './run-steps.ts';
import type { StepContext } from './step-context.ts';

/**
 * Finds out what became of an interrupted operation and records it. Gives `stillRunning` where a step runs on: the
 * operation is running again, and `followReattached` waits for it. Throws where the host cannot be asked. The caller has
 * the operation's turn.
 */
export async function examine(context: StepContext, live: LiveOperation): Promise<'stillRunning' | 'settled'> {
  if (!isInterrupted(live.operation)) return 'settled';
  try {
    return await findOut(context, live);
  } catch (cause) {
    // What was found before is recorded, and with it the operation went on: it must not seem to run.
    await recordInterruption(context, live, cause);
    throw cause;
  }
}

async function findOut(context: StepContext, live: LiveOperation): Promise<'stillRunning' | 'settled'> {
  const { plan } = live.operation;
  const next = nextStep(live.operation);
  if (!next || next.state === 'waiting') {
    const { inventory } = await context.readHost(plan.hostId);
    await goOnAfter(context, live, inventory);
    return 'settled';
  }
  switch (next.state) {
    case 'running':
    case 'unknown': {
      const step = plannedStep(live, next.index);
      const status = await context.toolsFor(plan.hostId).inspect(jobReference(live, step));
      if (status.state === 'running') {
        await live.record({
          type: 'examined',
          examination: {
            at: context.clock(),
            finding: 'stillRunning',
            message: `${capital(describeStep(plan, step.index))} still runs on ${plan.hostName}. Snaptree waits for it again.`,
            choices: [],
          },
        });
        await live.record({ type: 'continued', why: 'reattached' });
        live.showOutput(step.index, outputOf(status));
        return 'stillRunning';
      }
      const after = await settle(context, live, step, status);
      if (after) await goOnAfter(context, live, after);
      return 'settled';
    }
    case 'done':
    case 'failed':
    case 'cancelled':
    case 'skipped':
      throw new Error(`a step that is ${next.state} is not the next one`);
    default:
      return assertNever(next.state);
  }
}
