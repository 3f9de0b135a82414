/** Plans that delete external snapshots. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { chainOfDisk, dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import {
  deleteKindRefusals,
  deleteRecordRefusals,
  stateRefusals,
} from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import type { PlanDraft } from '../../../driver.ts';
import { chainsOf } from '../../../planning/chain-rules.ts';
import { unknownDependentRefusals } from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { plannedSnapshot } from '../../../planning/planning-context.ts';
import { roomsBeside } from '../../../planning/space.ts';
import { treeWithout } from '../../../planning/tree-afterwards.ts';
import { filesGo, nothingNeeds } from '../files-go.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { begunFiles, begunMerges } from './begun-plan.ts';
import { memoryFilesToGo } from './merge-records.ts';
import { planCommit } from './plan-commit.ts';
import { planDeleteUp, type PartedDisk } from './plan-delete-up.ts';
import { recordsGo } from './records-go.ts';

type DeleteRequest = Extract<ChangeRequest, { action: 'deleteSnapshot' }>;
type CommitRequest = Extract<ChangeRequest, { action: 'commitImages' }>;

/**
 * Where the VM's chain still holds what such a snapshot has parted, the overlay above its data is merged down into that, or takes
 * it up: the data of the snapshot is what goes. Where it does not (after a merge up, or on another branch), only its record goes,
 * and its image, if nothing else needs that. Never by `virsh snapshot-delete` without `--metadata`: what it does differs from
 * version to version, and it destroys internal snapshots without a word (seen on 9.0 to 11.3).
 *
 * @param doomed the snapshots that go, the uppermost in the tree first
 */
export function planDeleteExternal(
  request: DeleteRequest,
  doomed: readonly Snapshot[],
  title: string,
  context: LibvirtContext,
): PlanDraft {
  const { vm } = context;
  const inChain = doomed.flatMap((snapshot) => partedDisks(snapshot, context));
  const draft = draftFor(request, doomed, inChain, context);
  return {
    ...draft,
    title,
    refusals: [
      ...doomed.flatMap((one) => deleteRecordRefusals(one, vm)),
      ...doomed.flatMap(deleteKindRefusals),
      ...draft.refusals,
    ],
  };
}

function draftFor(
  request: DeleteRequest,
  doomed: readonly Snapshot[],
  inChain: readonly PartedDisk[],
  context: LibvirtContext,
): PlanDraft {
  const begun = begunMerges(context);
  if (request.direction === 'up' && inChain.length + begun.length > 0) return upwards(doomed, inChain, context);
  if (begun.length > 0) return planCommitOn(context);
  return inChain.length === 0 ? recordsOnly(doomed, context) : mergedDown(doomed, inChain, context);
}

function upwards(doomed: readonly Snapshot[], inChain: readonly PartedDisk[], context: LibvirtContext): PlanDraft {
  const [snapshot, ...others] = doomed;
  if (!snapshot) throw new Error('there is nothing to delete');
  const draft = planDeleteUp(snapshot, inChain, context);
  const only = note('oneAtATime', 'Upwards one snapshot is deleted at a time. Delete the others by themselves.');
  return others.length === 0 ? draft : { ...draft, refusals: [only, ...draft.refusals] };
}

/** The rest of a deletion whose record is gone already. Throws `snapshotNotFound` where it was not such a deletion that took it. */
export function planDeleteExternalOn(request: DeleteRequest, context: LibvirtContext): PlanDraft {
  const merges = request.direction !== 'up' && begunMerges(context).length > 0;
  const files = begunFiles(context);
  if (!merges && files.imageIds.length + files.memoryFiles.length === 0) {
    plannedSnapshot(context, request.snapshotId);
  }
  return merges ? planCommitOn(context) : recordsOnly([], context);
}

/** The merges down that a plan has begun with. */
function planCommitOn(context: LibvirtContext): PlanDraft {
  const ranges = begunMerges(context).map(({ target, topId, writtenId }) => ({ target, topId, baseId: writtenId }));
  return commitOf(ranges, context);
}

function commitOf(ranges: CommitRequest['ranges'], context: LibvirtContext): PlanDraft {
  const request = { vmUuid: context.vm.uuid, ranges, oneByOne: false, bytesPerSecond: null };
  return planCommit({ action: 'commitImages', ...request }, context);
}

function mergedDown(doomed: readonly Snapshot[], inChain: readonly PartedDisk[], context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const ranges = [...new Set(inChain.map(({ target }) => target))].map((target) => {
    const parted = inChain.filter((each) => each.target === target).sort((a, b) => a.depth - b.depth);
    return { target, topId: parted[0]?.overlayId ?? '', baseId: parted.at(-1)?.dataId ?? '' };
  });
  const draft = commitOf(ranges, context);
  const gone = new Set(vm.snapshots.map(({ id }) => id));
  for (const { id } of draft.after.snapshots) gone.delete(id);
  const ids = new Set(doomed.map(({ id }) => id));
  const others = vm.snapshots.filter(({ id }) => gone.has(id) && !ids.has(id));
  const kept = doomed.filter(({ id }) => !gone.has(id));
  return { ...draft, refusals: [...draft.refusals, ...otherRefusals(others, kept, draft.refusals.length > 0)] };
}

/**
 * The disks of a snapshot whose data is in the VM's chain, below something that can be merged into it, and how deep. After a revert
 * that is another overlay than the one that was made for the snapshot; where that is still there, both need the data.
 */
