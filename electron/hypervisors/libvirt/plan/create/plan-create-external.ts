/** Plans for external snapshots: overlays that take all further writes, and a file for the memory where that is asked for. */
import type { Disk, Image } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { chainOfDisk } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import {
  savedImagesRefusals,
  stateRefusals,
  transientOverlayRefusals,
} from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { overlayRefusals } from '../../../../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import { defaultClusterBytes, emptyOverlayBytes, fullBytes } from '../../../../../shared/rules/chains/image-growth.ts';
import { overlayBeside } from '../../../../../shared/rules/snapshots/new-files.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainIds, chainsOf } from '../../../planning/chain-rules.ts';
import { sharedLayerRefusals } from '../../../planning/dependent-rules.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { atMostWithGuest, roomsFor, roomWarnings, type RoomNeed } from '../../../planning/space.ts';
import { treeWithNew } from '../../../planning/tree-afterwards.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { longestChain } from '../../capabilities.ts';
import { savingMemory } from '../memory-script.ts';
import { memoryPause, memoryRefusals, memoryRoom, memorySpec, memoryWarnings } from './plan-create-memory.ts';
import { nameRefusals, namingOptions, newFileRefusals, type CreateRequest } from './plan-create-rules.ts';
import { quiescePause, quiescedSteps, quiesceRefusals, thawIsLeft, withoutMemoryWarning } from './plan-quiesce.ts';
import { nextStartWarnings, virsh, type LibvirtContext } from '../plan-rules.ts';

