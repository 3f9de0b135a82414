/** What is left of an operation that was cut off, against what would be planned for its host as it is now. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import { resumeDifferences } from '../plans/same-steps.ts';
import type { LiveOperation } from './live-operation.ts';
import { besidesOwnWork } from './own-work.ts';
import type { StepContext } from './step-context.ts';

/** The step that was begun and has not ended, as far as is known. */
export function begunStep(live: LiveOperation): PlanStep | undefined {
  const next = nextStep(live.operation);
  return next && next.state !== 'waiting' ? live.operation.plan.steps[next.index] : undefined;
}

/**
 * Why the rest cannot be run as it was reviewed, each in a sentence; empty where it can. Only what passes here is offered to be
 * resumed, and it is asked again when somebody does: what is run is what was reviewed, whatever the disk that holds the journal made
 * of it.
 */
export function restDifferences(
  context: Pick<StepContext, 'planAgain'>,
  live: LiveOperation,
  inventory: Inventory,
): readonly string[] {
  const { plan } = live.operation;
  const next = nextStep(live.operation)?.index ?? plan.steps.length;
  const compared = besidesOwnWork(begunStep(live), plan.vmUuid, inventory);
  return resumeDifferences(plan, next, () => context.planAgain(plan, compared, next));
}
