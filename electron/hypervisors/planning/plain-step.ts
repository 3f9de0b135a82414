import type { PlanStep } from '../../../shared/model/plan.ts';

/** What holds of a step that stands alone, changes something, and is not known to do no harm when it is run twice. */
export const plainStep = {
  cancellation: 'betweenSteps',
  whenInterrupted: 'examine',
  group: null,
  runs: 'inOrder',
} as const satisfies Partial<PlanStep>;
