/** What is left of a plan that is refused. */
import type { PlanDraft } from '../driver.ts';
import { chainsOf } from './chain-rules.ts';
import type { PlanningContext } from './planning-context.ts';

/** A draft with a refusal has no steps and leaves everything as it is; any other is given back as it is. */
export function withoutRefusedSteps(draft: PlanDraft, context: PlanningContext): PlanDraft {
  if (draft.refusals.length === 0) return draft;
  const { vm } = context;
  return {
    ...draft,
    steps: [],
    // What to know before running it is of no use for a plan that is not run.
    warnings: [],
    expectedPause: null,
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
    },
  };
}
