/** Findings about snapshots: how old and many they are, and whether their data is where they say. */
import type { Image, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { brokenChain, brokenChainOfDisk } from '../chains/broken-chains.ts';
import { chainFrom, chainOfDisk, dependentsOf } from '../chains/chains.ts';
import { foldersAround, unknownDependentsOf } from '../chains/dependents.ts';
import { counted, finding } from './findings-context.ts';
import { lackedBySnapshots, lostMemory, namesOf, type Lack } from '../snapshots/snapshot-lacks.ts';
import type { FindingContext } from './findings-context.ts';
import { howToReunite, otherNeedsOf, whereItIs, type LostData } from './moved-data.ts';
import { remedyOfRenamed, renamedData, wordsOfRenamed } from '../snapshots/renamed-data.ts';
import { copyOutLine, dataIn, isSameMoment, isWrittenSince, lacksMemory } from '../snapshots/snapshot-data.ts';
import { readableBytes } from '../text/units.ts';

const secondsPerDay = 86_400;

export function snapshotFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return [
    ...tooMany(vm, context),
    ...tooOld(vm, context),
    ...withoutData(vm, context),
    ...withoutMemory(vm, context),
    ...besideTheChain(vm, context),
    ...olderImageNamed(vm, context),
    ...olderThanParent(vm, context),
  ];
}

function tooMany(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const { maximumSnapshots } = context.thresholds;
  if (vm.snapshots.length <= maximumSnapshots) return [];
  return [
    finding(context, {
      code: 'tooManySnapshots',
      severity: 'warning',
      vm,
      message: `VM “${vm.name}” has ${counted(vm.snapshots.length, 'snapshot')}; the limit of this report is ${maximumSnapshots}.`,
      remedy: 'Delete the snapshots that nobody will go back to. What is deleted cannot be brought back.',
    }),
  ];
}

function tooOld(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const { maximumAgeDays } = context.thresholds;
  return vm.snapshots.flatMap((snapshot): readonly Finding[] => {
    if (snapshot.createdAt === null) return [];
    // Whole days, as they are written: what is said to be 30 days old is not over a limit of 30 days.
    const days = Math.floor((context.now - snapshot.createdAt) / secondsPerDay);
    if (days <= maximumAgeDays) return [];
    return [
      finding(context, {
        code: 'snapshotOld',
        severity: 'warning',
        vm,
        snapshotName: snapshot.name,
        message: `Snapshot “${snapshot.name}” of VM “${vm.name}” is ${counted(days, 'day')} old; the limit of this report is ${counted(maximumAgeDays, 'day')}.`,
        remedy: 'Delete it if nobody will go back to it; it cannot be brought back. A snapshot is not a backup.',
      }),
    ];
  });
}

/** Children that are older than their parents: a clock was wrong, or a record was defined by hand. */
function olderThanParent(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const byId = new Map(vm.snapshots.map((snapshot) => [snapshot.id, snapshot]));
  return vm.snapshots.flatMap((snapshot): readonly Finding[] => {
    const parent = snapshot.parentId === null ? undefined : byId.get(snapshot.parentId);
    if (typeof parent?.createdAt !== 'number' || snapshot.createdAt === null) return [];
    if (snapshot.createdAt >= parent.createdAt) return [];
    return [
      finding(context, {
        code: 'olderThanParent',
        severity: 'information',
        vm,
        snapshotName: snapshot.name,
        message: `Snapshot “${snapshot.name}” of VM “${vm.name}” (${time(snapshot.createdAt)}) is older than “${parent.name}” (${time(parent.createdAt)}), from which it is said to come.`,
        remedy:
          'The clock of the host was wrong, or a record was defined by hand. Do not go by the ages of these snapshots; look into them before one is deleted.',
      }),
    ];
  });
}

