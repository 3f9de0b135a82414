/** Plans that take a VM back to an internal snapshot. */
import type { Snapshot, VmState } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, DiskChain, Expectation, PlanNote } from '../../../../../shared/model/plan.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { revertRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { revertNeeds, revertsInPlace } from '../../../../../shared/rules/snapshots/revert-needs.ts';
import { chainRefusals, corruptRefusals } from '../../../../../shared/rules/chains/image-refusals.ts';
import { encryptionRefusals, everyDiskRefusals } from '../../../../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import {
  dependentRefusals,
  remoteDependentWarnings,
  unknownDependentRefusals,
} from '../../../planning/dependent-rules.ts';
import { imagesAreWritable } from '../../../planning/image-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomsBeside } from '../../../planning/space.ts';
import { movedData, otherNeedsOf, whereItIs } from '../../../../../shared/rules/findings/moved-data.ts';
import { dataIn, dataOfDisks, lacksMemory } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { abilitiesOf, hasInternalRevertRegression } from '../../capabilities.ts';
import { bitmapRefusals } from '../job-rules.ts';
import { needsAreThere } from './needs-step.ts';
import {
  type InternalHolding,
  internalHoldings,
  jobNameRefusals,
  type LibvirtContext,
  mayBeStartedAgain,
  numberRefusals,
  sameTagRefusals,
  virsh,
} from '../plan-rules.ts';

type RevertRequest = Extract<ChangeRequest, { action: 'revertToSnapshot' }>;

/**
 * The behaviour of `virsh snapshot-revert` with an internal snapshot, by what the snapshot holds and what the VM does:
 *
 * | snapshot taken of | VM now   | afterwards                                                                 |
 * |-------------------|----------|----------------------------------------------------------------------------|
 * | running, paused   | any      | a new QEMU process loads disks and memory (since libvirt 7.10, also where  |
 * |                   |          | the VM runs); running or paused as it was                                  |
 * | shut off          | running  | the VM is ended as by a power cut, the disks go back, shut off             |
 * | shut off          | shut off | qemu-img snapshot -a on every disk                                         |
 *
 * @param isEndedFirst a VM that runs is ended by a step before: nothing is loaded into it any more
 */
