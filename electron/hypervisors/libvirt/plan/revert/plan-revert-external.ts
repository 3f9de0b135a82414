/** Plans that take a VM back to an external snapshot, by new overlays on the images that hold its data. */
import type { Disk, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanStep } from '../../../../../shared/model/plan.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { revertExternalRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { overlayBeside } from '../../../../../shared/rules/snapshots/new-files.ts';
import {
  chainRefusals,
  corruptRefusals,
  definedChainRefusals,
  otherPathRefusals,
} from '../../../../../shared/rules/chains/image-refusals.ts';
import { encryptedOverlayRefusals } from '../../../../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { sharedLayerRefusals } from '../../../planning/dependent-rules.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { looksForRoom, roomIsThere } from '../../../planning/room-step.ts';
import { roomsFor, type RoomNeed } from '../../../planning/space.ts';
import { memoryRoom, memoryRoomWarnings } from '../create/plan-create-memory.ts';
import { editArgv } from '../merge/record-script.ts';
import { chainLengthRefusals, namesAreFree, overlayRoom, planExternal } from '../create/plan-create-external.ts';
import { claim } from '../new-file-script.ts';
import { renamedDataRefusals, virsh, writtenSince, type LibvirtContext } from '../plan-rules.ts';
import { begunRemoval, givenUpLayers, givenUpLayersGo } from './given-up-layers.ts';
import { memoryFileOf, memoryIsThere, memoryRevertRefusals, restoreStep } from './plan-revert-memory.ts';
import {
  branchesOf,
  hangs,
  isOnNewOverlays,
  overlayWord,
  savedMemoryOf,
  type Branch,
  type RevertRequest,
} from './revert-branches.ts';
import { diskRefusals, stateWarnings } from './revert-external-notes.ts';

type Step = Omit<PlanStep, 'index'>;

/**
 * The same on every version: libvirt's own revert (since 9.9) deletes the active layers that it leaves, under names of its own
 * choosing, and knows nothing of what was not saved. Here the VM is shut off, gets a new overlay on each image of the snapshot, and
 * what it wrote since stays in its images, as another branch of the tree, where it is saved or a snapshot was made on it. Where the snapshot has memory, the guest goes on from that.
 */
export function planRevertExternal(request: RevertRequest, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const removal = begunRemoval(context);
  if (removal !== null) return removalOnly(removal, snapshot, context);
  const runs = vm.state !== 'shutoff';
  const branches = branchesOf(snapshot, context);
  const givenUp = request.saveAs === null && !isOnNewOverlays(branches) ? givenUpLayers(branches, context) : [];
  const memory = memoryFileOf(snapshot);
  const savedMemory = savedMemoryOf(request, context);
  const saving = request.saveAs === null ? null : savingPlan(request.saveAs, savedMemory, snapshot, context);
  const then = branches.map(({ disk, dataId }): Disk => {
    const { openedAs: _, ...rest } = disk;
    return { ...rest, imageId: dataId };
  });
  const rooms = roomsFor(context, [
    ...branches.map(({ overlay, dataId }) => overlayRoom(overlay, context.images.get(dataId))),
    ...(request.saveAs === null ? [] : savedRooms(request.saveAs, branches, context)),
    ...(savedMemory === null ? [] : [memoryRoom(savedMemory, context)]),
  ]);
  const own = [
    ...revertExternalRefusals(snapshot, vm),
    ...diskRefusals(snapshot, branches, context),
    ...renamedDataRefusals(context, [snapshot], new Set(branches.map(({ disk }) => disk.target))),
    ...(memory === null ? [] : memoryRevertRefusals(snapshot, context)),
    ...chainRefusals(context, then),
    // The definition of then is in the record, and most likely names the same; what is left is saved with that of now.
    ...definedChainRefusals(
      context,
      branches.map(({ disk }) => disk),
    ),
    ...corruptRefusals(context, then),
    ...otherPathRefusals(
      context,
      branches.flatMap(({ disk, dataId }) => {
        const image = context.images.get(dataId);
        return image ? [{ disk, image }] : [];
      }),
      context.vm.name,
    ),
    ...sharedLayerRefusals(context, then),
    ...chainLengthRefusals(context, then),
    ...encryptedOverlayRefusals(context, new Set(branches.map(({ disk }) => disk.target))),
  ];
  const told = new Set(own.map(({ message }) => message));
  return {
    vmName: vm.name,
    title: titleOf(snapshot, context),
    refusals: [
      ...own,
      ...(saving?.refusals ?? [])
        .filter(({ message }) => !told.has(message))
        .map((each) => ({
          ...each,
          message: `The present state cannot be saved first: ${each.message} Without saving it, the plan can be made; the present state is then in no snapshot.`,
        })),
    ],
    warnings: [
      ...stateWarnings(request, snapshot, givenUp, context),
      ...(savedMemory === null ? [] : memoryRoomWarnings(savedMemory, context)),
      ...writtenSince(
        snapshot,
        branches.flatMap(({ dataId }) => context.images.get(dataId) ?? []),
      ),
    ],
    rooms,
    expectedPause: pauseOf(memory !== null, savedMemory, context),
    steps: [
      namesAreFree(
        branches.map(({ overlay }) => overlay),
        context,
      ),
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      ...(memory === null ? [] : memoryIsThere(memory, snapshot, branches, activeLayersStay(vm.disks), context)),
      ...together(
        [
          ...(saving ? savingSteps(saving, savedMemory, runs) : runs ? [endStep(context)] : []),
          ...branches.map(overlayStep(context)),
          ...definitionStep(request.saveAs, branches, saving, context),
          currentStep(snapshot, branches, context),
          ...(memory === null ? [] : [restoreStep(memory, snapshot, branches, hangs(branches), context)]),
        ],
        runs || saving !== null || memory !== null,
      ),
      ...givenUpLayersGo(givenUp, branches, context),
    ],
    after: {
      vmState: memory === null ? 'shutoff' : snapshot.vmState === 'paused' ? 'paused' : 'running',
      snapshots: saving?.after.snapshots ?? vm.snapshots,
      currentSnapshotId: snapshot.id,
      chains: chainsOf(
        context,
        new Map<string, readonly string[]>([
          // A disk that the snapshot does not hold goes on in the overlay that saving it began.
          ...(saving?.after.chains ?? []).map(({ target, imageIds }) => [target, imageIds] as const),
          ...branches.map(
            ({ disk, dataId, overlay }) =>
              [disk.target, [overlay, ...chainFrom(dataId, context.images).images.map(({ id }) => id)]] as const,
          ),
        ]),
      ),
    },
  };
}

