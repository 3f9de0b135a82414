/** Findings about chains and images: broken, long, corrupt, or left over. */
import type { Image, InternalSnapshot, ReadableVm, UnknownDependents } from '../../model/inventory.ts';
import type { Finding, FindingCode } from '../../model/report.ts';
import { brokenChain, brokenDisksOf, type BreakKind } from '../chains/broken-chains.ts';
import { chainFrom, chainOfDisk, imagesOfVm } from '../chains/chains.ts';
import { foldersAround, isImage, unknownDependentsOf } from '../chains/dependents.ts';
import { counted, finding, onlyVmOf, vmsInWords } from './findings-context.ts';
import type { FindingContext } from './findings-context.ts';
import { firstOf } from '../text/first-of.ts';
import { folderOf } from '../text/folders.ts';
import { otherAtNextStart } from '../chains/next-start.ts';
import { shellLine } from '../text/shell-words.ts';
import { copyOutLine, dataKey, memoryFilesIn, recordedData } from '../snapshots/snapshot-data.ts';
import { corruptRemedy, tooLongChain, willNotStartWithout } from '../chains/start-refusals.ts';
import { readableBytes } from '../text/units.ts';
import { isSetAside } from '../chains/set-aside.ts';

/** What is wrong with the chains of a VM's disks. */
export function chainFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return [...chainLengths(vm, context), ...brokenChains(vm, context)];
}

const codeOfBreak: Readonly<Record<BreakKind, FindingCode>> = {
  missing: 'imageMissing',
  loop: 'chainLoops',
  notRead: 'chainUnreadable',
  unreadable: 'chainUnreadable',
  unresolved: 'chainUnreadable',
  imageUnknown: 'chainUnreadable',
};

function brokenChains(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  return brokenDisksOf(vm, context.images).map(({ disk, kind, at, isCertain, isMedium, words, remedy }) =>
    finding(context, {
      code: codeOfBreak[kind],
      severity: isMedium ? 'information' : isCertain ? 'critical' : 'warning',
      vm,
      path: at,
      message: `The chain of disk ${disk.target} of VM “${vm.name}” ${words}`,
      remedy,
    }),
  );
}

function chainLengths(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const { maximumChainLength } = context.thresholds;
  return vm.disks.flatMap((disk): readonly Finding[] => {
    const chain = chainOfDisk(disk, context.images);
    if (disk.imageId === null || !chain) return [];
    const where = `disk ${disk.target} of VM “${vm.name}”`;
    const found: Finding[] = [];
    const tooLong = tooLongChain(disk, vm, context.images, context.inventory.hypervisor.kind);
    if (tooLong) {
      found.push(
        finding(context, { code: 'chainBeyondLimit', severity: 'critical', vm, path: disk.imageId, ...tooLong }),
      );
    } else if (chain.images.length > maximumChainLength) {
      found.push(
        finding(context, {
          code: 'chainTooLong',
          severity: 'warning',
          vm,
          path: disk.imageId,
          message: `The chain of ${where} has ${counted(chain.images.length, 'image')}; the limit of this report is ${maximumChainLength}.`,
          remedy:
            'Delete snapshots that nobody will go back to, so that their overlays are merged. Long chains slow the guest down.',
        }),
      );
    }
    return found;
  });
}

/** What stands against the next start of a VM: what is missing besides its disks, and disks that will be others. */
export function startFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const missing = (vm.startObstacles ?? []).map(({ path, message, remedy }) =>
    finding(context, { code: 'vmWillNotStart', severity: 'critical', vm, path, message, remedy }),
  );
  const others = otherAtNextStart(vm).map(({ disk, imageId, message }) =>
    finding(context, {
      code: 'nextStartDiffers',
      severity: 'warning',
      vm,
      path: disk.imageId ?? imageId,
      message,
      remedy:
        'Find out which of the two images is meant. Before the VM is shut off, give its definition (virsh edit) the image that it writes to now, if that is to stay.',
    }),
  );
  return [...missing, ...others];
}

/** What is wrong with images whichever chain they are in. */
export function imageFindings(context: FindingContext): readonly Finding[] {
  const recorded = recordedData(context.vms, context.images);
  const maybeHere = namesWithoutImage(context.vms);
  return context.inventory.images.flatMap((image) => [
    ...corrupt(image, context),
    ...insideOverlay(image, context),
    // What lies in an image that nobody names is told along with that.
    ...(context.unused.has(image) ? [] : tagsWithoutRecord(image, recorded, maybeHere, context)),
  ]);
}