function partedDisks({ disks }: Snapshot, { vm, images, dependents }: LibvirtContext): readonly PartedDisk[] {
  return disks.flatMap(({ target, kind, dataImageId, overlayImageId }) => {
    const disk = vm.disks.find((each) => each.target === target);
    const chain = disk ? (chainOfDisk(disk, images)?.images.map(({ id }) => id) ?? []) : [];
    const depth = dataImageId === null ? -1 : chain.indexOf(dataImageId);
    const above = chain[depth - 1];
    if (kind !== 'external' || dataImageId === null || depth < 1 || above === undefined) return [];
    const { childImageIds } = dependentsOf(dataImageId, dependents);
    const isAlone = childImageIds.every((id) => id === above);
    return above === overlayImageId || isAlone ? [{ target, depth, dataId: dataImageId, overlayId: above }] : [];
  });
}

function otherRefusals(others: readonly Snapshot[], kept: readonly Snapshot[], isRefused: boolean): PlanNote[] {
  if (isRefused) return [];
  const names = (list: readonly Snapshot[]) => listed(list.map(({ name }) => `"${name}"`));
  return [
    ...(others.length === 0
      ? []
      : [
          note(
            'wouldDestroySnapshots',
            `The merge that this needs would also take ${names(others)} away. Delete ${others.length === 1 ? 'it' : 'them'} first, or merge up instead.`,
            others.map(({ name }) => name),
          ),
        ]),
    ...(kept.length === 0
      ? []
      : [
          note(
            'differsByDisk',
            `What ${names(kept)} ${kept.length === 1 ? 'holds' : 'hold'} is not in the chain that would be merged, or not on every disk. Delete ${kept.length === 1 ? 'it' : 'each'} by itself first.`,
            kept.map(({ name }) => name),
          ),
        ]),
  ];
}

/** No chain of the VM needs to change. */
function recordsOnly(doomed: readonly Snapshot[], context: LibvirtContext): PlanDraft {
  const { vm, images } = context;
  const ids = new Set(doomed.map(({ id }) => id));
  const held = [
    ...new Set(
      doomed.flatMap(({ disks }) =>
        disks.flatMap(({ dataImageId, overlayImageId }) => [dataImageId, overlayImageId].filter((id) => id !== null)),
      ),
    ),
  ].filter((id) => images.get(id)?.status !== 'missing');
  const begun = begunFiles(context);
  const going = [...new Set([...begun.imageIds, ...held])];
  const files = exclusive(going, ids, context).filter(
    (id) => images.get(id)?.kind === 'file' || (begun.imageIds.includes(id) && !images.has(id)),
  );
  const stay = going.filter((id) => !files.includes(id));
  const memory = [...new Set([...begun.memoryFiles, ...memoryFilesToGo(doomed, context)])];
  return {
    vmName: vm.name,
    title: '',
    refusals: [...stateRefusals(vm), ...unknownDependentRefusals(context, files, 'Deleting them')],
    warnings: [
      note(
        'cannotComeBack',
        `${listed(doomed.map(({ name }) => `"${name}"`))} cannot be brought back. The present state of ${vm.name} is not changed.`,
        doomed.map(({ name }) => name),
      ),
      ...leftBehind(doomed, files),
      ...(stay.length === 0
        ? []
        : [
            note(
              'imagesStay',
              `${listed(stay)} ${stay.length === 1 ? 'stays' : 'stay'}: others need ${stay.length === 1 ? 'it' : 'them'}.`,
              stay,
            ),
          ]),
    ],
    rooms: roomsBeside(context, held),
    expectedPause: null,
    steps: [
      ...recordsGo(doomed, context),
      ...(files.length === 0 ? [] : [nothingNeeds(files)]),
      ...(files.length + memory.length === 0 ? [] : [filesGo(files, memory)]),
    ],
    after: { vmState: vm.state, ...treeWithout(ids, context), chains: chainsOf(context) },
  };
}

/** Overlays hold what was written after the snapshot was taken: on a branch that nothing uses, in no snapshot. */
function leftBehind(doomed: readonly Snapshot[], files: readonly string[]): PlanNote[] {
  const overlays = doomed.flatMap(({ disks }) =>
    disks.flatMap(({ overlayImageId }) =>
      overlayImageId !== null && files.includes(overlayImageId) ? overlayImageId : [],
    ),
  );
  return overlays.length === 0
    ? []
    : [
        note(
          'branchGoes',
          `${listed(overlays)} ${overlays.length === 1 ? 'goes' : 'go'} as well: what was written there after the snapshot was taken is used by no VM and no other snapshot. If somebody may want it, copy it first, together with what it hangs on.`,
          overlays,
        ),
      ];
}

/** The images that nothing needs but these snapshots, and images that go with them. */
function exclusive(held: readonly string[], doomed: ReadonlySet<string>, context: LibvirtContext): readonly string[] {
  const { inventory, vm } = context;
  let going = held.filter((id) => {
    const { activeFor, uses, vms, possibleChildIds } = dependentsOf(id, context.dependents);
    const named = inventory.vms.some(
      (other) =>
        other.readable &&
        other.snapshots.some(
          (snapshot) =>
            !(other.uuid === vm.uuid && doomed.has(snapshot.id)) &&
            // The overlay that was made for a snapshot is nothing that going back to it needs.
            snapshot.disks.some(({ dataImageId }) => dataImageId === id),
        ),
    );
    const others = vms.filter(({ uuid }) => uuid !== vm.uuid);
    return (
      !named &&
      activeFor.length + others.length + possibleChildIds.length === 0 &&
      uses.every(({ use }) => use.by === 'snapshot')
    );
  });
  // What hangs on one of them keeps it, unless it goes as well.
  for (;;) {
    const next = going.filter((id) =>
      dependentsOf(id, context.dependents).childImageIds.every((child) => going.includes(child)),
    );
    if (next.length === going.length) return going;
    going = next;
  }
}
