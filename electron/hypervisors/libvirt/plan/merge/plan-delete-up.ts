/** Plans that delete an external snapshot upwards: the overlay takes up what its image holds, and the image goes. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../../shared/model/plan.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import {
  dependentRefusals,
  openElsewhereRefusals,
  remoteDependentWarnings,
  unknownDependentRefusals,
} from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { roomWarnings } from '../../../planning/space.ts';
import { filesGo, nothingNeeds } from '../files-go.ts';
import { nextStartWarnings, renamedDataRefusals, type LibvirtContext } from '../plan-rules.ts';
import { begunFiles, begunMerges } from './begun-plan.ts';
import { chainsAfterMerge, idsOf, isMergeDone, layersOf, targetsOf, type MergeRange } from './merge-ranges.ts';
import { memoryFilesToGo, replacementsOf, treeAfterMerge } from './merge-records.ts';
import { fullVolumeWarnings, roomBeforeEach, roomsForMerge } from './merge-room.ts';
import { lostSnapshotRefusals, mergeRefusals, pullRefusals } from './merge-rules.ts';
import { livePull, offlinePull, pulled, recordsFollow } from './merge-steps.ts';
import { volumeWarnings } from './plan-commit.ts';
import { recordsGo } from './records-go.ts';

/** A disk whose chain holds what a snapshot has parted. */
export interface PartedDisk {
  readonly target: string;
  /** Of the data, from the active layer (0) on. */
  readonly depth: number;
  readonly dataId: string;
  readonly overlayId: string;
}

/**
 * Nothing that a snapshot other than this one reads is changed: its image is only read, until it is removed last of all, and what is
 * read through the overlay stays the same.
 */
export function planDeleteUp(snapshot: Snapshot, inChain: readonly PartedDisk[], context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const ranges = rangesOf(inChain, context);
  const toDo = ranges.filter(({ disk }) => !isMergeDone(disk.target, context));
  const images = ranges.flatMap(({ merged }) => idsOf(merged));
  const overlays = ranges.flatMap(({ above }) => (above ? [above.image.id] : []));
  const files = ranges.flatMap(({ merged }) => idsOf(merged.filter(({ image }) => image.kind === 'file')));
  const memory = [...new Set([...begunFiles(context).memoryFiles, ...memoryFilesToGo([snapshot], context)])];
  const live = vm.state !== 'shutoff';
  const rooms = roomsForMerge(toDo, 'above', context);
  const roomBefore = roomBeforeEach(toDo, 'above', rooms, context);
  const stay = vm.snapshots.filter((each) => each !== snapshot);
  return {
    vmName: vm.name,
    title: '',
    refusals: [
      ...mergeRefusals(toDo, context),
      ...renamedDataRefusals(context, stay, targetsOf(toDo)),
      ...toDo.flatMap((range) => [
        ...upRefusals(range, live, context),
        ...pullRefusals(range, context, 'Taking up what is below'),
        ...lostSnapshotRefusals(
          range.merged.map(({ image }) => image),
          context,
          'Deleting upwards',
        ),
      ]),
      ...partlyRefusals(snapshot, ranges),
      ...sharedDataRefusals(stay, images),
      ...dependentRefusals(context, images, 'Deleting upwards', new Set(overlays)),
      ...unknownDependentRefusals(context, images, 'Deleting upwards'),
      ...openElsewhereRefusals(context, overlays, 'Deleting upwards'),
    ],
    warnings: [
      note(
        'cannotComeBack',
        `"${snapshot.name}" cannot be brought back. The present state of ${vm.name} and all other snapshots stay as they are.`,
        [snapshot.name],
      ),
      ...remoteDependentWarnings(context, images),
      ...nextStartWarnings(context),
      ...volumeWarnings(ranges),
      ...fullVolumeWarnings(toDo, 'above', context),
      ...roomWarnings(
        rooms,
        'littleSpace',
        (needed, free, where) =>
          `Up to ${needed} may be needed before the image of the snapshot is removed, and ${where} has ${free} free. A merge that finds no room ends, and the VM reads what it read before.`,
      ),
    ],
    rooms,
    expectedPause: null,
    steps: [
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      ...toDo.flatMap((range) => [
        ...(range === ranges[0] ? [] : roomBefore(range)),
        live ? livePull(range, null, context) : offlinePull(range, context),
      ]),
      // What was written after the snapshot before this one went on in its image, and goes on in the overlay now.
      recordsFollow(
        ranges.flatMap(pulled),
        replacementsOf(ranges, 'above'),
        { stay, goneIds: [], verify: [] },
        context,
      ),
      ...recordsGo([snapshot], context),
      ...(files.length === 0 ? [] : [nothingNeeds(files)]),
      ...(files.length + memory.length === 0 ? [] : [filesGo(files, memory)]),
    ],
    after: {
      vmState: vm.state,
      ...treeAfterMerge(ranges, 'above', [snapshot], context),
      chains: chainsOf(context, chainsAfterMerge(toDo, context)),
    },
  };
}

