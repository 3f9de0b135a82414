/** Plans that merge images of a VM down into one below them. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanRoom } from '../../../../../shared/model/plan.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { remoteDependentWarnings } from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { roomWarnings } from '../../../planning/space.ts';
import { filesGo, nothingNeeds } from '../files-go.ts';
import { nextStartWarnings, renamedDataRefusals, type LibvirtContext } from '../plan-rules.ts';
import { standsStillWarnings } from '../saved-while-paused.ts';
import { begunAbsentIds, begunFiles } from './begun-plan.ts';
import { chainsAfterMerge, commitRanges, idsOf, isRangeMerged, targetsOf, type MergeRange } from './merge-ranges.ts';
import {
  memoryFilesToGo,
  movedDataExpectations,
  replacementsOf,
  spoiledSnapshots,
  treeAfterMerge,
} from './merge-records.ts';
import { fullVolumeWarnings, roomBeforeEach, roomsForMerge } from './merge-room.ts';
import { commitRefusals, mergeRefusals } from './merge-rules.ts';
import { committed, liveCommit, offlineCommit, recordsFollow, spoiledRecordsGo, type Step } from './merge-steps.ts';

interface Parts {
  readonly ranges: readonly MergeRange[];
  /** The same, as they are merged one after the other. */
  readonly merges: readonly MergeRange[];
  readonly spoiled: readonly Snapshot[];
  readonly stay: readonly Snapshot[];
  readonly rooms: readonly PlanRoom[];
}

type CommitRequest = Extract<ChangeRequest, { action: 'commitImages' }>;

/**
 * What the images of each range hold goes into its base. While the VM runs this is a block job, otherwise qemu-img; either way
 * the merged images are read until the end, and removed last of all. Snapshots whose data is changed lose their records, and the
 * records of the others name the base then.
 */
export function planCommit(request: CommitRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const { ranges, refusals } = commitRanges(request, context);
  const merges = ranges.flatMap((range) => (request.oneByOne ? single(range) : [range]));
  const spoiled = [...new Set(merges.flatMap((range) => spoiledSnapshots(range, context)))];
  const stay = vm.snapshots.filter((snapshot) => !spoiled.includes(snapshot));
  const live = vm.state !== 'shutoff';
  const merged = ranges.flatMap((range) => range.merged);
  const rooms = roomsForMerge(merges, 'base', context);
  const title = `Merge ${merged.length === 1 ? 'one image' : `${merged.length} images`} of ${vm.name} down`;
  return {
    vmName: vm.name,
    title,
    refusals: [
      ...refusals,
      ...mergeRefusals(ranges, context),
      ...renamedDataRefusals(context, stay, targetsOf(ranges)),
      ...ranges.flatMap((range) => commitRefusals(range, context, 'Merging down')),
    ],
    warnings: [
      ...spoiledWarnings(spoiled, context),
      ...(live
        ? [
            note(
              'canBeGivenUp',
              'While it runs it can be given up: the VM then reads what it read before, and the chain stays as long as it is.',
            ),
          ]
        : []),
      ...remoteDependentWarnings(context, [...idsOf(merged), ...ranges.flatMap(({ base }) => base?.image.id ?? [])]),
      ...standsStillWarnings(vm),
      ...nextStartWarnings(context),
      ...volumeWarnings(ranges),
      ...fullVolumeWarnings(merges, 'base', context),
      ...roomWarnings(
        rooms,
        'littleSpace',
        (needed, free, where) =>
          `Up to ${needed} may be needed before the merged images are removed, and ${where} has ${free} free. A merge that finds no room ends, and the VM reads what it read before.`,
      ),
    ],
    rooms,
    expectedPause:
      live && ranges.some(({ above }) => above === null)
        ? 'The guest stands still for a moment when it moves to the image below.'
        : null,
    steps: ranges.length === 0 ? [] : steps(request.bytesPerSecond, { ranges, merges, spoiled, stay, rooms }, context),
    after: {
      vmState: vm.state,
      ...treeAfterMerge(ranges, 'base', spoiled, context),
      chains: chainsOf(context, chainsAfterMerge(ranges, context)),
    },
  };
}

