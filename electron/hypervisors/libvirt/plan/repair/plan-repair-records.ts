/** Plans that let records of snapshots say what is on storage: those of lost data go, and those of moved data name its image. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { reasonsToKeep, recordedDisks } from '../../../../../shared/rules/repair/recorded-data.ts';
import { parentsFirst } from '../../../../../shared/rules/snapshots/snapshot-forest.ts';
import { describeRefusals } from '../../../../../shared/rules/snapshots/record-refusals.ts';
import { memoryFilesIn } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import { folderOf } from '../../../../../shared/rules/text/folders.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { plannedSnapshot } from '../../../planning/planning-context.ts';
import { treeWithout } from '../../../planning/tree-afterwards.ts';
import { recordsGo } from '../merge/records-go.ts';
import { editArgv } from '../merge/record-script.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { isKeepingStep, keepRecordsStep, keptIn } from './keep-records.ts';

type Step = Omit<PlanStep, 'index'>;
type RepairRequest = Extract<ChangeRequest, { action: 'repairRecords' }>;

/** One disk's data that is in another image than its record says. */
interface Move {
  readonly snapshot: Snapshot;
  readonly target: string;
  readonly fromId: string;
  readonly toId: string;
  readonly format: string;
  readonly isBlock: boolean;
  /** The record's own image is there too, and must hold the same. */
  readonly compare: boolean;
}

export function planRepairRecords(request: RepairRequest, context: LibvirtContext): PlanDraft {
  const { vm, done } = context;
  const doomed = parentsFirst(
    [...new Set(request.drop)].filter((id) => !isDropped(id, context)).map((id) => plannedSnapshot(context, id)),
    vm.snapshots,
  );
  const moved = [...new Set(request.move)]
    .map((id) => plannedSnapshot(context, id))
    .filter((snapshot) => !isMoved(snapshot, context));
  const moves = moved.flatMap((snapshot) => movesOf(snapshot, context));
  const snapshots = vm.snapshots.map((each) => withMoves(each, moves));
  const then: LibvirtContext = { ...context, vm: { ...vm, snapshots } };
  // The snapshots below are written anew, so that they hang on what stays.
  const children = vm.snapshots.filter(({ parentId }) => doomed.some(({ id }) => id === parentId));
  const touched = [...new Set([...doomed, ...moved, ...children])].map(({ name }) => name);
  return {
    vmName: vm.name,
    title: titleOf(doomed, moved, vm.name),
    refusals: [
      ...(doomed.length + moved.length + done.length === 0
        ? [note('nothingToDo', `No record of a snapshot of ${vm.name} was named.`)]
        : []),
      ...[...new Set([...doomed, ...moved, ...children])].flatMap((snapshot) => describeRefusals(snapshot, vm)),
      ...doomed.flatMap((snapshot) => dropRefusals(snapshot, context)),
      ...moved.flatMap((snapshot) => moveRefusals(snapshot, doomed, context)),
    ],
    warnings: [
      ...doomed.map((snapshot) => lostForGood(snapshot, context)),
      ...moves.flatMap(notProven),
      ...mayBeUnmounted(doomed, context),
      ...memoryStays(doomed),
      note(
        'recordsKept',
        `Copies of the records stay in ${keptIn(context)} on the host: they can be defined again from there.`,
      ),
    ],
    rooms: [],
    expectedPause: null,
    steps: [
      ...moves.filter(({ compare }) => compare).map(compareStep),
      ...(done.some(isKeepingStep) ? [] : [keepRecordsStep(touched, context)]),
      ...moved.flatMap((snapshot) => moveStep(snapshot, moves, context)),
      ...(doomed.length === 0 ? [] : recordsGo(doomed, then)),
    ],
    after: {
      vmState: vm.state,
      chains: chainsOf(context),
      ...treeWithout(new Set(doomed.map(({ id }) => id)), then),
    },
  };
}