function corrupt(image: Image, context: FindingContext): readonly Finding[] {
  if (image.corrupt !== true) return [];
  const vms = context.dependents.get(image.id)?.vms ?? [];
  return [
    finding(context, {
      code: 'imageCorrupt',
      severity: 'critical',
      vm: onlyVmOf(image.id, context),
      path: image.id,
      message: [
        `The image ${image.id} is marked corrupt by its own format. It is used by ${vmsInWords(vms)}.`,
        ...startsWithCorrupt(image, context),
      ].join(' '),
      remedy: corruptRemedy,
    }),
  ];
}

/** QEMU does not open it for writing; below an overlay it only reads it. */
function startsWithCorrupt({ id }: Image, { vms }: FindingContext): readonly string[] {
  return vms.flatMap((vm) => {
    const disk = vm.disks.find((each) => each.imageId === id && !each.readOnly);
    return (disk && willNotStartWithout(disk, vm)) ?? [];
  });
}

function insideOverlay(image: Image, context: FindingContext): readonly Finding[] {
  if (image.parent?.relation !== 'backing' || image.internalSnapshots.length === 0) return [];
  const vms = context.dependents.get(image.id)?.vms ?? [];
  const names = image.internalSnapshots.map(({ name }) => `“${name}”`);
  return [
    finding(context, {
      code: 'internalInsideOverlay',
      severity: 'warning',
      vm: onlyVmOf(image.id, context),
      path: image.id,
      message: `The overlay ${image.id} (${vmsInWords(vms)}) holds ${counted(image.internalSnapshots.length, 'internal snapshot')}: ${firstOf(names)}. They are lost when the overlay is merged into ${image.parent.imageId ?? image.parent.reference}.`,
      remedy: 'Do not delete the external snapshot below before the internal ones are no longer needed.',
    }),
  ];
}

/** The names of snapshots whose records do not say in which images all of their data is: it may be in any. */
function namesWithoutImage(vms: readonly ReadableVm[]): ReadonlySet<string> {
  const snapshots = vms.flatMap((vm) => vm.snapshots);
  const unknown = snapshots.filter(
    ({ disks, unknownPart }) =>
      unknownPart !== undefined || disks.some(({ kind, dataImageId }) => kind === 'internal' && dataImageId === null),
  );
  return new Set(unknown.map(({ name }) => name));
}

/** Internal snapshots in an image that no record of a VM is about. */
function tagsWithoutRecord(
  image: Image,
  recorded: ReadonlySet<string>,
  maybeHere: ReadonlySet<string>,
  context: FindingContext,
): readonly Finding[] {
  const vms = context.dependents.get(image.id)?.vms ?? [];
  const doubt = doubtAbout(image, context);
  return image.internalSnapshots.flatMap((tag): readonly Finding[] => {
    if (recorded.has(dataKey(image, tag)) || maybeHere.has(tag.name)) return [];
    // One piece of data, one finding: the one that is about its record.
    const moved = context.moved.recordFor(image, tag);
    if (moved?.foundIn) return [];
    const maybe = moved
      ? ` It may be the data of snapshot “${moved.snapshot.name}” of VM “${moved.vm.name}”, which is not where its record says.`
      : '';
    const size = tag.memoryBytes > 0 ? `, ${readableBytes(tag.memoryBytes)} of memory` : '';
    return [
      finding(context, {
        code: 'fileWithoutRecord',
        severity: doubt === '' && !moved ? 'warning' : 'information',
        vm: onlyVmOf(image.id, context),
        snapshotName: tag.name,
        path: image.id,
        message: `The image ${image.id} (${vmsInWords(vms)}) holds the internal snapshot “${tag.name}” (number ${tag.id}${size}), which is the data of no snapshot record.${maybe}${doubt}`,
        remedy: howToLeaveTag(image, tag),
      }),
    ];
  });
}

/**
 * `qemu-img snapshot -d` takes a name, never a number, and of several of that name the first (QEMU, bdrv_snapshot_find; seen on 5.2, 7.2
 * and 10.0): it must not be named where that may be another one.
 */
function howToLeaveTag(image: Image, tag: InternalSnapshot): string {
  const keep =
    'It takes up room, and may be the only copy of that state: leave it unless you know that nobody wants it.';
  const namesakes = image.internalSnapshots.filter(({ name }) => name === tag.name).length;
  return namesakes > 1
    ? `${keep} Do not remove it by its name, which ${namesakes} snapshots in this image have: qemu-img would take the first of them, which may be another. While no VM uses the image, its disk can be copied by its number: ${copyOutLine(image.id, { id: tag.id })}`
    : `${keep} Before it is removed (qemu-img snapshot -d, while no VM uses the image), copy the whole image to other storage.`;
}