/** A record whose data is not there. What could not be read, or is not known, is no finding. */
function withoutData(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return vm.snapshots.flatMap((snapshot) =>
    snapshot.disks.flatMap((disk): readonly Finding[] => {
      if (disk.kind === 'none' || disk.dataImageId === null) return [];
      const image = context.images.get(disk.dataImageId);
      if (!image) return [];
      const lost = lostData(snapshot, disk.kind, image) ?? goneBelow(image, vm, context);
      if (lost === null) return [];
      const moved = context.moved.lost.find(
        (one) => one.vm === vm && one.snapshot === snapshot && one.target === disk.target,
      );
      if (moved?.foundIn) return [movedFinding(moved, moved.foundIn, lost, context)];
      const { words, remedy } = whereElse(snapshot, moved?.candidates ?? []);
      return [
        finding(context, {
          code: 'recordWithoutFile',
          severity: 'critical',
          vm,
          snapshotName: snapshot.name,
          path: image.id,
          message: `Snapshot “${snapshot.name}” of VM “${vm.name}” has no data of disk ${disk.target}: ${lost}${words}`,
          remedy: `It cannot be reverted to. ${remedy}Look whether the image was renamed or moved, or its storage is not mounted; then put the data back from a backup. Where there is none, “Repair records and chains…” (snaptree plan repair) removes the record alone, keeps a copy of it, and lets the snapshots below it name what they named.${disk.kind === 'external' ? ' virsh snapshot-delete --metadata does not: libvirt since 9.0 then lets those below name other images.' : ''}`,
        }),
      ];
    }),
  );
}

/** Images that hold something of the snapshot's name: of its time it is a copy of the data, and perhaps the only one. */
function whereElse(snapshot: Snapshot, images: readonly Image[]): { readonly words: string; readonly remedy: string } {
  const paths = (found: readonly Image[]) =>
    found
      .slice(0, 5)
      .map(({ id }) => id)
      .join(', ');
  const isCopy = ({ internalSnapshots }: Image) =>
    internalSnapshots.some((tag) => tag.name === snapshot.name && isSameMoment(snapshot, tag));
  const copies = images.filter(isCopy);
  const others = images.filter((image) => !isCopy(image));
  const [first] = copies;
  return {
    words: [
      copies.length === 0
        ? ''
        : ` Of that name and time something is in ${paths(copies)}: a copy of it, perhaps the only one.`,
      others.length === 0 ? '' : ` Something of that name, of another time, is in ${paths(others)}.`,
    ].join(''),
    remedy: first
      ? `Delete nothing of that name before it is clear which is it; it can be copied out: ${copyOutLine(first.id, { name: snapshot.name })} `
      : '',
  };
}

function movedFinding(moved: LostData, foundIn: Image, lost: string, context: FindingContext): Finding {
  const { vm, snapshot, target } = moved;
  const needs = otherNeedsOf(moved, foundIn, context.dependents, context.inventory);
  return finding(context, {
    code: 'dataMoved',
    severity: 'warning',
    vm,
    snapshotName: snapshot.name,
    path: foundIn.id,
    message: `The data of disk ${target} in snapshot “${snapshot.name}” of VM “${vm.name}” is not where its record says: ${lost} ${whereItIs(foundIn, needs)}`,
    remedy: howToReunite(moved, foundIn, needs),
  });
}