/** By a step of the same plan that is done. */
function isDropped(snapshotId: string, { vm, done }: LibvirtContext): boolean {
  return (
    vm.snapshots.every(({ id }) => id !== snapshotId) &&
    done.some(({ verify }) => verify.some((each) => each.kind === 'snapshotAbsent' && each.snapshotId === snapshotId))
  );
}

/** As `isDropped`: its record names what it was to name. */
function isMoved({ id, disks }: Snapshot, { done }: LibvirtContext): boolean {
  return done.some(
    ({ onlyLooks, verify }) =>
      onlyLooks !== true &&
      verify.some(
        (each) =>
          each.kind === 'snapshotData' &&
          each.snapshotId === id &&
          disks.some(({ target, dataImageId }) => target === each.target && dataImageId === each.dataImageId),
      ),
  );
}

function titleOf(doomed: readonly Snapshot[], moved: readonly Snapshot[], vmName: string): string {
  const names = (snapshots: readonly Snapshot[]) => listed(snapshots.map(({ name }) => `"${name}"`));
  const parts = [
    ...(doomed.length === 0 ? [] : [`remove the record of ${names(doomed)}`]),
    ...(moved.length === 0 ? [] : [`let the record of ${names(moved)} name the image of its data`]),
  ];
  return `Repair records of ${vmName}: ${parts.length === 0 ? 'nothing' : parts.join('; ')}`;
}

function movesOf(snapshot: Snapshot, { vm, inventory }: LibvirtContext): readonly Move[] {
  return recordedDisks(snapshot, vm, inventory).flatMap(({ target, disk, data }): readonly Move[] => {
    if (data.kind !== 'moved' || disk.dataImageId === null || data.to.format === null) return [];
    const { id: toId, format, kind } = data.to;
    return [
      { snapshot, target, fromId: disk.dataImageId, toId, format, isBlock: kind === 'block', compare: data.compare },
    ];
  });
}

function withMoves(snapshot: Snapshot, moves: readonly Move[]): Snapshot {
  const own = moves.filter((move) => move.snapshot === snapshot);
  if (own.length === 0) return snapshot;
  return {
    ...snapshot,
    disks: snapshot.disks.map((disk) => {
      const move = own.find(({ target }) => target === disk.target);
      return move ? { ...disk, dataImageId: move.toId } : disk;
    }),
  };
}

function dropRefusals(snapshot: Snapshot, { vm, inventory }: LibvirtContext): PlanNote[] {
  const reasons = reasonsToKeep(snapshot, vm, inventory);
  if (reasons.length === 0) return [];
  return [
    note(
      'recordNeeded',
      `The record of "${snapshot.name}" is the only way to data that is there, or may be: ${reasons.join(' ')} To give up the data as well, delete the snapshot.`,
      [snapshot.name],
    ),
  ];
}

function moveRefusals(snapshot: Snapshot, doomed: readonly Snapshot[], context: LibvirtContext): PlanNote[] {
  const { vm, inventory } = context;
  const disks = recordedDisks(snapshot, vm, inventory);
  const moved = disks.filter(({ data }) => data.kind === 'moved');
  const noFormat = moved.find(({ data }) => data.kind === 'moved' && data.to.format === null);
  return [
    ...(doomed.includes(snapshot)
      ? [
          note('nothingToDo', `The record of "${snapshot.name}" cannot both go and name another image.`, [
            snapshot.name,
          ]),
        ]
      : []),
    ...(moved.length > 0
      ? []
      : [
          note(
            'dataNotMoved',
            `It is not known that data of "${snapshot.name}" is in another image than its record says. ${disks.map(({ data }) => data.why).join(' ')}`,
            [snapshot.name],
          ),
        ]),
    ...(noFormat ? [note('formatUnknown', `The format of the image of ${noFormat.target} is not known.`)] : []),
  ];
}

function lostForGood(snapshot: Snapshot, { vm, inventory }: LibvirtContext): PlanNote {
  const why = recordedDisks(snapshot, vm, inventory).map(({ data }) => data.why);
  return note(
    'snapshotLost',
    `"${snapshot.name}" cannot be gone back to any more, with or without its record: ${why.join(' ')} No image is removed or changed.`,
    [snapshot.name],
  );
}