/** Images that no VM, no snapshot and no other image names. Only qcow2 and qed files beside known images are looked for. */
export function unusedImages({ inventory, vms }: Pick<FindingContext, 'inventory' | 'vms'>): ReadonlySet<Image> {
  const named = new Set(vms.flatMap((vm) => imagesOfVm(vm)));
  for (const { parent, parentsByPath = [], header, dataFile } of inventory.images) {
    for (const each of [parent, ...parentsByPath.map((view) => view.parent)]) {
      if (each) named.add(each.imageId ?? each.reference);
    }
    for (const imageId of header?.mayDependOn ?? []) named.add(imageId);
    if (dataFile) named.add(dataFile.imageId ?? dataFile.reference);
  }
  for (const vm of vms) {
    for (const file of memoryFilesIn(vm.snapshots)) named.add(file);
    for (const { source } of vm.disks) if (source !== null) named.add(source);
  }
  const isNamed = (image: Image): boolean => [image.id, ...image.otherPaths].some((path) => named.has(path));
  return new Set(
    inventory.images.filter(
      (image) => image.kind !== 'network' && image.status === 'ok' && !isNamed(image) && !isNoDisk(image),
    ),
  );
}

/** What to know of images that nobody names. */
export function orphanFindings(context: FindingContext): readonly Finding[] {
  return [...context.unused].map((image): Finding => {
    if (isSetAside(image.id)) return setAsideFinding(image, context);
    const doubt = doubtAbout(image, context);
    const isInDoubt =
      usersInDoubt(image.id, context.inventory).length > 0 || foldersAround(image, context.vms).length > 0;
    const size =
      image.allocatedBytes === null ? 'of unknown size' : `${readableBytes(image.allocatedBytes)} on storage`;
    const isOverlay = image.parent !== null;
    const missing = missingLike(image, context.inventory);
    const maybe = missing === null ? '' : ` It may be ${missing}, which is missing.`;
    const broken = brokenChain(chainFrom(image.id, context.images), context.images);
    const below = writersBelow(image, context);
    const kind = isOverlay
      ? `an overlay of ${image.parent?.imageId ?? image.parent?.reference ?? ''}${broken ? `; its chain ${broken.words.replace(/\.$/, '')}` : ''}`
      : 'an image of its own, perhaps a template';
    const holding = snapshotsWithin(image, context);
    return finding(context, {
      code: 'fileWithoutRecord',
      severity: isOverlay && doubt === '' && missing === null ? 'warning' : 'information',
      path: image.id,
      message: `No VM, no snapshot and no other image on this host names ${image.id} (${size}; ${kind}).${maybe}${newerState(below)}${holding}${doubt}`,
      remedy: orphanRemedy(image, { missing, below, isInDoubt, isCertain: doubt === '' }),
    });
  });
}

function setAsideFinding(image: Image, context: FindingContext): Finding {
  const size = image.allocatedBytes === null ? '' : ` (${readableBytes(image.allocatedBytes)} on storage)`;
  return finding(context, {
    code: 'fileWithoutRecord',
    severity: 'information',
    path: image.id,
    message: `${image.id}${size} was set aside: nobody on this host names it.${snapshotsWithin(image, context)}`,
    remedy: `It can be put back: snaptree plan repair VM --put-back. Delete it only when nobody has missed it for long enough.`,
  });
}

/** Internal snapshots in an image that nobody names: each may be the only copy of a state. */
function snapshotsWithin(image: Image, { moved }: FindingContext): string {
  const { internalSnapshots } = image;
  if (internalSnapshots.length === 0) return '';
  const names = internalSnapshots.map((tag) => {
    const record = moved.recordFor(image, tag);
    const whose = record ? ` (perhaps the data of “${record.snapshot.name}” of VM “${record.vm.name}”)` : '';
    return `“${tag.name}”${whose}`;
  });
  return ` It holds ${counted(internalSnapshots.length, 'internal snapshot')}, which may be the only copy of that state: ${firstOf(names)}.`;
}

