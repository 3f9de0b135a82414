/** Plans that delete snapshots: one, several, or a subtree; of external ones see merge/plan-delete-external.ts. */
import type { Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote, PlanStep } from '../../../../shared/model/plan.ts';
import {
  deleteRecordRefusals,
  mixedKindRefusals,
  stateRefusals,
} from '../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { movedData } from '../../../../shared/rules/findings/moved-data.ts';
import { dataOfDisks } from '../../../../shared/rules/snapshots/snapshot-data.ts';
import { parentsFirst, subtreeIds } from '../../../../shared/rules/snapshots/snapshot-forest.ts';
import { chainRefusals, corruptRefusals } from '../../../../shared/rules/chains/image-refusals.ts';
import { encryptionRefusals, everyDiskRefusals } from '../../../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import type { PlanDraft } from '../../driver.ts';
import { chainsOf } from '../../planning/chain-rules.ts';
import { openElsewhereRefusals, unknownDependentWarnings } from '../../planning/dependent-rules.ts';
import { firstOf } from '../../../../shared/rules/text/first-of.ts';
import { note } from '../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../planning/notes.ts';
import { roomsBeside } from '../../planning/space.ts';
import { plannedSnapshot } from '../../planning/planning-context.ts';
import { treeWithout } from '../../planning/tree-afterwards.ts';
import { plainStep } from '../../planning/plain-step.ts';
import { planDeleteExternal, planDeleteExternalOn } from './merge/plan-delete-external.ts';
import { noBlockJobs } from './job-rules.ts';
import {
  internalHoldings,
  monitorNameRefusals,
  sameNameRefusals,
  sameTagRefusals,
  virsh,
  type LibvirtContext,
} from './plan-rules.ts';

type DeleteRequest = Extract<ChangeRequest, { action: 'deleteSnapshot' }>;

/**
 * Deletes one snapshot, several, or one and everything below it. A subtree goes leaf by leaf, one command a snapshot, and not
 * by `--children`: after a stop between any two steps the rest of the tree is whole and the plan can be made again.
 *
 * libvirt gives the children of a deleted snapshot to its parent, and makes the parent current where the deleted one was.
 */
export function planDelete(request: DeleteRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const named = [...new Set([request.snapshotId, ...(request.otherSnapshotIds ?? [])])];
  const isThere = (id: string) => vm.snapshots.some((candidate) => candidate.id === id);
  if (context.done.length > 0 && !named.some(isThere)) return planDeleteExternalOn(request, context);
  // Of several, a plan that was begun has removed some.
  const present = context.done.length > 0 ? named.filter(isThere) : named;
  const ids = new Set(present.flatMap((id) => (request.withDescendants ? subtreeIds(id, vm.snapshots) : [id])));
  const doomed = parentsFirst(
    [...ids].map((id) => plannedSnapshot(context, id)),
    vm.snapshots,
  );
  const [snapshot] = doomed;
  if (!snapshot) throw new Error('there is nothing to delete');
  const leavesFirst = doomed.toReversed();
  const imageIds = [...new Set(doomed.flatMap((one) => internalHoldings(one).map(({ imageId }) => imageId)))];
  const held = new Set(doomed.flatMap((one) => internalHoldings(one).map(({ target }) => target)));
  const heldDisks = vm.disks.filter((disk) => held.has(disk.target));
  const told = doomed.slice(0, 20).map(({ name }) => name);
  const title = titleOf(request, doomed, vm.name);
  if (doomed.every(({ kind }) => kind !== 'internal')) return planDeleteExternal(request, doomed, title, context);
  return {
    vmName: vm.name,
    title,
    refusals: [
      ...stateRefusals(context.vm),
      ...doomed.flatMap((one) => deleteRecordRefusals(one, vm)),
      ...mixedKindRefusals(doomed),
      ...doomed.flatMap((one) => sameTagRefusals(context, one)),
      ...doomed.flatMap((one) => strangeDataRefusals(one, context)),
      ...doomed.flatMap((one) => monitorNameRefusals(context, one.name)),
      ...doomed.flatMap((one) => activeLayerRefusals(one, context)),
      // Of a VM that is shut off libvirt takes the disks that the record names, and, since 9.0, no others.
      ...(vm.state === 'shutoff'
        ? everyDiskRefusals(context.vm, context.inventory.hypervisor.version, held, `Deleting "${snapshot.name}"`)
        : doomed.flatMap((one) => strangerRefusals(one, context))),
      ...chainRefusals(context, heldDisks),
      ...corruptRefusals(context, heldDisks),
      ...openElsewhereRefusals(context, imageIds, `Deleting "${snapshot.name}"`),
      ...encryptionRefusals(context, held, `Deleting "${snapshot.name}"`),
    ],
    warnings: [
      note(
        'cannotComeBack',
        `${listed(told.map((name) => `"${name}"`))}${doomed.length > 20 ? ` and ${doomed.length - 20} more` : ''} cannot be brought back. The present state of ${vm.name} is not changed.`,
        doomed.map(({ name }) => name),
        told,
      ),
      ...doomed.flatMap((one) => recordWarnings(one, context)),
      ...unknownDependentWarnings(context, imageIds),
      note(
        'fileKeepsSize',
        'The image files do not get smaller: the room that becomes free in them is used again by the guest.',
      ),
    ],
    rooms: roomsBeside(context, imageIds),
    expectedPause:
      vm.state === 'shutoff' ? null : 'The guest may stand still for a moment while the images are updated.',
    steps: leavesFirst.map((one) => step(one, context)),
    after: {
      vmState: vm.state,
      ...treeWithout(ids, context),
      chains: chainsOf(context),
    },
  };
}