export function planRevert(
  request: RevertRequest,
  snapshot: Snapshot,
  context: LibvirtContext,
  { isEndedFirst = false } = {},
): PlanDraft {
  const { vm } = context;
  const { version } = context.inventory.hypervisor;
  const holdings = internalHoldings(snapshot);
  const imageIds = [...new Set(holdings.map(({ imageId }) => imageId))];
  const held = new Map(holdings.map(({ target, imageId }) => [target, imageId]));
  const disks = vm.disks
    .map((disk) => ({ ...disk, imageId: held.get(disk.target) ?? disk.imageId }))
    .filter((disk) => held.has(disk.target));
  // What is written to now is left behind or set back.
  const active = writableDisks(vm.disks).flatMap((disk) => (disk.imageId === null ? [] : [disk.imageId]));
  const rewritten = snapshot.kind === 'internal' ? imageIds : [...new Set([...imageIds, ...active])];
  const needs = revertNeeds(snapshot, vm, isEndedFirst ? null : version);
  const refusals = [
    ...revertRefusals(snapshot, vm, abilitiesOf(version), needs),
    ...sameTagRefusals(context, snapshot),
    ...numberRefusals(context, snapshot),
    // Without memory qemu-img sets the disks back, which takes any name.
    ...(snapshot.memory.kind === 'internal'
      ? jobNameRefusals(
          context,
          snapshot.name,
          `Reverting would fail after ${vm.name} was shut off. Once its images are copied, its disks can be set back by hand: qemu-img snapshot -a.`,
        )
      : []),
    ...dataRefusals(snapshot, context),
    ...chainRefusals(context, disks),
    ...corruptRefusals(context, disks),
    ...dependentRefusals(context, imageIds, `Reverting to "${snapshot.name}"`),
    ...unknownDependentRefusals(context, rewritten, `Reverting to "${snapshot.name}"`),
    // Without memory the disks are set back while the VM is shut off, which it is made to be first.
    ...(snapshot.kind === 'internal' && snapshot.memory.kind === 'none'
      ? everyDiskRefusals(
          context.vm,
          context.inventory.hypervisor.version,
          new Set(held.keys()),
          `Reverting to "${snapshot.name}"`,
        )
      : []),
    ...bitmapRefusals(context, imageIds),
    ...encryptionRefusals(context, new Set(held.keys()), `Reverting to "${snapshot.name}"`),
    ...(isEndedFirst ? [] : otherDevicesRefusals(snapshot, context)),
  ];
  const stateAfter = stateAfterRevert(snapshot);
  const withMemory = snapshot.memory.kind !== 'none';
  const verify: Expectation[] = [
    { kind: 'snapshotExists', snapshotId: request.snapshotId },
    { kind: 'currentSnapshot', snapshotId: request.snapshotId },
    { kind: 'vmState', oneOf: stateAfter === 'running' ? ['running', 'idle'] : [stateAfter] },
    ...holdings.flatMap(({ target, imageId }): Expectation[] => [
      { kind: 'activeLayer', target, imageId },
      { kind: 'internalSnapshot', imageId, name: snapshot.name, present: true },
    ]),
  ];
  return {
    vmName: vm.name,
    title: `Revert ${vm.name} to the snapshot "${snapshot.name}"`,
    refusals,
    warnings: [
      note(
        'presentStateLost',
        `The present state of ${vm.name} is lost: everything written to ${listed(holdings.map(({ target }) => target)) || 'its disks'} since the last snapshot${vm.state === 'shutoff' ? '' : ', and what the guest has in memory'}. ${context.inventory.hypervisor.version !== null && isLoadedInPlace(snapshot, context) ? 'Its definition stays as it is.' : 'Its definition (devices, memory, CPUs) goes back to that of the snapshot as well.'} Create a snapshot first to be able to come back.`,
      ),
      ...detachedWarnings(snapshot, context),
      ...stateWarnings(context, stateAfter),
      ...(vm.state !== 'shutoff' && (isEndedFirst || stateAfter === 'shutoff') ? [mayBeStartedAgain(context)] : []),
      ...needs.warnings,
      ...(needs.areLookedFor && withMemory && !isEndedFirst ? [startMayFail(context)] : []),
      ...diskWarnings(snapshot, context),
      ...regressionWarnings(context),
      ...remoteDependentWarnings(context, rewritten),
    ],
    rooms: roomsBeside(context, imageIds),
    expectedPause:
      stateAfter === 'shutoff'
        ? vm.state === 'shutoff'
          ? null
          : 'The VM is ended at once and stays shut off.'
        : 'The guest stands still while its disks and memory are loaded, usually for seconds; its network connections will notice.',
    steps: [
      imagesAreWritable(imageIds, vm.state !== 'shutoff', activeLayersStay(vm.disks)),
      ...(needs.areLookedFor ? [needsAreThere(context, snapshot, activeLayersStay(vm.disks))] : []),
      {
        title: withMemory ? 'Load disks and memory of the snapshot' : 'Set the disks back to the snapshot',
        argv: virsh(context, 'snapshot-revert', `--snapshotname=${snapshot.name}`),
        reads: [],
        writes: imageIds,
        creates: [],
        // Whoever else reads from them reads something else then.
        invalidates: imageIds,
        deletes: [],
        verify,
        ...plainStep,
      },
    ],
    after: {
      vmState: stateAfter,
      snapshots: vm.snapshots,
      currentSnapshotId: request.snapshotId,
      chains: chainsAfter(snapshot, context),
    },
  };
}

