/** From a request to a plan, for libvirt. Pure: nothing is read or run here. */
import type { GuestAgent } from '../../../../shared/model/guest-agent.ts';
import type { Inventory, Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import type { BegunPlan, PlanDraft } from '../../driver.ts';
import { plannedSnapshot, planningContext } from '../../planning/planning-context.ts';
import { withoutRefusedSteps } from '../../planning/refused-draft.ts';
import { jobRefusals } from './job-rules.ts';
import { planClone } from './clone/plan-clone.ts';
import { planCommit } from './merge/plan-commit.ts';
import { planPull } from './merge/plan-pull.ts';
import { planCreate } from './create/plan-create.ts';
import { planDiscardMemory, planRestoreMemory, planSaveMemory } from './power/plan-saved-memory.ts';
import { outlivedMemoryWarnings } from './power/outlived-memory.ts';
import { planPower } from './power/plan-power.ts';
import { planDelete } from './plan-delete.ts';
import { planRevertExternal } from './revert/plan-revert-external.ts';
import { planSaveAndRevert } from './revert/plan-save-and-revert.ts';
import { planDescribe, planRename } from './records/plan-records.ts';
import { planAdopt } from './repair/plan-adopt.ts';
import { planDefineRecords } from './repair/plan-define-records.ts';
import { planRebaseMoved } from './repair/plan-rebase-moved.ts';
import { planRepairRecords } from './repair/plan-repair-records.ts';
import { planSetAside } from './repair/plan-set-aside.ts';
import type { LibvirtContext } from './plan-rules.ts';

/**
 * The plan for `request` on the host of `inventory`, whose VMs virsh reaches at `uri`. A refused plan has no steps and
 * leaves everything as it is. `begun` and `guestAgent`: see the driver. Throws `vmNotFound`, `vmUnreadable` and `snapshotNotFound`.
 */
export function planLibvirt(
  uri: string,
  request: ChangeRequest,
  inventory: Inventory,
  { done, rest }: BegunPlan = { done: [], rest: [] },
  guestAgent: GuestAgent | null = null,
): PlanDraft {
  const context = { ...planningContext(inventory, request.vmUuid), uri, done, rest, guestAgent };
  const draft = draftFor(request, context);
  // Those of a VM's power judge jobs themselves: one that does not answer can be forced off.
  const jobs = request.action === 'changePower' ? [] : jobRefusals(context);
  const warnings = [...draft.warnings, ...outlivedMemoryWarnings(request, draft, context)];
  return withoutRefusedSteps({ ...draft, refusals: [...jobs, ...draft.refusals], warnings }, context);
}

function planRevertTo(
  request: Extract<ChangeRequest, { action: 'revertToSnapshot' }>,
  snapshot: Snapshot,
  context: LibvirtContext,
): PlanDraft {
  return snapshot.kind === 'external'
    ? planRevertExternal(request, snapshot, context)
    : planSaveAndRevert(request, snapshot, context);
}

function draftFor(request: ChangeRequest, context: LibvirtContext): PlanDraft {
  switch (request.action) {
    case 'createSnapshot':
      return planCreate(request, context);
    case 'revertToSnapshot':
      return planRevertTo(request, plannedSnapshot(context, request.snapshotId), context);
    case 'deleteSnapshot':
      return planDelete(request, context);
    case 'commitImages':
      return planCommit(request, context);
    case 'pullImages':
      return planPull(request, context);
    case 'changePower':
      return planPower(request, context);
    case 'cloneVm':
      return planClone(
        request,
        request.snapshotId === null ? null : plannedSnapshot(context, request.snapshotId),
        context,
      );
    case 'saveMemory':
      return planSaveMemory(request, context);
    case 'restoreMemory':
      return planRestoreMemory(request, context);
    case 'discardMemory':
      return planDiscardMemory(context);
    case 'describeSnapshot':
      return planDescribe(request, context);
    case 'renameSnapshot':
      return planRename(request, context);
    case 'repairRecords':
      return planRepairRecords(request, context);
    case 'defineRecords':
      return planDefineRecords(request, context);
    case 'adoptSnapshot':
      return planAdopt(request, context);
    case 'setAsideImage':
      return planSetAside(request, context);
    case 'rebaseImage':
      return planRebaseMoved(request, context);
  }
}