function titleOf(request: DeleteRequest, doomed: readonly Snapshot[], vmName: string): string {
  const names = doomed.map(({ name }) => `"${name}"`);
  const others = names.length - 1;
  if (others === 0) return `Delete the snapshot ${names.join('')} of ${vmName}`;
  return request.withDescendants && !request.otherSnapshotIds
    ? `Delete the snapshot ${names[0] ?? ''} of ${vmName} and the ${others === 1 ? 'one' : others} below it`
    : `Delete the snapshots ${firstOf(names)} of ${vmName}`;
}

function step(snapshot: Snapshot, context: LibvirtContext): Omit<PlanStep, 'index'> {
  const holdings = internalHoldings(snapshot);
  const verify: Expectation[] = [
    { kind: 'snapshotAbsent', snapshotId: snapshot.id },
    ...holdings.map(({ imageId }): Expectation => ({
      kind: 'internalSnapshot',
      imageId,
      name: snapshot.name,
      present: false,
    })),
    ...noBlockJobs(context),
  ];
  return {
    title: `Delete "${snapshot.name}"`,
    argv: virsh(context, 'snapshot-delete', `--snapshotname=${snapshot.name}`),
    reads: [],
    writes: [...new Set(holdings.map(({ imageId }) => imageId))],
    creates: [],
    invalidates: [],
    deletes: [],
    verify,
    ...plainStep,
  };
}

/** libvirt deletes an internal snapshot in the images that the VM uses *now*; elsewhere its data would stay behind. */
function activeLayerRefusals(snapshot: Snapshot, { vm }: LibvirtContext): PlanNote[] {
  return internalHoldings(snapshot).flatMap(({ target, imageId }) => {
    const active = vm.disks.find((disk) => disk.target === target)?.imageId ?? null;
    return active === imageId
      ? []
      : [
          note(
            'otherActiveLayer',
            `"${snapshot.name}" lives in ${imageId}, but disk ${target} ${active === null ? 'is no longer part of the VM' : `now writes to ${active}`}. libvirt deletes internal snapshots only in the images in use.`,
            [imageId],
          ),
        ];
  });
}

function strangerRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  const own = internalHoldings(snapshot).map(({ imageId }) => imageId);
  return sameNameRefusals(context, snapshot.name, own, `Deleting "${snapshot.name}" while ${context.vm.name} runs`);
}

/**
 * Where the images hold something else of that name, libvirt would delete that: it goes by the name alone. And where its data is in
 * another image, the record is all that says what that data is.
 */
function strangeDataRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  const { inventory, images, vm } = context;
  const strange = dataOfDisks(snapshot, images).filter(({ data }) => data.kind === 'other');
  const moved = movedData(inventory).lost.filter((one) => one.vm === vm && one.snapshot === snapshot && one.foundIn);
  return [
    ...strange.map(({ target, image }) =>
      note(
        'otherDataOfThatName',
        `${image.id} (disk ${target}) holds something named "${snapshot.name}" that is of another time than the record: it is not what the record is about, and would be deleted in its place. The record alone can be removed: virsh snapshot-delete --metadata. Keep a copy of it first (virsh snapshot-dumpxml --security-info).`,
        [image.id],
      ),
    ),
    ...moved.map(({ target, foundIn }) =>
      note(
        'dataElsewhere',
        `The data of "${snapshot.name}" of disk ${target} is not where its record says, but in ${foundIn?.id ?? ''}. Without the record nobody could tell what that is. The report of this host says how to bring them together.`,
        foundIn ? [foundIn.id] : [],
      ),
    ),
  ];
}

function recordWarnings(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  const empty = dataOfDisks(snapshot, context.images).filter(({ data }) => data.kind === 'none');
  return empty.map(({ target, image }) =>
    note(
      'recordWithoutData',
      `There is no data of "${snapshot.name}" in ${image.id} (disk ${target}): only the record is left to delete.`,
      [image.id],
    ),
  );
}
