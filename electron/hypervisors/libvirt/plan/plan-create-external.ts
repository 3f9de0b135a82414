/** Plans for external disk-only snapshots: overlays that take all further writes. */
import { withoutEnd, withoutStart } from '../../../../shared/rules/trim.ts';
import type { Disk } from '../../../../shared/model/inventory.ts';
import type { Expectation, PlanNote, PlanStep } from '../../../../shared/model/plan.ts';
import { chainFrom, chainOfDisk } from '../../../../shared/rules/chains.ts';
import { writableDisks } from '../../../../shared/rules/disks.ts';
import { folderOf } from '../../../../shared/rules/folders.ts';
import {
  savedImagesRefusals,
  stateRefusals,
  transientDiskRefusals,
  transientOverlayRefusals,
} from '../../../../shared/rules/libvirt-refusals.ts';
import type { PlanDraft } from '../../driver.ts';
import { activeLayersStay, chainIds, chainRefusals, chainsOf } from '../../planning/chain-rules.ts';
import { sharedLayerRefusals } from '../../planning/dependent-rules.ts';
import { corruptRefusals } from '../../planning/image-rules.ts';
import { lookingStep } from '../../planning/looking-step.ts';
import { listed, note } from '../../planning/notes.ts';
import { roomFor, roomWarnings, tightest } from '../../planning/space.ts';
import { treeWithNew } from '../../planning/tree-afterwards.ts';
import { plainStep } from '../../planning/plain-step.ts';
import { longestChain } from '../capabilities.ts';
import { encryptedOverlayRefusals } from './encryption-rules.ts';
import { nameRefusals, namingOptions, type CreateRequest } from './plan-create-rules.ts';
import { nextStartWarnings, virsh, type LibvirtContext } from './plan-rules.ts';