function notProven({ snapshot, target, fromId, toId, compare }: Move): PlanNote[] {
  return compare
    ? []
    : [
        note(
          'dataNotCompared',
          `That ${toId} holds the state of disk ${target} of "${snapshot.name}" follows from its overlay, which hangs on it. It cannot be compared with ${fromId}, which the record names: that is not there, or holds an older state.`,
          [snapshot.name],
        ),
      ];
}

/** Storage that is not mounted looks like images that are gone. */
function mayBeUnmounted(doomed: readonly Snapshot[], { images, inventory }: LibvirtContext): PlanNote[] {
  const there = new Set(inventory.images.filter(({ status }) => status === 'ok').map(({ id }) => folderOf(id)));
  const missing = doomed.flatMap(({ disks }) =>
    disks.flatMap(({ dataImageId }) =>
      dataImageId !== null && images.get(dataImageId)?.status === 'missing' ? [folderOf(dataImageId)] : [],
    ),
  );
  const empty = [...new Set(missing)].filter((folder) => !there.has(folder));
  if (empty.length === 0) return [];
  return [
    note(
      'mayBeUnmounted',
      `Nothing else was found in ${listed(empty)}: it may be storage that is not mounted, and the data may be there. Make sure that it is mounted, and refresh, before you give the records up.`,
      empty,
    ),
  ];
}

function memoryStays(doomed: readonly Snapshot[]): PlanNote[] {
  const files = memoryFilesIn(doomed);
  if (files.length === 0) return [];
  return [
    note(
      'memoryFileStays',
      `${listed(files)} ${files.length === 1 ? 'stays' : 'stay'} where ${files.length === 1 ? 'it is' : 'they are'}: memory without the disks of its time. Nothing names ${files.length === 1 ? 'it' : 'them'} afterwards but the copies of the records.`,
      files,
    ),
  ];
}

/** With `-U`: of a VM that runs the images are open, and those below the active layer are only read. */
function compareStep({ snapshot, target, fromId, toId }: Move): Step {
  return lookingStep({
    title: `Compare ${fromId} with ${toId}: both must hold the state of disk ${target} of "${snapshot.name}"`,
    script: `
why=$(LC_ALL=C qemu-img compare -U -- "$1" "$2" 2>&1) && exit 0
printf '%s\\n' "$1 and $2 do not hold the same, or could not be compared: $why. Nothing was changed: the record names the first, and the data of the snapshot may be in there. Go back to it, or copy it, before anything else." >&2
exit 1`.trim(),
    words: [fromId, toId],
    reads: [fromId, toId],
    verify: [{ kind: 'snapshotData', snapshotId: snapshot.id, target, dataImageId: fromId }],
  });
}

/** One record at a time: the overlay of one snapshot is the data of the next. */
function moveStep(snapshot: Snapshot, all: readonly Move[], { uri, vm }: LibvirtContext): readonly Step[] {
  const moves = all.filter((move) => move.snapshot === snapshot);
  if (moves.length === 0) return [];
  return [
    {
      title: `Let the record of "${snapshot.name}" name ${listed([...new Set(moves.map(({ toId }) => toId))])}`,
      argv: editArgv({
        uri,
        vmUuid: vm.uuid,
        replacements: moves.map(({ fromId, toId, format, isBlock }) => ({ from: fromId, to: toId, format, isBlock })),
        snapshotNames: [snapshot.name],
        definition: 'no',
      }),
      reads: [...new Set(moves.map(({ toId }) => toId))],
      writes: [],
      creates: [],
      invalidates: [],
      deletes: [],
      verify: [
        ...moves.map(({ target, toId }): Expectation => ({
          kind: 'snapshotData',
          snapshotId: snapshot.id,
          target,
          dataImageId: toId,
        })),
        ...activeLayersStay(vm.disks),
      ],
      ...plainStep,
      whenInterrupted: 'redo',
    },
  ];
}
