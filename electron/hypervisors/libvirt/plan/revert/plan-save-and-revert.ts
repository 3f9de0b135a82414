/** Plans that keep the present state before they go back to a snapshot, so that going back can be undone. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import type { PlanDraft } from '../../../driver.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { numberOfNext, planInternal } from '../create/plan-create-internal.ts';
import { detachedImages, planRevert } from './plan-revert.ts';
import { internalHoldings, type LibvirtContext } from '../plan-rules.ts';

type RevertRequest = Extract<ChangeRequest, { action: 'revertToSnapshot' }>;
type Step = Omit<PlanStep, 'index'>;

/** As `planRevert`; where the request names a snapshot for the present state, that is taken first. */
export function planSaveAndRevert(request: RevertRequest, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  return request.saveAs === null
    ? planRevert(request, snapshot, context)
    : savedFirst(request, request.saveAs, snapshot, context);
}

function savedFirst(request: RevertRequest, saveAs: string, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const runs = vm.state !== 'shutoff';
  const revert = planRevert(request, snapshot, context, { isEndedFirst: runs });
  const saving = planInternal(
    {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'internal',
      name: saveAs,
      description: `The state of ${vm.name} before it was reverted to "${snapshot.name}".`,
      diskTargets: null,
    },
    context,
  );
  const refusals = [
    ...saving.refusals,
    ...transientRefusals(context),
    ...numberRefusals(snapshot, context),
    ...detachedRefusals(snapshot, context),
  ];
  const pauses = [saving.expectedPause, revert.expectedPause].filter((pause) => pause !== null);
  const looks = [...revert.steps.slice(0, -1), ...saving.steps.slice(0, -1)];
  const reverting = revert.steps.slice(-1);
  const saves = saving.steps
    .slice(-1)
    .map((step): Step => ({ ...step, title: `Save the present state as "${saveAs}"` }));
  return {
    ...revert,
    refusals: [...revert.refusals, ...savingRefusals(refusals, revert)],
    warnings: [
      ...revert.warnings.map((each) =>
        each.code === 'presentStateLost' ? savedNote(saveAs, snapshot, context) : each,
      ),
      ...without(revert.warnings, saving.warnings),
    ],
    // The revert needs none.
    rooms: saving.rooms,
    expectedPause: pauses.length === 0 ? null : pauses.join(' '),
    steps: runs ? [...looks, ...saves.map(ending), ...reverting.map(together)] : [...looks, ...saves, ...reverting],
    after: { ...revert.after, snapshots: saving.after.snapshots },
  };
}

/**
 * What lies between the end of the guest and its new beginning is no state to leave a VM in. Where it is left in it all the same,
 * nothing is done by itself: going on, or back, writes over the disks, and who knows what was done with them meanwhile. A new plan
 * that saves first is for that.
 */
function together(step: Step): Step {
  return { ...step, group: 'revert', cancellation: 'never', whenInterrupted: 'undo' };
}

/**
 * With `--halt` libvirt ends the guest once it is saved, in one go: otherwise it would run on, and what it writes until it is
 * set back would be in neither state. The record says that it ran (seen on 7.0, 9.0 and 11.3).
 */
function ending(step: Step): Step {
  return together({
    ...step,
    argv: [...step.argv, '--halt'],
    verify: [...step.verify, { kind: 'vmState', oneOf: ['shutoff'] }],
  });
}

function savedNote(name: string, snapshot: Snapshot, { vm }: LibvirtContext): PlanNote {
  const then = new Set(internalHoldings(snapshot).map(({ target }) => target));
  const later = writableDisks(vm.disks).flatMap(({ target }) => (then.has(target) ? [] : [target]));
  const again =
    later.length === 0 ? '' : ` Before that, attach ${listed(later)} again, which the revert takes out of the VM.`;
  return note(
    'presentStateSaved',
    vm.state === 'shutoff'
      ? `The present state of ${vm.name} is saved as "${name}" first: its disks and its definition (devices, memory, CPUs). Reverting to that undoes this.${again} It stays until it is deleted.`
      : `The present state of ${vm.name} is saved as "${name}" first: its disks, its memory and its definition (devices, CPUs). The guest is ended at that moment, so that nothing of it is lost; where that is cut off in the middle, it stays shut off until somebody goes on. Reverting to "${name}" undoes this.${again} It stays until it is deleted.`,
  );
}

/** libvirt: "cannot halt after transient domain snapshot". */
function transientRefusals({ vm }: LibvirtContext): PlanNote[] {
  return vm.persistent
    ? []
    : [
        note(
          'transient',
          `${vm.name} exists only as long as it runs, and would be gone once it is ended to be saved. Define it (virsh dumpxml, virsh define).`,
        ),
      ];
}

/** What is set back and would not be in what is saved. */
function detachedRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  return detachedImages(snapshot, context).map(({ target, imageId }) =>
    note(
      'detachedDiskSetBack',
      `${imageId}, which was disk ${target} when "${snapshot.name}" was taken, is set back as well, and is no disk of ${context.vm.name} now, so that its present data would not be saved. Copy it to other storage, or attach it first.`,
      [imageId],
    ),
  );
}

/** qemu-img takes a number before a name (see numberRefusals in plan-rules.ts), and what is saved first gets a number as well. */
function numberRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  return internalHoldings(snapshot).flatMap(({ target, imageId }) => {
    const image = context.images.get(imageId);
    const number = image ? numberOfNext(image) : null;
    return String(number) !== snapshot.name
      ? []
      : [
          note(
            'ambiguousSnapshot',
            `In ${imageId} (disk ${target}) it would get the number ${snapshot.name}, which is the name of the snapshot to go back to: qemu-img would take what was saved instead.`,
            [imageId],
          ),
        ];
  });
}

/** Why the present state cannot be saved, where that is no reason against the revert itself. */
function savingRefusals(refusals: readonly PlanNote[], revert: PlanDraft): readonly PlanNote[] {
  const own = without(revert.refusals, refusals);
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