function titleOf({ name }: Snapshot, { vm }: LibvirtContext): string {
  return `Revert ${vm.name} to the snapshot "${name}"`;
}

/** The VM is at the snapshot already. */
function removalOnly(steps: readonly Step[], snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const { state, snapshots, currentSnapshotId } = context.vm;
  return {
    vmName: context.vm.name,
    title: titleOf(snapshot, context),
    refusals: [],
    warnings: [],
    rooms: [],
    expectedPause: null,
    steps,
    after: { vmState: state, snapshots, currentSnapshotId, chains: chainsOf(context) },
  };
}

function pauseOf(goesOn: boolean, savedMemory: string | null, { vm }: LibvirtContext): string | null {
  const runs = vm.state !== 'shutoff';
  const ends =
    savedMemory === null
      ? 'The VM is ended at once'
      : `The guest stands still while its memory is written to ${savedMemory}, and the VM is ended then`;
  return goesOn
    ? `${runs ? `${ends}. ` : ''}Its guest goes on from the snapshot when the memory is loaded, in seconds to minutes.`
    : runs
      ? `${ends}, and stays shut off.`
      : null;
}

function savingPlan(name: string, memoryFile: string | null, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  return planExternal(
    {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'external',
      name,
      description: `The state of ${vm.name} before it was reverted to "${snapshot.name}".`,
      diskTargets: null,
      ...(memoryFile !== null && { memoryFile }),
    },
    context,
  );
}

/** An overlay that is left at once stays as small as it is. */
function savedRooms(name: string, branches: readonly Branch[], { vm, images }: LibvirtContext): readonly RoomNeed[] {
  return writableDisks(vm.disks).flatMap((disk) => {
    const overlay = overlayBeside(disk, vm, name, images);
    if (overlay === null || disk.imageId === null) return [];
    const need = overlayRoom(overlay, images.get(disk.imageId));
    return [branches.some((branch) => branch.disk === disk) ? { ...need, guestBytes: 0 } : need];
  });
}

/**
 * `--halt` ends the guest as it is saved, so that nothing is written in between that neither state would hold. The room is looked for
 * at the beginning, for all of it.
 */
