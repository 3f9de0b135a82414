/** When images of a VM may be merged, and when not. Pure. */
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../../shared/model/plan.ts';
import {
  chainRefusals,
  corruptRefusals,
  definedChainRefusals,
} from '../../../../../shared/rules/chains/image-refusals.ts';
import { dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import { mergeVmRefusals } from '../../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { readableBytes } from '../../../../../shared/rules/text/units.ts';
import { isAtLeast } from '../../../../../shared/rules/text/version-numbers.ts';
import {
  dependentRefusals,
  openElsewhereRefusals,
  unknownDependentRefusals,
} from '../../../planning/dependent-rules.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { idsOf, isMergeDone, type MergeRange } from './merge-ranges.ts';

/** What stands in the way of any merge of these disks. */
export function mergeRefusals(ranges: readonly MergeRange[], context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  const disks = ranges.map(({ disk }) => disk);
  return [
    ...mergeVmRefusals(vm),
    ...versionRefusals(ranges, context),
    ...chainRefusals(context, disks),
    // What is merged already is brought in line by the steps behind it.
    ...definedChainRefusals(
      context,
      disks.filter(({ target }) => !isMergeDone(target, context)),
    ),
    ...corruptRefusals(context, disks),
    ...ranges.flatMap((range) => diskRefusals(range, context)),
  ];
}

function diskRefusals({ disk, above, merged, base, below }: MergeRange, context: LibvirtContext): PlanNote[] {
  const layers = [above, ...merged, base].filter((layer) => layer !== null);
  const bitmaps = layers.filter(({ image }) => (image.bitmaps ?? []).length > 0);
  const kinds = [...layers, ...below].filter(({ image }) => image.kind === 'network');
  const dataFiles = layers.filter(({ image }) => image.dataFile !== undefined);
  const encrypted = layers.some(({ image }) => image.encryption !== undefined) || disk.encryption !== undefined;
  const refused = (code: string, message: string) => [note(code, message, [disk.target])];
  return [
    ...(disk.readOnly || disk.device !== 'disk'
      ? refused('diskReadOnly', `Disk ${disk.target} is not one that the VM writes to: its images are not merged.`)
      : []),
    ...(disk.shareable
      ? refused('shareable', `Disk ${disk.target} is shared between VMs, so that nobody can tell who writes to it.`)
      : []),
    ...(disk.transient
      ? refused('transientDisk', `What is written to disk ${disk.target} is thrown away when the VM is shut off.`)
      : []),
    ...(encrypted
      ? refused('encrypted', `Disk ${disk.target} is encrypted, and Snaptree does not merge encrypted images.`)
      : []),
    ...(bitmaps.length > 0
      ? refused(
          'dirtyBitmaps',
          `${listed(bitmaps.map(({ image }) => image.id))} ${bitmaps.length === 1 ? 'holds' : 'hold'} dirty bitmaps of incremental backups, which would be lost or wrong. Remove them with the backup program first; its next backup is a full one.`,
        )
      : []),
    ...(kinds.length > 0
      ? refused(
          'imageKind',
          `${listed(kinds.map(({ image }) => image.id))} ${kinds.length === 1 ? 'is' : 'are'} not on a file system or a volume of the host: Snaptree does not merge such chains.`,
        )
      : []),
    ...(dataFiles.length > 0
      ? refused(
          'dataFile',
          `${listed(dataFiles.map(({ image }) => image.id))} ${dataFiles.length === 1 ? 'keeps its' : 'keep their'} data in a file of its own, which Snaptree does not merge.`,
        )
      : []),
    ...(disk.source !== null && !disk.source.startsWith('/')
      ? refused(
          'volumeSource',
          `Disk ${disk.target} is named as a volume of a storage pool (${disk.source}), not by a path. Snaptree does not change such definitions.`,
        )
      : []),
    // What writes to them besides this disk.
    ...layers.flatMap(({ image }) => {
      const others = dependentsOf(image.id, context.dependents).activeFor.filter(
        (use) => use.vm.uuid === context.vm.uuid && use.disk.target !== disk.target,
      );
      return others.length === 0
        ? []
        : refused('imageHasDependents', `${image.id} is also disk ${listed(others.map((use) => use.disk.target))}.`);
    }),
  ];
}

/** QEMU 1.3 commits images below the active layer, QEMU 2.0 with libvirt 1.2.6 the active layer as well (release notes). */
function versionRefusals(ranges: readonly MergeRange[], { vm, inventory }: LibvirtContext): PlanNote[] {
  if (vm.state === 'shutoff') return [];
  const { version, emulator } = inventory.hypervisor;
  const qemu = /\d{1,4}\.\d{1,4}/.exec(emulator ?? '')?.[0] ?? null;
  const tooOld = (needed: string, what: string) =>
    note(
      'tooOld',
      `${what} while the VM runs needs ${needed}; on this host: libvirt ${version ?? '(unknown)'}, ${emulator ?? 'an unknown QEMU'}. Shut the VM down: then qemu-img does it.`,
    );
  if (qemu !== null && !isAtLeast(qemu, '1.3')) return [tooOld('QEMU 1.3', 'Merging')];
  const isActive = ranges.some(({ above }) => above === null);
  if (isActive && ((qemu !== null && !isAtLeast(qemu, '2.0')) || (version !== null && !isAtLeast(version, '1.2.6')))) {
    return [tooOld('QEMU 2.0 and libvirt 1.2.6', 'Merging the active layer')];
  }
  return [];
}

/** What would be lost or made wrong where images are merged into the one below. */
export function commitRefusals(range: MergeRange, context: LibvirtContext, verb: string): PlanNote[] {
  const { merged, base, above } = range;
  if (base === null) return [];
  const written = [base.image.id, ...idsOf(merged)];
  const own = new Set([...idsOf(merged), ...(above ? [above.image.id] : [])]);
  return [
    ...dependentRefusals(context, written, verb, own),
    ...unknownDependentRefusals(context, written, verb),
    ...openElsewhereRefusals(context, written, verb),
    ...lostSnapshotRefusals(
      merged.map(({ image }) => image),
      context,
      verb,
    ),
    ...sizeRefusals(range),
    ...shorterImages(range).map((image) =>
      note(
        'imageIsShorter',
        `${image.id} (disk ${range.disk.target}) is smaller than an image below it, so that the end of that is hidden. ${verb} would show it again, and the disk would read other data there. To keep what it reads now, copy the disk as a whole: qemu-img convert, while the VM is shut off.`,
        [image.id],
      ),
    ),
  ];
}

/**
 * Images that go, or are merged into, and are smaller than one below: beyond its end an image reads as zeroes. A commit
 * forgets that, by a block job and by qemu-img alike, and so does the block job of a pull (QEMU 5.2 to 10.0, of the pull 5.2 and 7.2).
 */
function shorterImages({ merged, base, below }: MergeRange): readonly Image[] {
  const layers = [...merged, ...(base ? [base] : []), ...below];
  return layers
    .slice(0, merged.length + 1)
    .filter(({ image }, index) =>
      layers.slice(index + 1).some((other) => (other.image.virtualBytes ?? 0) > (image.virtualBytes ?? Infinity)),
    )
    .map(({ image }) => image);
}

/** The internal snapshots in an image, by what it holds and by what records say. */
function internalNames(image: Image, { vm }: LibvirtContext): readonly string[] {
  const records = vm.snapshots.filter(({ disks }) =>
    disks.some(({ kind, dataImageId }) => kind === 'internal' && dataImageId === image.id),
  );
  return [...new Set([...image.internalSnapshots, ...records].map(({ name }) => name))];
}

/** Internal snapshots are not merged: they would be gone with their image. */
export function lostSnapshotRefusals(images: readonly Image[], context: LibvirtContext, verb: string): PlanNote[] {
  return images.flatMap((image) => {
    const names = internalNames(image, context);
    return names.length === 0
      ? []
      : [
          note(
            'wouldDestroySnapshots',
            `${verb} would take ${image.id} away, and with it the internal snapshot${names.length === 1 ? '' : 's'} ${listed(names.map((name) => `"${name}"`))} inside: only what the image holds now is merged. Delete ${names.length === 1 ? 'it' : 'them'} first, or copy the image to other storage.`,
            names,
          ),
        ];
  });
}

/** A file grows with what is committed; a volume does not. */
function sizeRefusals({ merged, base }: MergeRange): PlanNote[] {
  const [top] = merged;
  const needed = top?.image.virtualBytes ?? null;
  const has = base?.image.virtualBytes ?? null;
  return base?.image.kind === 'block' && needed !== null && has !== null && needed > has
    ? [
        note(
          'baseTooSmall',
          `${base.image.id} is a volume of ${readableBytes(has)}, and the disk has ${readableBytes(needed)} now. Make the volume larger first.`,
          [base.image.id],
        ),
      ]
    : [];
}

/**
 * Internal snapshots of an image that pulls: of what they do not hold themselves they read what lies below the image. That is
 * taken up into the present state only, so that with another image below they read other data, without a word.
 */
export function pullRefusals(range: MergeRange, context: LibvirtContext, verb: string): PlanNote[] {
  const { vm } = context;
  const { disk, above } = range;
  const image = above?.image;
  if (!image) return [];
  const shorter =
    vm.state === 'shutoff'
      ? []
      : shorterImages(range).map(({ id }) =>
          note(
            'imageIsShorter',
            `${id} (disk ${disk.target}) is smaller than an image below it, so that the end of that is hidden. ${verb} while the VM runs would show it again, and the disk would read other data there. Shut the VM down: then qemu-img does it rightly.`,
            [id],
          ),
        );
  const names = internalNames(image, context);
  return names.length === 0
    ? shorter
    : [
        ...shorter,
        note(
          'wouldSpoilSnapshots',
          `${image.id} (disk ${disk.target}) holds the internal snapshot${names.length === 1 ? '' : 's'} ${listed(names.map((name) => `"${name}"`))}, and ${names.length === 1 ? 'it reads' : 'they read'} from the images below it what ${names.length === 1 ? 'it does' : 'they do'} not hold. ${verb} takes these away from under ${names.length === 1 ? 'it' : 'them'}: going back would give wrong data. Merge down instead, or delete ${names.length === 1 ? 'it' : 'them'} first.`,
          names,
        ),
      ];
}
