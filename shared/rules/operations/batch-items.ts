/** The changes of a batch: which are made, and which belong together. Pure. */
import type { BatchPlan, BatchRequest, PlannedBatchItem } from '../../model/batch.ts';
import type { PlanNote } from '../../model/plan.ts';

type Reason = Pick<PlanNote, 'code' | 'message'>;

const nothingToDo: Reason = { code: 'nothingToDo', message: 'There is nothing to do.' };

/** Why a change is left out of its batch; empty where it is not. */
export function reasonsAgainst({ plan, error }: Pick<PlannedBatchItem, 'plan' | 'error'>): readonly Reason[] {
  if (error !== null) return [error];
  if (plan !== null && plan.refusals.length > 0) return plan.refusals;
  return plan !== null && plan.steps.length > 0 ? [] : [nothingToDo];
}

/** As `reasonsAgainst`, in sentences; null where it is made. */
export function whyLeftOut(item: Pick<PlannedBatchItem, 'plan' | 'error'>): string | null {
  const reasons = reasonsAgainst(item);
  return reasons.length === 0 ? null : reasons.map(({ message }) => message).join(' ');
}

/** Whether anything of a batch would be run. */
export function canRun({ refusals, items }: Pick<BatchPlan, 'refusals' | 'items'>): boolean {
  return refusals.length === 0 && items.some((item) => reasonsAgainst(item).length === 0);
}

/** What the changes of one VM have in common. */
export function vmKeyOf({ hostId, request }: BatchRequest): string {
  return `${hostId}/${request.vmUuid}`;
}