function steps(
  bytesPerSecond: number | null,
  { ranges, merges, spoiled, stay, rooms }: Parts,
  context: LibvirtContext,
): readonly Step[] {
  const live = context.vm.state !== 'shutoff';
  const told = new Set<Snapshot>();
  const roomBefore = roomBeforeEach(merges, 'base', rooms, context);
  const mergeSteps = merges.flatMap((range) => {
    const mine = spoiledSnapshots(range, context).filter((snapshot) => !told.has(snapshot));
    const records = spoiledRecordsGo(range, mine, [...told], context);
    for (const snapshot of mine) told.add(snapshot);
    const isDone = isRangeMerged(range, context);
    const room = range === merges[0] ? [] : roomBefore(range);
    if (live) return isDone ? records : [...room, liveCommit(range, bytesPerSecond, context), ...records];
    const { merge, hang } = offlineCommit(range, context);
    return isDone ? [...records, hang] : [...room, merge, ...records, hang];
  });
  // Of snapshots whose records are gone already only the plan that was begun tells.
  const goneIds = [...new Set([...begunAbsentIds(context), ...spoiled.map(({ id }) => id)])];
  const memory = [...new Set([...begunFiles(context).memoryFiles, ...memoryFilesToGo(spoiled, context)])];
  const files = ranges.flatMap(({ merged }) =>
    merged.filter(({ image }) => image.kind === 'file').map(({ image }) => image.id),
  );
  return [
    ...roomIsThere(rooms, activeLayersStay(context.vm.disks)),
    ...mergeSteps,
    recordsFollow(
      ranges.flatMap(committed),
      replacementsOf(ranges, 'base'),
      { stay, goneIds, verify: movedDataExpectations(ranges, spoiled, context) },
      context,
    ),
    ...(files.length === 0
      ? []
      : [nothingNeeds(files, { written: live ? writtenBelow(ranges) : [] }), filesGo(files, memory)]),
  ];
}

/** Where the VM runs and goes on above, nobody writes to them any more. */
function writtenBelow(ranges: readonly MergeRange[]): readonly string[] {
  return ranges.flatMap(({ above, base }) => (above === null || base === null ? [] : [base.image.id]));
}

/** One image at a time, each into the one below it, the uppermost first. */
function single(range: MergeRange): readonly MergeRange[] {
  const { merged, base } = range;
  if (base === null) return [];
  return merged.map((layer, index) => {
    const below = merged.slice(index + 1);
    return { ...range, merged: [layer], base: below[0] ?? base, below: [...below.slice(1), base, ...range.below] };
  });
}

function spoiledWarnings(spoiled: readonly Snapshot[], { vm }: LibvirtContext) {
  if (spoiled.length === 0) return [];
  const names = spoiled.map(({ name }) => `"${name}"`);
  return [
    note(
      'snapshotsLost',
      `${listed(names)} ${names.length === 1 ? 'goes' : 'go'}: the data of ${names.length === 1 ? 'this snapshot is' : 'these snapshots is'} in images that the merge changes from its beginning on, also where it is given up. The present state of ${vm.name} stays as it is.`,
      spoiled.map(({ name }) => name),
    ),
  ];
}

export function volumeWarnings(ranges: readonly MergeRange[]) {
  const volumes = ranges.flatMap(({ merged }) => merged.filter(({ image }) => image.kind === 'block'));
  return volumes.length === 0
    ? []
    : [
        note(
          'volumesStay',
          `${listed(volumes.map(({ image }) => image.id))} ${volumes.length === 1 ? 'is a volume, which is' : 'are volumes, which are'} not removed; nothing needs ${volumes.length === 1 ? 'it' : 'them'} afterwards.`,
        ),
      ];
}
