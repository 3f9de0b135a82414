/** What a plan to go back to an external snapshot is refused by, and what its user is told. Pure. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../../shared/model/plan.ts';
import { otherAtNextStart } from '../../../../../shared/rules/chains/next-start.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import type { GivenUpLayer } from './given-up-layers.ts';
import { lostMemoryWarnings, memoryFileOf, memoryRevertWarnings } from './plan-revert-memory.ts';
import { savedMemoryOf, type Branch, type RevertRequest } from './revert-branches.ts';

export function diskRefusals(snapshot: Snapshot, branches: readonly Branch[], context: LibvirtContext): PlanNote[] {
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

export function stateWarnings(
  request: RevertRequest,
  snapshot: Snapshot,
  givenUp: readonly GivenUpLayer[],
  context: LibvirtContext,
): PlanNote[] {
  const { saveAs } = request;
  const { vm } = context;
  const held = new Set(snapshot.disks.filter(({ kind }) => kind === 'external').map(({ target }) => target));
  const left = writableDisks(vm.disks).filter(({ target }) => !held.has(target));
  const runs = vm.state !== 'shutoff';
  return [
    ...(saveAs === null
      ? presentStateWarnings(givenUp, context)
      : [
          note(
            'presentStateSaved',
            savedMemoryOf(request, context) !== null
              ? `The present disks of ${vm.name} and its memory are saved as "${saveAs}" first, and the guest is ended at that moment, so that nothing of it is lost. Reverting to that undoes this. It stays until it is deleted. Where libvirt cannot save the memory (devices of the host, memory shared with it), nothing is changed: leave the memory out then.`
              : `The present disks of ${vm.name} are saved as "${saveAs}" first. Reverting to that undoes this.${runs ? ' What the guest has in memory is lost: it is ended at that moment, as by a power cut.' : ''} It stays until it is deleted.`,
          ),
        ]),
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

function presentStateWarnings(givenUp: readonly GivenUpLayer[], { vm }: LibvirtContext): PlanNote[] {
  const memory = vm.state === 'shutoff' ? '' : ' What the guest has in memory is lost.';
  const going = new Set(givenUp.map(({ target }) => target));
  const isAllGiven = writableDisks(vm.disks).every(({ target }) => going.has(target));
  return [
    ...givenUp.map(({ target, imageId, since }) =>
      note(
        'presentStateDeleted',
        `Deletes ${imageId}: what was written to disk ${target} since "${since}" is in no snapshot, and nothing brings it back. Save the present state first to be able to come back.`,
        [imageId],
      ),
    ),
    ...(isAllGiven
      ? memory === ''
        ? []
        : [note('memoryLost', `${vm.name} is ended at that moment, as by a power cut.${memory}`)]
      : [
          note(
            'presentStateLeft',
            `What ${vm.name} wrote ${givenUp.length === 0 ? '' : 'to its other disks '}since the last snapshot stays in its present images, and in no snapshot: nothing here brings it back by itself.${memory}`,
          ),
        ]),
  ];
}