function lostData(snapshot: Snapshot, kind: string, image: Image): string | null {
  if (image.status === 'missing') return `its image ${image.id} is missing.`;
  if (kind !== 'internal' || image.status !== 'ok') return null;
  const data = dataIn(snapshot, image);
  switch (data.kind) {
    case 'own':
      return null;
    case 'none':
      return `the image ${image.id} holds no internal snapshot of that name.`;
    case 'other': {
      const times = data.internals.map(({ createdAt }) => time(createdAt)).join(', ');
      return `the image ${image.id} holds something else of that name, of ${times}; the record is of ${time(snapshot.createdAt ?? 0)}. Reverting would take the disk to that, and deleting would delete it.`;
    }
  }
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** What the image of a snapshot hangs on and is gone, unless a present disk hangs on it too: its chain tells of it then. */
function goneBelow(image: Image, vm: ReadableVm, { images }: FindingContext): string | null {
  const broken = brokenChain(chainFrom(image.id, images), images);
  if (broken?.kind !== 'missing') return null;
  if (vm.disks.some((disk) => brokenChainOfDisk(disk, images)?.at === broken.at)) return null;
  return `${broken.at}, which its image ${image.id} hangs on, is missing.`;
}

/** What is missing besides images of its disks. */
function withoutMemory(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const lacking = vm.snapshots.filter((snapshot) => lacksMemory(snapshot, context.images));
  const inside = lacking.map(({ name, disks }) =>
    finding(context, {
      code: 'recordWithoutFile',
      severity: 'critical',
      vm,
      snapshotName: name,
      path: disks.find(({ kind }) => kind === 'internal')?.dataImageId ?? '',
      message: `Snapshot “${name}” of VM “${vm.name}” is said to hold memory, and none of its images holds any for it: reverting to it would end the VM and fail.`,
      remedy:
        'Do not revert to it. Its disks can be set back by hand while the VM is shut off, once its images are copied: qemu-img snapshot -a.',
    }),
  );
  return [...inside, ...lackedBySnapshots(vm).map((lack) => lackFinding(lack, vm, context))];
}

/**
 * One thing that is gone is one finding, however many snapshots lack it. Memory that cannot be loaded is lost with it, and a VM
 * that runs is ended for nothing; without memory, or where only that is gone, the disks go back all the same.
 */
function lackFinding({ obstacle, snapshots }: Lack, vm: ReadableVm, context: FindingContext): Finding {
  const isOnlyMemory = snapshots.every((snapshot) => lostMemory(snapshot)?.path === obstacle.path);
  const withMemory = !isOnlyMemory && snapshots.some(({ memory }) => memory.kind !== 'none');
  const [only, ...others] = snapshots;
  const happens = isOnlyMemory
    ? 'Going back to it gives the disks only, as after a power cut.'
    : withMemory
      ? 'libvirt cannot start that definition, and may end a VM that runs before it finds out.'
      : 'The disks can be set back while the VM is shut off; it will not start until that is mended.';
  return finding(context, {
    code: 'recordWithoutFile',
    severity: withMemory ? 'critical' : 'warning',
    vm,
    ...(others.length === 0 && only && { snapshotName: only.name }),
    path: obstacle.path,
    message: `${namesOf(snapshots)} of VM “${vm.name}”: ${obstacle.message} ${happens}`,
    remedy: obstacle.remedy,
  });
}

/**
 * Snapshots on the way to the present state whose images are not in the VM's chain as their records say, as after a
 * `blockcommit`, `blockpull` or `rebase` by hand. libvirt itself then refuses to delete them.
 *
 * Other branches are not looked at: their overlays are rightly beside the chain. Nor is a chain that could not be
 * followed to its end.
 */
function besideTheChain(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const lineage = lineageOf(vm);
  const overlays = new Set(vm.snapshots.flatMap(({ disks }) => disks.map(({ overlayImageId }) => overlayImageId)));
  const renamed = renamedData(vm.snapshots, context.images);
  return lineage.flatMap((snapshot) =>
    snapshot.disks.flatMap((disk): readonly Finding[] => {
      if (disk.kind !== 'external' || disk.dataImageId === null) return [];
      // That is told by itself.
      if (renamed.some((one) => one.snapshot === snapshot && one.target === disk.target)) return [];
      const now = vm.disks.find(({ target }) => target === disk.target);
      const chain = now ? chainOfDisk(now, context.images) : null;
      if (!now || chain?.end !== 'base') return [];
      const ids = chain.images.map(({ id }) => id);
      const at = ids.indexOf(disk.dataImageId);
      const above = at > 0 ? ids[at - 1] : undefined;
      const data = context.images.get(disk.dataImageId);
      // After a merge up, or on another branch, it is beside the chain and as it was.
      const written = data?.status === 'ok' ? isWrittenSince(snapshot, data) : undefined;
      if (at !== 0 && written === false) return [];
      const says = mismatch(at, disk.dataImageId, above, disk.overlayImageId, overlays, written);
      if (says === null) return [];
      return [
        finding(context, {
          code: 'activeLayerMismatch',
          // Beside the chain it is only read, and what was written to it may have been a merge that leaves its data right.
          severity: at < 0 && written !== undefined ? 'warning' : 'critical',
          vm,
          snapshotName: snapshot.name,
          path: disk.overlayImageId ?? disk.dataImageId,
          message: `Snapshot “${snapshot.name}” of VM “${vm.name}” does not match the chain of disk ${disk.target}, whose active layer is ${now.imageId}: ${says} The chain was probably changed outside the snapshots, by a commit, pull or rebase.`,
          remedy:
            'Do not revert to it before you have checked what the images hold: a merge by Snaptree leaves its data right, one by hand may not. “Repair records and chains…” (snaptree plan repair) mends the records of what was merged, where it follows from the images what they should say: it compares, keeps copies of the records, and removes only those whose data is gone.',
        }),
      ];
    }),
  );
}

/** On whatever branch: what is done by the record would be done to the data of another snapshot. */
function olderImageNamed(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return renamedData(vm.snapshots, context.images).map((renamed) =>
    finding(context, {
      code: 'activeLayerMismatch',
      severity: 'critical',
      vm,
      snapshotName: renamed.snapshot.name,
      path: renamed.parentId,
      message: `${wordsOfRenamed(renamed)} (VM “${vm.name}”)`,
      remedy: remedyOfRenamed(renamed),
    }),
  );
}

/**
 * Overlays at the end of a branch that was left: what the VM wrote after a snapshot, before it went back to one, where neither a VM nor a
 * snapshot needs that any more. Only the record of the snapshot names it, so that nobody looks for it.
 */
export function leftBranchFindings(context: FindingContext): readonly Finding[] {
  const recorded = context.vms.flatMap((vm) =>
    vm.snapshots.flatMap((snapshot) => snapshot.disks.map((disk) => ({ vm, snapshot, disk }))),
  );
  const held = new Set(recorded.map(({ disk }) => disk.dataImageId));
  return recorded.flatMap(({ vm, snapshot, disk: { overlayImageId } }): readonly Finding[] => {
    const image = overlayImageId === null ? undefined : context.images.get(overlayImageId);
    if (image?.status !== 'ok' || held.has(image.id)) return [];
    const { activeFor, childImageIds, possibleChildIds, uses } = dependentsOf(image.id, context.dependents);
    const isUsed = uses.some(({ use }) => use.by !== 'snapshot');
    if (isUsed || activeFor.length + childImageIds.length + possibleChildIds.length > 0) return [];
    if (unknownDependentsOf(context.inventory, image.id).length > 0) return [];
    if (foldersAround(image, context.vms).length > 0) return [];
    const size = image.allocatedBytes === null ? '' : ` (${readableBytes(image.allocatedBytes)} on storage)`;
    return [
      finding(context, {
        code: 'branchLeft',
        severity: 'information',
        vm,
        snapshotName: snapshot.name,
        path: image.id,
        message: `${image.id}${size} holds what VM “${vm.name}” wrote after snapshot “${snapshot.name}”, on a branch that was left: no VM uses it, and no snapshot goes back to it.`,
        remedy: `It goes with “${snapshot.name}” when that is deleted. If somebody may want that state, copy it before, with all that it hangs on, into an image of its own (qemu-img convert).`,
      }),
    ];
  });
}

/** @param written whether the data was written to since, null where that is not known; undefined where there is none to look at */
function mismatch(
  at: number,
  dataImageId: string,
  above: string | undefined,
  overlayImageId: string | null,
  overlays: ReadonlySet<string | null>,
  written: boolean | null | undefined,
): string | null {
  if (at < 0) {
    const since =
      written === undefined
        ? ''
        : written === null
          ? ', and whether it was written to after the snapshot was taken is not known'
          : ', and it was written to after the snapshot was taken';
    return `${dataImageId}, which should hold its data, is not in the chain${since}.`;
  }
  if (above === undefined) return `${dataImageId}, which should hold its data unchanged, is written to.`;
  if (overlayImageId === null || above === overlayImageId) return null;
  // Reverting to an external snapshot puts a new overlay on its data that no record names.
  if (!overlays.has(above)) return null;
  return `the overlay ${overlayImageId} that was made for it is not in the chain; ${above} is in its place.`;
}

/** From the current snapshot up to its root; where none is current, of the only leaf, if there is just one. */
function lineageOf(vm: ReadableVm): readonly Snapshot[] {
  const byId = new Map(vm.snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const parents = new Set(vm.snapshots.map(({ parentId }) => parentId));
  const leaves = vm.snapshots.filter(({ id }) => !parents.has(id));
  const start = vm.currentSnapshotId ?? (leaves.length === 1 ? (leaves[0]?.id ?? null) : null);
  const lineage = new Set<Snapshot>();
  for (let at = start === null ? undefined : byId.get(start); at && !lineage.has(at);) {
    lineage.add(at);
    at = at.parentId === null ? undefined : byId.get(at.parentId);
  }
  return [...lineage];
}