/** The plan for an external snapshot of the chosen writable disks (all where none are named). */
export function planExternal(request: CreateRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const writable = writableDisks(vm.disks);
  const wanted = request.diskTargets ?? writable.map((disk) => disk.target);
  const disks = writable.filter((disk) => wanted.includes(disk.target));
  const overlays = overlaysOf(disks, request, context);
  const imageIds = disks.flatMap((disk) => (disk.imageId === null ? [] : [disk.imageId]));
  const memory = request.memoryFile ?? null;
  const overlayFiles = [...overlays.values()].filter((path) => path !== null);
  const newFiles = [...overlayFiles, ...(memory === null ? [] : [memory])];
  const unknownTargets = wanted.filter((target) => !writable.some((disk) => disk.target === target));
  const refusals = [
    ...nameRefusals(request, context),
    ...stateRefusals(context.vm),
    ...transientOverlayRefusals(vm),
    ...unknownTargets.map((target) => note('noSuchDisk', `${vm.name} has no writable disk ${target}.`, [target])),
    ...(disks.length === 0 ? [note('noDisk', 'No disk is chosen: an external snapshot needs at least one.')] : []),
    ...overlayRefusals(context, disks),
    ...disks.flatMap((disk) =>
      overlays.get(disk.target) === null
        ? [
            note(
              'noPlaceForOverlay',
              `Disk ${disk.target} (${disk.source ?? 'no source'}) is not a file, so there is no folder in which its overlay could be made by itself. Name a file for it, or leave the disk out.`,
              [disk.target],
            ),
          ]
        : [],
    ),
    ...chainLengthRefusals(context, disks),
    ...savedImagesRefusals(vm),
    ...sharedLayerRefusals(context, disks),
    ...(memory === null ? [] : memoryRefusals(disks, context)),
    ...quiesceRefusals(request, context),
    ...newFileRefusals(chosenFiles(request), newFiles, context),
    ...commaRefusals(vm, overlayFiles),
    ...Object.keys(request.overlayPaths ?? {})
      .filter((target) => !disks.some((disk) => disk.target === target))
      .map((target) =>
        note('noSuchDisk', `A file is named for the overlay of ${target}, which is no disk of the snapshot.`, [target]),
      ),
  ];
  const overlayRooms = disks.flatMap(({ target, imageId }) => {
    const overlay = overlays.get(target) ?? null;
    return overlay === null || imageId === null ? [] : [overlayRoom(overlay, context.images.get(imageId))];
  });
  const rooms = roomsFor(context, [...overlayRooms, ...(memory === null ? [] : [memoryRoom(memory, context)])]);
  const verify: Expectation[] = [
    { kind: 'snapshotExists', snapshotId: request.name },
    { kind: 'currentSnapshot', snapshotId: request.name },
    ...disks.flatMap((disk): Expectation[] => {
      const overlay = overlays.get(disk.target) ?? null;
      return overlay === null || disk.imageId === null
        ? []
        : [
            { kind: 'activeLayer', target: disk.target, imageId: overlay },
            { kind: 'imageParent', imageId: overlay, parentId: disk.imageId },
          ];
    }),
    ...activeLayersStay(vm.disks.filter((disk) => !disks.includes(disk))),
  ];
  const live = vm.state !== 'shutoff';
  const argv = virsh(
    context,
    'snapshot-create-as',
    ...namingOptions(request),
    ...(memory === null ? ['--disk-only'] : memorySpec(memory)),
    '--atomic',
    ...vm.disks.flatMap((disk) => {
      const overlay = overlays.get(disk.target) ?? null;
      // In a diskspec a comma separates; inside the file name it is doubled (virsh(1), snapshot-create-as).
      if (overlay !== null)
        return ['--diskspec', `${disk.target},snapshot=external,file=${overlay.replaceAll(',', ',,')}`];
      // libvirt makes overlays for disks that are not named, floppies too. It leaves out what only reads by itself.
      return disk.readOnly || disk.device === 'cdrom' ? [] : ['--diskspec', `${disk.target},snapshot=no`];
    }),
  );
  const create: Omit<PlanStep, 'index'> = {
    title: `${memory === null ? 'Create' : 'Write the memory, create'} ${overlayFiles.length === 1 ? 'an overlay' : `${overlayFiles.length} overlays`} and direct all writes to ${overlayFiles.length === 1 ? 'it' : 'them'}`,
    reads: imageIds,
    writes: [],
    creates: newFiles,
    invalidates: [],
    deletes: [],
    verify,
    ...plainStep,
    ...(memory === null ? { argv } : savingMemory(context, argv.slice(3))),
  };
  const left = thawIsLeft(request, context);
  return {
    vmName: vm.name,
    title: `Create the external snapshot "${request.name}" of ${vm.name}`,
    // Cut off behind the snapshot, whose name and files stand in the way of another one.
    refusals: left ? [] : refusals,
    warnings: [
      ...nextStartWarnings(context),
      ...(live && memory === null ? [withoutMemoryWarning(request, context)] : []),
      ...partialWarnings(context, writable, disks),
      ...(memory === null
        ? vm.hasNvram
          ? [note('withoutNvram', 'The firmware variables (NVRAM) are not part of a disk-only snapshot.')]
          : []
        : memoryWarnings(memory, context)),
      ...roomWarnings(
        // What of it is needed at once is not the point.
        rooms.map((room) => ({ ...room, likelyBytes: null })),
        'mayFillStorage',
        (needed, free, where) =>
          memory === null
            ? `The overlays start small, but can grow to ${needed} as the guest writes; ${where} has ${free} free.`
            : `The overlays start small, but can grow, together with the memory, to ${needed} as the guest writes; ${where} has ${free} free.`,
        atMostWithGuest,
      ),
    ],
    rooms,
    expectedPause:
      memory !== null
        ? memoryPause(memory, context)
        : live
          ? request.quiesce === true
            ? quiescePause
            : 'The guest stands still for a moment while its disks move to the new overlays.'
          : null,
    steps: left ?? [
      namesAreFree(newFiles, context, Object.values(request.overlayPaths ?? {})),
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      ...(request.quiesce === true ? quiescedSteps(create, context) : [create]),
    ],
    after: {
      vmState: vm.state,
      ...treeWithNew(request, context, {
        kind: 'external',
        memory: memory === null ? { kind: 'none' } : { kind: 'external', file: memory },
        vmState: memory !== null ? (vm.state === 'paused' ? 'paused' : 'running') : live ? 'disk-only' : 'shutoff',
        disks: vm.disks.map((disk) => {
          const overlay = overlays.get(disk.target) ?? null;
          return overlay === null
            ? { target: disk.target, kind: 'none', dataImageId: null, overlayImageId: null }
            : { target: disk.target, kind: 'external', dataImageId: disk.imageId, overlayImageId: overlay };
        }),
      }),
      chains: chainsOf(
        context,
        new Map(
          disks.flatMap((disk) => {
            const overlay = overlays.get(disk.target) ?? null;
            if (overlay === null || disk.imageId === null) return [];
            return [[disk.target, [overlay, ...chainIds(context, disk)]]];
          }),
        ),
      ),
    },
  };
}

/**
 * A new overlay is small, of whatever cluster size libvirt makes it: that of QEMU or of the image below. What the guest writes may fill
 * it: nobody knows how much that will be, and it may be all of the disk.
 */
export function overlayRoom(path: string, below: Image | undefined): RoomNeed {
  const virtualBytes = below?.virtualBytes ?? null;
  if (virtualBytes === null) return { path, likelyBytes: null, atMostBytes: null, guestBytes: null };
  const sizes = [below?.clusterBytes ?? defaultClusterBytes, defaultClusterBytes];
  const empty = Math.max(...sizes.map((clusterBytes) => emptyOverlayBytes(virtualBytes, clusterBytes)));
  const full = sizes.map((clusterBytes) =>
    fullBytes({ format: 'qcow2', virtualBytes, clusterBytes, allocatedBytes: 0, internalSnapshots: [] }),
  );
  return {
    path,
    likelyBytes: empty,
    atMostBytes: empty,
    guestBytes: Math.max(0, ...full.map((bytes) => (bytes ?? 0) - empty)),
  };
}