/** The VM's definition goes back as well: disks that were attached later are not part of it, detached ones are again. */
function chainsAfter(snapshot: Snapshot, context: LibvirtContext): DiskChain[] {
  const recorded = new Set(snapshot.disks.map(({ target }) => target));
  const present = chainsOf(context).filter(({ target }) => recorded.has(target));
  const known = new Set(context.vm.disks.map(({ target }) => target));
  const detached = internalHoldings(snapshot).filter(({ target }) => !known.has(target));
  return [
    ...present,
    ...detached.map(({ target, imageId }) => ({
      target,
      imageIds: chainFrom(imageId, context.images).images.map(({ id }) => id),
    })),
  ];
}

/** What a VM does after a revert: what it did when the snapshot was taken. */
function stateAfterRevert(snapshot: Snapshot): VmState {
  if (snapshot.vmState === 'running') return 'running';
  if (snapshot.vmState === 'paused') return 'paused';
  return 'shutoff';
}

/** Where the record is there but the data is not, libvirt leaves a running VM shut off with its revert half done. */
function dataRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  if (snapshot.kind !== 'internal') return [];
  const recorded = snapshot.disks.filter((disk) => disk.kind === 'internal');
  const unknown = recorded.filter((disk) => disk.dataImageId === null).map((disk) => disk.target);
  const empty = internalHoldings(snapshot).filter(({ imageId }) => {
    const image = context.images.get(imageId);
    return !image || dataIn(snapshot, image).kind === 'none';
  });
  const strange = dataOfDisks(snapshot, context.images).filter(({ data }) => data.kind === 'other');
  const { lost } = movedData(context.inventory);
  const placeOf = (target: string): string => {
    const moved = lost.find((one) => one.vm === context.vm && one.snapshot === snapshot && one.target === target);
    if (!moved?.foundIn) return '';
    return ` ${whereItIs(moved.foundIn, otherNeedsOf(moved, moved.foundIn, context.dependents, context.inventory))}`;
  };
  const active = new Map(context.vm.disks.map((disk) => [disk.target, disk.imageId]));
  const elsewhere = internalHoldings(snapshot).filter(
    ({ target, imageId }) => active.has(target) && active.get(target) !== imageId,
  );
  return [
    ...(recorded.length === 0
      ? [
          note(
            'recordWithoutData',
            `The record of "${snapshot.name}" names no disk, so there is nothing to go back to.`,
          ),
        ]
      : []),
    ...unknown.map((target) =>
      note('recordWithoutData', `It is not known which image holds the data of disk ${target} in "${snapshot.name}".`, [
        target,
      ]),
    ),
    ...empty.map(({ target, imageId }) =>
      note(
        'recordWithoutData',
        `The record of "${snapshot.name}" says that the data of disk ${target} is in ${imageId}, but there is no such snapshot in it. Reverting would fail and leave the VM shut off.${placeOf(target)}`,
        [imageId],
      ),
    ),
    ...strange.map(({ target, image }) =>
      note(
        'otherDataOfThatName',
        `${image.id} (disk ${target}) holds something named "${snapshot.name}" that is of another time than the record: it is not what the record is about, and the disk would go back to that.${placeOf(target)}`,
        [image.id],
      ),
    ),
    ...(lacksMemory(snapshot, context.images)
      ? [
          note(
            'memoryMissing',
            `The record of "${snapshot.name}" says that it holds memory, and none of its images holds any for it: libvirt would stop ${context.vm.name} and then fail. Its disks can be set back by hand while the VM is shut off, once its images are copied: qemu-img snapshot -a.`,
          ),
        ]
      : []),
    ...elsewhere.map(({ target, imageId }) =>
      note(
        'otherActiveLayer',
        `"${snapshot.name}" lives in ${imageId}, but disk ${target} now writes to ${active.get(target) ?? 'another image'}. Reverting would leave that image behind, out of use; Snaptree does not do this yet.`,
        [imageId],
      ),
    ),
  ];
}

/** Whether the VM that runs takes the snapshot's memory and disks, and keeps its definition. */
function isLoadedInPlace({ memory }: Snapshot, { vm, inventory }: LibvirtContext): boolean {
  return revertsInPlace(inventory.hypervisor.version) && vm.state !== 'shutoff' && memory.kind !== 'none';
}

