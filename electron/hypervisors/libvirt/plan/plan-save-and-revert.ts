/** Plans that keep the present state before they go back to a snapshot, so that going back can be undone. */
import type { Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../../../shared/model/plan.ts';
import type { PlanDraft } from '../../driver.ts';
import { note } from '../../planning/notes.ts';
import { planInternal } from './plan-create-internal.ts';
import { planRevert } from './plan-revert.ts';
import type { LibvirtContext } from './plan-rules.ts';

type RevertRequest = Extract<ChangeRequest, { action: 'revertToSnapshot' }>;

/** As `planRevert`; where the request names a snapshot for the present state, that is taken first. */
export function planSaveAndRevert(request: RevertRequest, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const revert = planRevert(request, snapshot, context);
  if (request.saveAs === null) return revert;
  const { vm } = context;
  const saving = planInternal(
    {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'internal',
      name: request.saveAs,
      description: `The state of ${vm.name} before it was reverted to "${snapshot.name}".`,
      diskTargets: null,
    },
    context,
  );
  const pauses = [saving.expectedPause, revert.expectedPause].filter((pause) => pause !== null);
  return {
    ...revert,
    refusals: [...revert.refusals, ...savingRefusals(saving, revert)],
    warnings: [
      ...revert.warnings.map((each) =>
        each.code === 'presentStateLost' ? savedNote(request.saveAs ?? '', context) : each,
      ),
      ...without(revert.warnings, saving.warnings),
    ],
    // The revert needs no room.
    space: saving.space,
    expectedPause: pauses.length === 0 ? null : pauses.join(' '),
    // Looking comes after saving, which may take minutes: it is what must hold when the VM is set back.
    steps: [
      ...saving.steps.map((step) => ({ ...step, title: `Save the present state as "${request.saveAs ?? ''}"` })),
      ...revert.steps,
    ],
    after: { ...revert.after, snapshots: saving.after.snapshots },
  };
}

function savedNote(name: string, { vm }: LibvirtContext): PlanNote {
  return note(
    'presentStateSaved',
    `The present state of ${vm.name} is saved as "${name}" first: its disks${vm.state === 'shutoff' ? '' : ', its memory'} and its definition (devices, memory, CPUs). Reverting to that undoes this. It stays until it is deleted.`,
  );
}

/** Why the present state cannot be saved, where that is no reason against the revert itself. */
function savingRefusals(saving: PlanDraft, revert: PlanDraft): readonly PlanNote[] {
  const own = without(revert.refusals, saving.refusals);
  if (own.length === 0) return [];
  return own.map((each, index) => ({
    ...each,
    message: `The present state cannot be saved first: ${each.message}${index === own.length - 1 ? ' Without saving it, the plan can be made; the present state is lost then.' : ''}`,
  }));
}

/** Those of `notes` about something else than any of `told`. */
function without(told: readonly PlanNote[], notes: readonly PlanNote[]): readonly PlanNote[] {
  return notes.filter(
    ({ code, message, names }) =>
      !told.some(
        (each) => each.message === message || (each.code === code && each.names.join('\0') === names.join('\0')),
      ),
  );
}