/**
 * libvirt takes an empty file at an overlay's path for one that was made for it, follows a link there, wherever it leads, and
 * replaces what is at the memory's path. None of these is an image, so the inventory does not show it, and the host is asked just
 * before. A folder that this user cannot look into is not called missing: libvirt may see it all the same.
 */
const namesAreFreeScript = `
plain=$1
shift
refuse() { printf '%s\\n' "$1" >&2; exit 1; }
missing() {
  parent=$1
  while [ ! -d "$parent/" ]; do parent=\${parent%/*}; done
  [ "$parent" != "$1" ] && [ -x "$parent/" ]
}
for path in "$@"; do
  folder=\${path%/*}
  if [ -e "$path" ] || [ -L "$path" ]; then refuse "There is something at $path already. Nothing was changed. Move it away, or give the snapshot another name."; fi
  ! missing "$folder" || refuse "There is no folder $folder. Nothing was changed. Make it, or name another."
  [ "$plain" -gt 0 ] || continue
  plain=$((plain - 1))
  real=$(cd -P -- "$folder/" 2>/dev/null && pwd -P) || continue
  [ "$real" = "\${folder:-/}" ] || refuse "The folder $folder is a link to $real. Nothing was changed. Name the file by that."
done
`.trim();

/** @param chosen those of `paths` that are overlays in folders that the user named: libvirt names an image as it is told to. */
export function namesAreFree(
  paths: readonly string[],
  context: LibvirtContext,
  chosen: readonly string[] = [],
): Omit<PlanStep, 'index'> {
  const first = paths.filter((path) => chosen.includes(path));
  return lookingStep({
    title: `Check that nothing has the ${paths.length === 1 ? 'name of the new file' : 'names of the new files'} yet`,
    script: namesAreFreeScript,
    words: [String(first.length), ...first, ...paths.filter((path) => !chosen.includes(path))],
    reads: [...paths],
    verify: activeLayersStay(context.vm.disks),
  });
}

/**
 * For a VM that is shut off libvirt runs qemu-img, and doubles the comma there, where none separates: the overlay gets another name
 * than the definition says, and the VM does not start any more (seen on 7.0, 9.0 and 11.3).
 */
function commaRefusals({ name, state }: LibvirtContext['vm'], overlays: readonly string[]): PlanNote[] {
  if (state !== 'shutoff') return [];
  return overlays
    .filter((path) => path.includes(','))
    .map((path) =>
      note(
        'commaInPath',
        `${path} has a comma in it, and libvirt makes the overlay of a VM that is shut off under another name then, so that it does not start any more. Name a file without a comma, or take the snapshot while ${name} runs.`,
        [path],
      ),
    );
}

function overlaysOf(
  disks: readonly Disk[],
  { name, overlayPaths }: CreateRequest,
  { vm, images }: LibvirtContext,
): ReadonlyMap<string, string | null> {
  const chosen = new Map(Object.entries(overlayPaths ?? {}));
  return new Map(disks.map((disk) => [disk.target, chosen.get(disk.target) ?? overlayBeside(disk, vm, name, images)]));
}

function chosenFiles({ memoryFile, overlayPaths }: CreateRequest): readonly string[] {
  return [...Object.values(overlayPaths ?? {}), ...(memoryFile === undefined ? [] : [memoryFile])];
}

function partialWarnings({ vm }: LibvirtContext, writable: readonly Disk[], disks: readonly Disk[]): PlanNote[] {
  const left = writable.filter((disk) => !disks.includes(disk)).map((disk) => disk.target);
  return left.length === 0 || disks.length === 0
    ? []
    : [
        note(
          'partial',
          `Not every disk of ${vm.name} is part of the snapshot: ${listed(left)} ${left.length === 1 ? 'is' : 'are'} left out and cannot be brought back by it.`,
          left,
        ),
      ];
}

/** With the overlay, no chain has more images than `longestChain` says. */
export function chainLengthRefusals(context: LibvirtContext, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) => {
    const length = chainOfDisk(disk, context.images)?.images.length ?? 0;
    const limit = longestChain(context.inventory.hypervisor.version);
    return length < limit
      ? []
      : [
          note(
            'chainTooLong',
            `The chain of disk ${disk.target} has ${length} images. With more than ${limit} the VM may not start on this libvirt. Merge snapshots first.`,
            [disk.target],
          ),
        ];
  });
}
