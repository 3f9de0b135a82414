/** Plans that take a VM back to an external snapshot, by new overlays on the images that hold its data. */
import type { Disk, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { revertExternalRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { overlayBeside } from '../../../../../shared/rules/snapshots/new-files.ts';
import { otherAtNextStart } from '../../../../../shared/rules/chains/next-start.ts';
import { isWrittenSince } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import {
  chainRefusals,
  corruptRefusals,
  definedChainRefusals,
} from '../../../../../shared/rules/chains/image-refusals.ts';
import { encryptedOverlayRefusals } from '../../../../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { sharedLayerRefusals } from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { looksForRoom, roomIsThere } from '../../../planning/room-step.ts';
import { roomsFor, type RoomNeed } from '../../../planning/space.ts';
import { memoryRoom, memoryRoomWarnings } from '../create/plan-create-memory.ts';
import { editArgv } from '../merge/record-script.ts';
import { chainLengthRefusals, namesAreFree, overlayRoom, planExternal } from '../create/plan-create-external.ts';
import {
  lostMemoryWarnings,
  memoryFileOf,
  memoryIsThere,
  memoryRevertRefusals,
  memoryRevertWarnings,
  restoreStep,
} from './plan-revert-memory.ts';
import { renamedDataRefusals, virsh, type LibvirtContext } from '../plan-rules.ts';

type RevertRequest = Extract<ChangeRequest, { action: 'revertToSnapshot' }>;
type Step = Omit<PlanStep, 'index'>;

/** One disk of the snapshot. */
interface Branch {
  readonly disk: Disk;
  /** The image that holds the snapshot's data. */
  readonly dataId: string;
  /** The new overlay on that. */
  readonly overlay: string;
}

/**
 * The same on every version: libvirt's own revert (since 9.9) deletes the active layers that it leaves, under names of its own
 * choosing, and knows nothing of what was not saved. Here the VM is shut off, gets a new overlay on each image of the snapshot, and
 * what it wrote since stays in its images, as another branch of the tree. Where the snapshot has memory, the guest goes on from that.
 */
export function planRevertExternal(request: RevertRequest, snapshot: Snapshot, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const runs = vm.state !== 'shutoff';
  const branches = branchesOf(snapshot, context);
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
    ...sharedLayerRefusals(context, then),
    ...chainLengthRefusals(context, then),
    ...encryptedOverlayRefusals(context, new Set(branches.map(({ disk }) => disk.target))),
  ];
  const told = new Set(own.map(({ message }) => message));
  return {
    vmName: vm.name,
    title: `Revert ${vm.name} to the snapshot "${snapshot.name}"`,
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
      ...stateWarnings(request, snapshot, context),
      ...(savedMemory === null ? [] : memoryRoomWarnings(savedMemory, context)),
      ...writtenSince(snapshot, branches, context),
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

function branchesOf(snapshot: Snapshot, context: LibvirtContext): readonly Branch[] {
  return snapshot.disks.flatMap(({ target, kind, dataImageId }) => {
    const disk = context.vm.disks.find((each) => each.target === target);
    const overlay = disk ? overlayBeside(disk, context.vm, `from-${snapshot.name}`, context.images) : null;
    return kind !== 'external' || dataImageId === null || !disk || overlay === null
      ? []
      : [{ disk, dataId: dataImageId, overlay }];
  });
}

/** Where the guest's memory is saved; null where it is not, or there is none. */
function savedMemoryOf({ saveAs, saveMemoryFile }: RevertRequest, { vm }: LibvirtContext): string | null {
  return saveAs === null || vm.state === 'shutoff' ? null : (saveMemoryFile ?? null);
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
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [{ kind: 'vmState', oneOf: ['shutoff'] }, ...activeLayersStay(context.vm.disks)],
    ...plainStep,
  };
}

/** Of the same owner as the image below, so that whoever may read that may read it. */
const overlayScript = `
overlay=$1 format=$2 data=$3
if [ -e "$overlay" ] || [ -L "$overlay" ]; then printf '%s\\n' "There is something at $overlay already." >&2; exit 1; fi
umask 077
qemu-img create -q -f qcow2 -F "$format" -b "$data" -- "$overlay" || exit 1
chown --reference="$data" -- "$overlay" 2>/dev/null
:
`.trim();

const overlayStep =
  (context: LibvirtContext) =>
  ({ dataId, overlay, disk }: Branch): Step => ({
    title: `Make a new overlay on ${dataId} (disk ${disk.target})`,
    argv: [
      ...['sh', '-c', overlayScript, 'snaptree-overlay', overlay],
      context.images.get(dataId)?.format ?? 'raw',
      dataId,
    ],
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
      reads: [],
      writes: [],
      creates: [],
      invalidates: [],
      deletes: [],
      verify: [{ kind: 'vmState', oneOf: ['shutoff'] }, ...hangs(branches)],
      ...plainStep,
      whenInterrupted: 'redo',
    },
  ];
}

function hangs(branches: readonly Branch[]): Expectation[] {
  return branches.flatMap(({ disk, dataId, overlay }): Expectation[] => [
    { kind: 'activeLayer', target: disk.target, imageId: overlay },
    { kind: 'imageParent', imageId: overlay, parentId: dataId },
  ]);
}

/** `virsh snapshot-current` with a name writes the record again as the current one, with what is secret in it (virsh(1)). */
function currentStep({ name, id }: Snapshot, branches: readonly Branch[], context: LibvirtContext): Step {
  return {
    title: `Say that ${context.vm.name} is at "${name}"`,
    argv: virsh(context, 'snapshot-current', `--snapshotname=${name}`),
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
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

function diskRefusals(snapshot: Snapshot, branches: readonly Branch[], context: LibvirtContext): PlanNote[] {
  const { vm, images } = context;
  const external = snapshot.disks.filter(({ kind }) => kind === 'external');
  const without = external.filter(({ target }) => !branches.some(({ disk }) => disk.target === target));
  const next = otherAtNextStart(vm);
  return [
    ...without.map(({ target, dataImageId }) =>
      note(
        'diskNotThere',
        dataImageId === null
          ? `Where the data of disk ${target} is, the record of "${snapshot.name}" does not say so that it could be found.`
          : `Disk ${target}, which "${snapshot.name}" holds, is no disk of ${vm.name} now, or not one in a file. Attach it first.`,
        [target],
      ),
    ),
    ...branches.flatMap(({ disk, dataId }) => [
      ...(disk.imageId === dataId
        ? [
            note(
              'dataInUse',
              `${dataId} is what disk ${disk.target} writes to now, so it does not hold what "${snapshot.name}" was any more.`,
              [dataId],
            ),
          ]
        : []),
      ...(['file', 'block'].includes(images.get(dataId)?.kind ?? '')
        ? []
        : [
            note('imageKind', `${dataId} (disk ${disk.target}) is not on a file system or a volume of the host.`, [
              dataId,
            ]),
          ]),
      ...(disk.source?.startsWith('/') === false
        ? [
            note(
              'volumeSource',
              `Disk ${disk.target} is named as a volume of a storage pool (${disk.source}), not by a path. Snaptree does not change such definitions.`,
              [disk.target],
            ),
          ]
        : []),
    ]),
    ...next.map(({ imageId, message }) => note('nextStartDiffers', message, [imageId])),
  ];
}

function stateWarnings(request: RevertRequest, snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  const { saveAs } = request;
  const { vm } = context;
  const held = new Set(snapshot.disks.filter(({ kind }) => kind === 'external').map(({ target }) => target));
  const left = writableDisks(vm.disks).filter(({ target }) => !held.has(target));
  const runs = vm.state !== 'shutoff';
  return [
    saveAs === null
      ? note(
          'presentStateLeft',
          `What ${vm.name} wrote since the last snapshot stays in its present images, and in no snapshot: nothing here brings it back by itself.${runs ? ' What the guest has in memory is lost.' : ''}`,
        )
      : note(
          'presentStateSaved',
          savedMemoryOf(request, context) !== null
            ? `The present disks of ${vm.name} and its memory are saved as "${saveAs}" first, and the guest is ended at that moment, so that nothing of it is lost. Reverting to that undoes this. It stays until it is deleted. Where libvirt cannot save the memory (devices of the host, memory shared with it), nothing is changed: leave the memory out then.`
            : `The present disks of ${vm.name} are saved as "${saveAs}" first. Reverting to that undoes this.${runs ? ' What the guest has in memory is lost: it is ended at that moment, as by a power cut.' : ''} It stays until it is deleted.`,
        ),
    ...(memoryFileOf(snapshot) === null
      ? [
          note(
            'definitionStays',
            `Devices, memory and CPUs of ${vm.name} stay as they are; only its disks go back. It is shut off afterwards.`,
          ),
        ]
      : memoryRevertWarnings(context)),
    ...lostMemoryWarnings(snapshot, context),
    // With memory that is refused.
    ...(left.length === 0 || memoryFileOf(snapshot) !== null
      ? []
      : [
          note(
            'partial',
            `"${snapshot.name}" does not hold ${listed(left.map(({ target }) => target))}, which ${left.length === 1 ? 'stays' : 'stay'} as ${left.length === 1 ? 'it is' : 'they are'} now.`,
            left.map(({ target }) => target),
          ),
        ]),
    ...(vm.hasNvram
      ? [note('withoutNvram', 'The firmware variables (NVRAM) are not part of the snapshot and stay as they are now.')]
      : []),
  ];
}

/** The data of a snapshot is written to by nothing that Snaptree does; but somebody may have committed into it by hand. */
function writtenSince(snapshot: Snapshot, branches: readonly Branch[], { images }: LibvirtContext): PlanNote[] {
  return branches.flatMap(({ dataId }) => {
    const image = images.get(dataId);
    return image && isWrittenSince(snapshot, image) === true
      ? [
          note(
            'writtenSince',
            `${dataId} was written to after "${snapshot.name}" was taken. A merge by Snaptree that brought the snapshot's data there leaves that right; if something was merged into it by hand, it does not hold what the snapshot was any more.`,
            [dataId],
          ),
        ]
      : [];
  });
}
