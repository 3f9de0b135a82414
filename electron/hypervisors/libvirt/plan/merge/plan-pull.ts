/** Plans that merge images of a VM up into its active layer. */
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { openElsewhereRefusals } from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { roomWarnings } from '../../../planning/space.ts';
import { nextStartWarnings, renamedDataRefusals, type LibvirtContext } from '../plan-rules.ts';
import { standsStillWarnings } from '../saved-while-paused.ts';
import { chainsAfterMerge, idsOf, pullRanges, targetsOf } from './merge-ranges.ts';
import { fullVolumeWarnings, roomBeforeEach, roomsForMerge } from './merge-room.ts';
import { mergeRefusals, pullRefusals } from './merge-rules.ts';
import { definitionFollows, livePull, offlinePull } from './merge-steps.ts';

type PullRequest = Extract<ChangeRequest, { action: 'pullImages' }>;

/**
 * The active layer of each disk takes up what the images between it and the base hold. Those are only read: whoever else
 * needs them, snapshots too, finds them as they were.
 */
export function planPull(request: PullRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const { ranges, refusals } = pullRanges(request, context);
  const live = vm.state !== 'shutoff';
  const merged = ranges.flatMap((range) => range.merged);
  const active = ranges.flatMap(({ above }) => (above ? [above.image.id] : []));
  const rooms = roomsForMerge(ranges, 'above', context);
  const roomBefore = roomBeforeEach(ranges, 'above', rooms, context);
  // Also those whose merge is done already.
  const disks = vm.disks.filter(({ target }) => request.ranges.some((range) => range.target === target));
  const alone = ranges.filter(({ base }) => base === null).map(({ disk }) => disk.target);
  return {
    vmName: vm.name,
    title: `Merge ${merged.length === 1 ? 'one image' : `${merged.length} images`} of ${vm.name} up`,
    refusals: [
      ...refusals,
      ...mergeRefusals(ranges, context),
      // The overlay is what shows it, and would hang on something else.
      ...renamedDataRefusals(context, vm.snapshots, targetsOf(ranges)),
      ...ranges.flatMap((range) => pullRefusals(range, context, 'Merging up')),
      ...openElsewhereRefusals(context, active, 'Merging up'),
    ],
    warnings: [
      note(
        'imagesStay',
        `${listed(idsOf(merged))} ${merged.length === 1 ? 'stays' : 'stay'} as ${merged.length === 1 ? 'it is' : 'they are'}, with the snapshots whose data ${merged.length === 1 ? 'it holds' : 'they hold'}: no room becomes free before these are deleted.`,
        idsOf(merged),
      ),
      ...(alone.length === 0
        ? []
        : [
            note(
              'standsAlone',
              `Disk ${listed(alone)} then needs no other image, and can be moved or copied by itself.`,
            ),
          ]),
      ...standsStillWarnings(vm),
      ...nextStartWarnings(context),
      ...fullVolumeWarnings(ranges, 'above', context),
      ...roomWarnings(
        rooms,
        'littleSpace',
        (needed, free, where) =>
          `Up to ${needed} may be needed, and ${where} has ${free} free. A merge that finds no room ends, and the VM reads what it read before.`,
      ),
    ],
    rooms,
    expectedPause: null,
    steps: [
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      ...ranges.flatMap((range) => [
        ...(range.disk.target === request.ranges[0]?.target ? [] : roomBefore(range)),
        live ? livePull(range, request.bytesPerSecond, context) : offlinePull(range, context),
      ]),
      ...(live ? [] : [definitionFollows(disks, context)]),
    ],
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context, chainsAfterMerge(ranges, context)),
    },
  };
}