/** The plan for an external snapshot of the chosen writable disks (all where none are named). */
export function planExternal(request: CreateRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const writable = writableDisks(vm.disks);
  const wanted = request.diskTargets ?? writable.map((disk) => disk.target);
  const disks = writable.filter((disk) => wanted.includes(disk.target));
  const overlays = new Map(disks.map((disk) => [disk.target, overlayPath(disk, request.name, context)]));
  const imageIds = disks.flatMap((disk) => (disk.imageId === null ? [] : [disk.imageId]));
  const newFiles = [...overlays.values()].filter((path) => path !== null);
  const unknownTargets = wanted.filter((target) => !writable.some((disk) => disk.target === target));
  const refusals = [
    ...nameRefusals(request, context),
    ...stateRefusals(context.vm),
    ...transientOverlayRefusals(vm),
    ...unknownTargets.map((target) => note('noSuchDisk', `${vm.name} has no writable disk ${target}.`, [target])),
    ...(disks.length === 0 ? [note('noDisk', 'No disk is chosen: an external snapshot needs at least one.')] : []),
    ...chainRefusals(context, disks),
    ...corruptRefusals(context, disks),
    ...disks.flatMap((disk) =>
      overlays.get(disk.target) === null
        ? [
            note(
              'noPlaceForOverlay',
              `Disk ${disk.target} (${disk.source ?? 'no source'}) is not a file, so there is no folder in which its overlay could be made. Leave the disk out.`,
              [disk.target],
            ),
          ]
        : [],
    ),
    ...chainLengthRefusals(context, disks),
    ...shareableRefusals(disks),
    ...transientDiskRefusals(vm, disks),
    ...encryptedOverlayRefusals(context, new Set(disks.map(({ target }) => target))),
    ...savedImagesRefusals(vm),
    ...sharedLayerRefusals(context, disks),
  ];
  const rooms = roomFor(
    context,
    imageIds.map((imageId) => ({ imageId, bytes: context.images.get(imageId)?.virtualBytes ?? 0 })),
  );
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
  return {
    vmName: vm.name,
    title: `Create the external snapshot "${request.name}" of ${vm.name}`,
    refusals,
    warnings: [
      ...nextStartWarnings(context),
      ...(live
        ? [
            note(
              'withoutMemory',
              'The memory of the running guest is not part of an external disk-only snapshot: going back to it is like starting after a power cut.',
            ),
          ]
        : []),
      ...partialWarnings(context, writable, disks),
      ...(vm.hasNvram
        ? [note('withoutNvram', 'The firmware variables (NVRAM) are not part of a disk-only snapshot.')]
        : []),
      ...roomWarnings(
        rooms,
        'mayFillStorage',
        (needed, free, where) =>
          `The overlays start small, but can grow to ${needed} as the guest writes; ${where} has ${free} free.`,
      ),
    ],
    space: tightest(rooms),
    expectedPause: live ? 'The guest stands still for a moment while its disks move to the new overlays.' : null,
    steps: [
      namesAreFree(newFiles, context),
      {
        title: `Create ${newFiles.length === 1 ? 'an overlay' : `${newFiles.length} overlays`} and direct all writes to ${newFiles.length === 1 ? 'it' : 'them'}`,
        argv: virsh(
          context,
          'snapshot-create-as',
          ...namingOptions(request),
          '--disk-only',
          '--atomic',
          ...vm.disks.flatMap((disk) => {
            const overlay = overlays.get(disk.target) ?? null;
            // In a diskspec a comma separates; inside the file name it is doubled (virsh(1), snapshot-create-as).
            if (overlay !== null)
              return ['--diskspec', `${disk.target},snapshot=external,file=${overlay.replaceAll(',', ',,')}`];
            // libvirt makes overlays for disks that are not named, floppies too. It leaves out what only reads by itself.
            return disk.readOnly || disk.device === 'cdrom' ? [] : ['--diskspec', `${disk.target},snapshot=no`];
          }),
        ),
        reads: imageIds,
        writes: [],
        creates: newFiles,
        invalidates: [],
        deletes: [],
        verify,
        ...plainStep,
      },
    ],
    after: {
      vmState: vm.state,
      ...treeWithNew(request, context, {
        kind: 'external',
        memory: { kind: 'none' },
        vmState: live ? 'disk-only' : 'shutoff',
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
 * libvirt takes an empty file at an overlay's path for one that was made for it, and follows a link there, wherever it
 * leads. Neither is an image, so the inventory does not show it, and the host is asked just before.
 */
export function namesAreFree(paths: readonly string[], context: LibvirtContext): Omit<PlanStep, 'index'> {
  const script =
    'for path in "$@"; do if [ -e "$path" ] || [ -L "$path" ]; then printf "%s\\n" "There is something at $path already. Nothing was changed. Move it away, or give the snapshot another name." >&2; exit 1; fi; done';
  return lookingStep({
    title: `Check that nothing has the ${paths.length === 1 ? 'name of the new overlay' : 'names of the new overlays'} yet`,
    script,
    words: paths,
    reads: [...paths],
    verify: activeLayersStay(context.vm.disks),
  });
}

/** libvirt: "shared access for disk 'vdb' requires use of supported storage format", which an overlay is not (seen on 11.3). */
function shareableRefusals(disks: readonly Disk[]): PlanNote[] {
  return disks
    .filter(({ shareable }) => shareable)
    .map(({ target }) =>
      note(
        'shareable',
        `Disk ${target} is shared with other VMs (<shareable/>). An overlay would be seen by this VM alone, and libvirt refuses it. Leave the disk out.`,
        [target],
      ),
    );
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

/**
 * Where a disk's overlay goes: beside the present active layer, named after it and the snapshot. The name is kept to
 * characters that no tool takes for syntax (`a:b.qcow2` is read as a protocol). Null where the disk is not a file.
 */
export function overlayPath(disk: Disk, snapshotName: string, context: LibvirtContext): string | null {
  const image = disk.imageId === null ? undefined : context.images.get(disk.imageId);
  if (image?.kind !== 'file') return null;
  const folder = folderOf(image.id);
  const base = chainFrom(image.id, context.images).images.at(-1) ?? image;
  const stem = plainName(base.id.slice(folderOf(base.id).length + 1).replace(/\.(qcow2|img|raw)$/, '')) || 'disk';
  const suffix = plainName(snapshotName) || 'snapshot';
  // Together with a number and the extension this stays below 255 bytes, the limit of common file systems.
  const name = `${stem.slice(0, 120)}.${suffix.slice(0, 110)}`;
  const others = new Set(context.inventory.images.flatMap(({ otherPaths }) => otherPaths));
  for (let number = 1; ; number += 1) {
    const path = `${folder}/${name}${number === 1 ? '' : `-${number}`}.qcow2`;
    if (!context.images.has(path) && !others.has(path)) return path;
  }
}

function plainName(name: string): string {
  return withoutStart(withoutEnd(name.replace(/[^A-Za-z0-9._-]+/g, '-'), '-.'), '-.');
}
