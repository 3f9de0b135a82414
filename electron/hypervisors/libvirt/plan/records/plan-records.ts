/** Plans that change what a snapshot is called and what is said of it, and nothing else. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote } from '../../../../../shared/model/plan.ts';
import {
  checkDescription,
  describeRefusals,
  renameRefusals,
} from '../../../../../shared/rules/snapshots/record-refusals.ts';
import { checkSnapshotName } from '../../../../../shared/rules/snapshots/snapshot-names.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { plannedSnapshot } from '../../../planning/planning-context.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { describeArgv, renameArgv } from './rewrite-record.ts';

type DescribeRequest = Extract<ChangeRequest, { action: 'describeSnapshot' }>;
type RenameRequest = Extract<ChangeRequest, { action: 'renameSnapshot' }>;

/** No image is touched, and no VM that runs notices. */
function recordPlan(
  context: LibvirtContext,
  plan: Pick<PlanDraft, 'title' | 'refusals' | 'warnings'>,
  step: { readonly argv: string[]; readonly verify: Expectation[] },
  after: Pick<PlanDraft['after'], 'snapshots' | 'currentSnapshotId'>,
): PlanDraft {
  const { vm } = context;
  return {
    vmName: vm.name,
    ...plan,
    rooms: [],
    expectedPause: null,
    steps: [
      {
        title: plan.title,
        ...touchesNothing,
        ...plainStep,
        ...step,
        verify: [...step.verify, ...activeLayersStay(vm.disks)],
        whenInterrupted: 'redo',
      },
    ],
    after: { vmState: vm.state, chains: chainsOf(context), ...after },
  };
}

export function planDescribe({ snapshotId, description }: DescribeRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const snapshot = plannedSnapshot(context, snapshotId);
  const problem = checkDescription(description);
  return recordPlan(
    context,
    {
      title: `Change the description of the snapshot "${snapshot.name}" of ${vm.name}`,
      refusals: [
        ...describeRefusals(snapshot, vm),
        ...(problem === null ? [] : [note('badDescription', problem)]),
        ...(description === snapshot.description
          ? [note('nothingToDo', `That is the description of "${snapshot.name}" already.`)]
          : []),
      ],
      warnings:
        snapshot.description === ''
          ? []
          : [note('descriptionReplaced', `The present description is replaced: ${snapshot.description}`)],
    },
    {
      argv: describeArgv(snapshot.name, description, context),
      verify: [{ kind: 'snapshotDescription', snapshotId, description }, ...dataStays(snapshot, snapshotId)],
    },
    {
      snapshots: vm.snapshots.map((each) => (each === snapshot ? { ...each, description } : each)),
      currentSnapshotId: vm.currentSnapshotId,
    },
  );
}

export function planRename({ snapshotId, name }: RenameRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const snapshot = plannedSnapshot(context, snapshotId);
  const isCurrent = vm.currentSnapshotId === snapshotId;
  const children = vm.snapshots.filter(({ parentId }) => parentId === snapshotId);
  return recordPlan(
    context,
    {
      title: `Rename the snapshot "${snapshot.name}" of ${vm.name} to "${name}"`,
      refusals: [...renameRefusals(snapshot, vm), ...nameRefusals(name, context)],
      warnings: [
        note(
          'oldNameGone',
          `Whatever knows the snapshot as "${snapshot.name}" does not find it any more: scripts, backup programs, and undoing what made it. The files of its images keep their names.`,
        ),
      ],
    },
    {
      argv: renameArgv(
        { name: snapshot.name, to: name, isCurrent },
        children.map((child) => child.name),
        context,
      ),
      verify: [
        { kind: 'snapshotExists', snapshotId: name },
        { kind: 'snapshotAbsent', snapshotId },
        { kind: 'currentSnapshot', snapshotId: isCurrent ? name : vm.currentSnapshotId },
        { kind: 'snapshotParent', snapshotId: name, parentId: snapshot.parentId },
        ...children.map((child): Expectation => ({ kind: 'snapshotParent', snapshotId: child.id, parentId: name })),
        ...dataStays(snapshot, name),
        ...children.flatMap((child) => dataStays(child, child.id)),
      ],
    },
    {
      snapshots: vm.snapshots.map((each) =>
        each === snapshot
          ? { ...each, id: name, name }
          : each.parentId === snapshotId
            ? { ...each, parentId: name }
            : each,
      ),
      currentSnapshotId: isCurrent ? name : vm.currentSnapshotId,
    },
  );
}

/** The record names the same images as before. */
function dataStays({ disks }: Snapshot, snapshotId: string): Expectation[] {
  return disks.flatMap(({ target, dataImageId }): Expectation[] =>
    dataImageId === null ? [] : [{ kind: 'snapshotData', snapshotId, target, dataImageId }],
  );
}

function nameRefusals(name: string, { vm }: LibvirtContext): PlanNote[] {
  const problem = checkSnapshotName(name);
  if (problem !== null) return [note('badName', problem)];
  return vm.snapshots.some((each) => each.name === name)
    ? [note('nameTaken', `${vm.name} already has a snapshot named "${name}".`, [name])]
    : [];
}