function savingSteps({ steps }: PlanDraft, savedMemory: string | null, runs: boolean): readonly Step[] {
  const own = steps.filter((step) => !looksForRoom(step));
  return own.map((step) =>
    runs && step.argv.includes('snapshot-create-as')
      ? {
          ...step,
          title: `Save the present disks${savedMemory === null ? '' : ' and the memory'} as a snapshot, and end the VM`,
          argv: [...step.argv, '--halt'],
          verify: [...step.verify, { kind: 'vmState', oneOf: ['shutoff'] } satisfies Expectation],
        }
      : step,
  );
}

function endStep(context: LibvirtContext): Step {
  return {
    title: 'End the VM',
    argv: virsh(context, 'destroy'),
    ...touchesNothing,
    verify: [{ kind: 'vmState', oneOf: ['shutoff'] }, ...activeLayersStay(context.vm.disks)],
    ...plainStep,
  };
}

/**
 * Of the same owner as the image below, so that whoever may read that may read it. What qemu-img could not make whole is removed again, as
 * by itself it does from 6.0 on: a file shorter than a header would be in the way of the next one by that name.
 */
const overlayScript = `
${claim}
overlay=$1 format=$2 data=$3
claim "$overlay"
made=$(stat -c "$identity" -- "$overlay")
if ! qemu-img create -q -f qcow2 -F "$format" -b "$data" -- "$overlay"; then
  [ ! -e "$overlay" ] || [ "$(stat -c "$identity" -- "$overlay")" != "$made" ] || rm -f -- "$overlay"
  exit 1
fi
chown --reference="$data" -- "$overlay" 2>/dev/null
:
`.trim();

const overlayStep =
  (context: LibvirtContext) =>
  ({ dataId, overlay, disk }: Branch): Step => ({
    title: `Make a new overlay on ${dataId} (disk ${disk.target})`,
    argv: [...['sh', '-c', overlayScript, overlayWord, overlay], context.images.get(dataId)?.format ?? 'raw', dataId],
    reads: [dataId],
    writes: [],
    creates: [overlay],
    invalidates: [],
    deletes: [],
    verify: [{ kind: 'vmState', oneOf: ['shutoff'] }],
    ...plainStep,
  });

function definitionStep(
  saveAs: string | null,
  branches: readonly Branch[],
  saving: PlanDraft | null,
  context: LibvirtContext,
): readonly Step[] {
  const presentOf = ({ disk }: Branch): readonly string[] => {
    const saved = saving?.after.chains.find(({ target }) => target === disk.target)?.imageIds[0];
    const present = [disk.source, disk.imageId, disk.openedAs ?? null].filter((path) => path !== null);
    return saveAs === null || saved === undefined ? present : [saved];
  };
  return [
    {
      title: `Let ${context.vm.name} use the new ${branches.length === 1 ? 'overlay' : 'overlays'}`,
      argv: editArgv({
        uri: context.uri,
        vmUuid: context.vm.uuid,
        replacements: branches.flatMap((branch) =>
          [...new Set(presentOf(branch))].map((from) => ({
            from,
            to: branch.overlay,
            format: 'qcow2',
            isBlock: false,
          })),
        ),
        snapshotNames: [],
        definition: 'shutOff',
      }),
      ...touchesNothing,
      verify: [{ kind: 'vmState', oneOf: ['shutoff'] }, ...hangs(branches)],
      ...plainStep,
      whenInterrupted: 'redo',
    },
  ];
}

/** `virsh snapshot-current` with a name writes the record again as the current one, with what is secret in it (virsh(1)). */
function currentStep({ name, id }: Snapshot, branches: readonly Branch[], context: LibvirtContext): Step {
  return {
    title: `Say that ${context.vm.name} is at "${name}"`,
    argv: virsh(context, 'snapshot-current', `--snapshotname=${name}`),
    ...touchesNothing,
    verify: [{ kind: 'currentSnapshot', snapshotId: id }, { kind: 'vmState', oneOf: ['shutoff'] }, ...hangs(branches)],
    ...plainStep,
    whenInterrupted: 'redo',
  };
}

/** From the end of the VM on: a VM that is off, at neither state, is nothing to stop at. It can be started at any time, all the same. */
function together(steps: readonly Step[], isGroup: boolean): readonly Step[] {
  return isGroup
    ? steps.map((step) => ({
        ...step,
        group: 'revert',
        // While the memory is written nothing has ended yet.
        cancellation: step.cancellation === 'abort' ? 'abort' : 'never',
        whenInterrupted: 'undo',
      }))
    : steps;
}