/** Of each disk: the overlay, the image of the snapshot under it, and what is below. One that is merged already is in no chain any more. */
function rangesOf(inChain: readonly PartedDisk[], context: LibvirtContext): readonly MergeRange[] {
  const begun = begunMerges(context).map(({ target, topId, writtenId }) => ({
    target,
    dataId: topId,
    overlayId: writtenId,
  }));
  return (begun.length > 0 ? begun : inChain).flatMap(({ target, dataId, overlayId }): MergeRange[] => {
    const disk = context.vm.disks.find((each) => each.target === target);
    const layers = disk ? layersOf(disk, context) : [];
    const at = layers.findIndex(({ image }) => image.id === overlayId);
    const image = context.images.get(dataId);
    const above = layers[at];
    if (!disk || !image || !above) return [];
    const isDone = isMergeDone(target, context);
    const below = layers.slice(at + (isDone ? 1 : 2));
    const merged = (isDone ? null : layers[at + 1]) ?? { image, path: dataId };
    return [{ disk, above, merged: [merged], base: below[0] ?? null, below: below.slice(1) }];
  });
}

function upRefusals({ disk, above, merged, base }: MergeRange, live: boolean, { vm }: LibvirtContext): PlanNote[] {
  const names = listed(idsOf(merged));
  return [
    ...(base === null
      ? [
          note(
            'baseStays',
            `${names} is the base of disk ${disk.target}, and a base is not removed. Delete downwards: the overlay is merged into it.`,
            idsOf(merged),
          ),
        ]
      : []),
    ...(live && above !== null && above.image.id !== disk.imageId
      ? [
          note(
            'notTheActiveLayer',
            `While ${vm.name} runs only the active layer of a disk takes others up, and above ${names} lies ${above.image.id}, which is not the one of disk ${disk.target}. Delete downwards, or shut the VM down first.`,
            [above.image.id],
          ),
        ]
      : []),
  ];
}

/** On some disks only the record would be left, with data that was merged on the others. */
function partlyRefusals({ name, disks }: Snapshot, ranges: readonly MergeRange[]): PlanNote[] {
  const targets = new Set(ranges.map(({ disk }) => disk.target));
  const others = disks.filter(({ kind, target }) => kind === 'external' && !targets.has(target));
  return others.length === 0
    ? []
    : [
        note(
          'differsByDisk',
          `What "${name}" holds is in the chain of the VM on some disks, and not on ${listed(others.map(({ target }) => target))}: it cannot be deleted upwards.`,
          [name],
        ),
      ];
}

function sharedDataRefusals(stay: readonly Snapshot[], imageIds: readonly string[]): PlanNote[] {
  const others = stay.filter(({ disks }) =>
    disks.some(({ dataImageId }) => dataImageId !== null && imageIds.includes(dataImageId)),
  );
  const names = others.map(({ name }) => name);
  return names.length === 0
    ? []
    : [
        note(
          'wouldDestroySnapshots',
          `The data of ${listed(names.map((name) => `"${name}"`))} is in the same image, which would go. Delete ${names.length === 1 ? 'it' : 'them'} first.`,
          names,
        ),
      ];
}