function orphanRemedy(
  { id, internalSnapshots }: Image,
  {
    missing,
    below,
    isInDoubt,
    isCertain,
  }: {
    readonly missing: string | null;
    readonly below: readonly string[];
    readonly isInDoubt: boolean;
    readonly isCertain: boolean;
  },
): string {
  if (missing !== null) {
    // Whoever uses it without our knowing keeps it then.
    const back = isCertain
      ? `move it back: ${shellLine(['mv', '-n', '--', id, missing])}`
      : `copy it back: ${shellLine(['cp', '-n', '--sparse=always', '--', id, missing])}`;
    return `Do not delete it. If it is what is missing, ${back}`;
  }
  const wait = isInDoubt ? ['Leave it where it is until that is settled.'] : [];
  if (below.length > 0) {
    return [
      ...wait,
      `Do not delete it before it is clear which state is wanted, and until then do not let ${below.join(', ')} write: copy the whole chain to other storage first. To go on from the overlay, give the disk its path (virsh edit) while the VM is shut off.`,
    ].join(' ');
  }
  if (internalSnapshots.length > 0) {
    const keep =
      'Do not delete it while anybody may want a snapshot in it; make sure that no other host, user or backup uses it, and keep a copy of the whole image on other storage before you move it.';
    return [...wait, keep].join(' ');
  }
  return (
    wait[0] ??
    'That says nothing of other hosts, of VMs that other users or other hypervisors run, and of backups: make sure that none of them uses it, then set it aside (snaptree plan repair VM --set-aside): it gets another name and can be put back. Delete it only when nobody has missed it.'
  );
}

/** VMs that write to the image on which an overlay hangs. */
function writersBelow({ parent }: Image, { dependents }: FindingContext): readonly string[] {
  const base = parent?.imageId ?? null;
  const users = base === null ? undefined : dependents.get(base);
  return [...new Set((users?.activeFor ?? []).filter(({ disk }) => !disk.readOnly).map(({ vm }) => `VM “${vm.name}”`))];
}

/** As after a definition was put back, or where a VM that libvirt does not define was started anew. */
function newerState(writers: readonly string[]): string {
  return writers.length === 0
    ? ''
    : ` ${writers.join(', ')} writes to the image below: the overlay may hold a newer state of it, and every write spoils that.`;
}

/** The missing image that one may be: of the same file name, or of the size that the images above the missing one have. */
export function missingLike(image: Image, inventory: Pick<FindingContext['inventory'], 'images'>): string | null {
  const fileName = (id: string) => id.slice(folderOf(id).length);
  const found = inventory.images.find(
    ({ id, status }) =>
      status === 'missing' &&
      (fileName(id) === fileName(image.id) ||
        inventory.images.some(
          ({ parent, virtualBytes }) => parent?.imageId === id && virtualBytes === image.virtualBytes,
        )),
  );
  return found?.id ?? null;
}

/** Firmware variables and installation media are no data of a VM's disks. */
function isNoDisk({ id }: Image): boolean {
  return /\.iso$|_VARS[^/]*$|\/nvram\//i.test(id);
}

/** What speaks for a use of just this image, though nobody names it. */
function usersInDoubt(
  imageId: string,
  { unknownDependents }: FindingContext['inventory'],
): readonly UnknownDependents[] {
  return unknownDependents.filter((each) => !isImage(each, imageId) && each.imageIds?.includes(imageId) === true);
}

/** Why something that no one names may be in use all the same; empty where everything was read. */
function doubtAbout(image: Image, { inventory, vms: readable }: FindingContext): string {
  const { id: imageId } = image;
  const users = usersInDoubt(imageId, inventory);
  const folders = foldersAround(image, readable);
  const known = [
    ...(folders.length > 0 ? [` It may be in use: ${firstOf(folders)}.`] : []),
    ...users.map(({ what, reason, hasOpen }) => (hasOpen ? ` ${reason}` : ` It may be in use. ${what}: ${reason}`)),
  ].join('');
  const unknown = unknownDependentsOf(inventory, imageId).filter((each) => !users.includes(each));
  // A VM that could not be read is one of them as a rule, and one thing then.
  const named = new Set(unknown.map(({ what }) => what));
  const vms = inventory.vms.filter((vm) => !vm.readable && !named.has(`VM ${vm.name ?? vm.uuid}`)).length;
  const reasons = [
    ...(vms > 0 ? [counted(vms, 'VM')] : []),
    ...(unknown.length > 0 ? [unknown[0]?.what ?? ''] : []),
    ...(unknown.length > 1 ? [counted(unknown.length - 1, 'other thing')] : []),
  ];
  if (reasons.length === 0) return known;
  return `${known} It is not certain: ${reasons.join(' and ')} could not be read and may use it.`;
}
