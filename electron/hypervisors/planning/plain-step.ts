import type { PlanStep } from '../../../shared/model/plan.ts';

/** What holds of a step that stands alone, changes something, and is not known to do no harm when it is run twice. */
export const plainStep = {
  cancellation: 'betweenSteps',
  whenInterrupted: 'examine',
  group: null,
  runs: 'inOrder',
} as const satisfies Partial<PlanStep>;

/** What is said of a step that neither reads nor changes any file or volume: it changes what the hypervisor keeps, or looks. */
export const touchesNothing = {
  reads: [],
  writes: [],
  creates: [],
  invalidates: [],
  deletes: [],
} as const satisfies Partial<PlanStep>;