/** Disks are compared; what else differs in the definitions is not known here, and libvirt refuses it without a change. */
function otherDevicesRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  if (!isLoadedInPlace(snapshot, context)) return [];
  const { vm, inventory } = context;
  const { version } = inventory.hypervisor;
  const then = new Set(snapshot.disks.map(({ target }) => target));
  const now = new Set(vm.disks.map(({ target }) => target));
  const differing = [...then, ...now].filter((target) => !then.has(target) || !now.has(target));
  return differing.length === 0
    ? []
    : [
        note(
          'otherDevices',
          `${vm.name} runs with other disks than when "${snapshot.name}" was taken (${listed(differing)}), and libvirt ${version ?? '(unknown version)'} loads a snapshot into the VM that runs. Shut it off first; reverting then gives it its disks of that time.`,
          differing,
        ),
      ];
}

/** Images that a revert sets back although no disk of the VM that can be written to is on them now: others may have used them since. */
export function detachedImages(snapshot: Snapshot, { vm }: LibvirtContext): readonly InternalHolding[] {
  const now = new Set(writableDisks(vm.disks).map(({ imageId }) => imageId));
  return internalHoldings(snapshot).filter(({ imageId }) => !now.has(imageId));
}

function detachedWarnings(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  return detachedImages(snapshot, context).map(({ target, imageId }) =>
    note(
      'detachedDiskSetBack',
      `${imageId} is no disk of ${context.vm.name} now, and is set back all the same, since it was disk ${target} when the snapshot was taken: everything written to it since is lost.`,
      [imageId],
    ),
  );
}

function stateWarnings({ vm }: LibvirtContext, stateAfter: VmState): PlanNote[] {
  if (stateAfter === 'shutoff' && vm.state !== 'shutoff') {
    return [
      note(
        'endsRunningVm',
        `${vm.name} is ${vm.state} and will be shut off as by a power cut, since it was shut off when the snapshot was taken.`,
      ),
    ];
  }
  if (stateAfter !== 'shutoff' && vm.state === 'shutoff') {
    return [
      note(
        'startsVm',
        `${vm.name} is shut off and will be ${stateAfter} afterwards, as it was when the snapshot was taken.`,
      ),
    ];
  }
  return [];
}

/** What nothing tells without a start (seen on 9.0 and 11.3): see startable-definition.ts for what does. */
function startMayFail({ vm }: LibvirtContext): PlanNote {
  return note(
    'startMayFail',
    `libvirt ends ${vm.name} before it starts the snapshot. Not everything that the start needs can be looked for before (servers of network disks, devices that another VM uses, free huge pages): where it fails, ${vm.name} stays shut off, and its present state is lost. Save that first to be able to come back.`,
  );
}

function diskWarnings(snapshot: Snapshot, { vm }: LibvirtContext): PlanNote[] {
  const inSnapshot = new Set(snapshot.disks.filter((disk) => disk.kind !== 'none').map((disk) => disk.target));
  const left = writableDisks(vm.disks).filter((disk) => !inSnapshot.has(disk.target));
  const names = left.map((disk) => disk.target);
  return left.length === 0
    ? []
    : [
        note(
          'disksNotInSnapshot',
          `${listed(names)} ${left.length === 1 ? 'is' : 'are'} not part of the snapshot: ${left.length === 1 ? 'its data does' : 'their data do'} not go back, and where the disk was attached later the VM's definition goes back to being without it.`,
          names,
        ),
      ];
}

/** libvirt 11.2 and 11.3: "writable but does not support snapshots", fixed in 11.4. */
function regressionWarnings({ inventory }: LibvirtContext): PlanNote[] {
  const { version } = inventory.hypervisor;
  return hasInternalRevertRegression(version)
    ? [
        note(
          'knownFault',
          `libvirt ${version ?? ''} is known to refuse some reverts to internal snapshots ("writable but does not support snapshots"). Nothing is changed then.`,
        ),
      ]
    : [];
}
