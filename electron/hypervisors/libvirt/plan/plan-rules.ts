/**
 * The rules that libvirt plans share: what stands in the way of a change, and what its user should know first.
 * Each rule gives notes; none throws and none looks at anything but the inventory.
 */
import type { Disk, Image, Inventory, ReadableVm, Snapshot } from '../../../../shared/model/inventory.ts';
import type { DiskChain, PlanNote } from '../../../../shared/model/plan.ts';
import { chainProblem } from '../../../../shared/rules/problems.ts';
import { unknownDependentsOfAny } from '../../../../shared/rules/dependents.ts';
import {
  chainFrom,
  dependentsIndex,
  dependentsOf,
  imagesById,
  type Dependents,
} from '../../../../shared/rules/chains.ts';
import { namesJobsAfterSnapshots } from '../capabilities.ts';

/** An inventory with the indexes that the rules need, made once a plan. */
export interface PlanContext {
  readonly uri: string;
  readonly inventory: Inventory;
  readonly vm: ReadableVm;
  readonly images: ReadonlyMap<string, Image>;
  readonly dependents: ReadonlyMap<string, Dependents>;
}

/** The context of a plan for `vm`, whose host is reached by virsh at `uri`. */
export function planContext(uri: string, inventory: Inventory, vm: ReadableVm): PlanContext {
  return { uri, inventory, vm, images: imagesById(inventory.images), dependents: dependentsIndex(inventory) };
}

/** A note of a plan. */
export function note(code: string, message: string, names: readonly string[] = []): PlanNote {
  return { code, message, names: [...names] };
}

/** The start of every virsh command: the URI is always named, and the VM is always named by UUID. */
export function virsh(context: PlanContext, command: string, ...rest: readonly string[]): string[] {
  return ['virsh', '-c', context.uri, command, `--domain=${context.vm.uuid}`, ...rest];
}

/** The disks that the guest can write to: the ones that snapshots are about. */
export function writableDisks(vm: ReadableVm): readonly Disk[] {
  return vm.disks.filter((disk) => !disk.readOnly && (disk.device === 'disk' || disk.device === 'lun'));
}

/** "a", "a and b", "a, b and c". */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1] ?? ''}`;
}

/** States in which libvirt changes a VM's snapshots at all. */
export function stateRefusals({ vm }: PlanContext): PlanNote[] {
  switch (vm.state) {
    case 'running':
    case 'idle':
    case 'paused':
    case 'shutoff':
      return [];
    case 'shutting-down':
      return [note('vmState', `${vm.name} is shutting down. Wait until it is shut off, then try again.`)];
    case 'suspended':
      return [
        note(
          'vmState',
          `${vm.name} sleeps (power management). libvirt takes no snapshot of a sleeping VM: wake it first.`,
        ),
      ];
    case 'crashed':
      return [note('vmState', `${vm.name} has crashed. Shut it off first, so that its disks are not in use.`)];
    case 'unknown':
      return [
        note('vmState', `The state of ${vm.name} could not be told. Read the host again before changing anything.`),
      ];
  }
}

/** Every chain of the VM must be whole: a change on top of a broken one hides the damage and can add to it. */
export function chainRefusals(context: PlanContext, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) => {
    // A plan is about disks that hold data: one without a source has nothing that could be kept.
    if (disk.imageId === null && disk.source === null) {
      return [
        note('diskEmpty', `Disk ${disk.target} has no source, so there is nothing of it that a snapshot could hold.`),
      ];
    }
    const problem = chainProblem(disk, context.images);
    return problem ? [note('chainBroken', problem.message, [problem.at])] : [];
  });
}

/**
 * Whoever else needs an image that a change would write to. Nothing upstream looks for them: committing into, or
 * reverting, an image with another dependent returns 0 and gives the dependent wrong data (seen on QEMU 7.2).
 */
export function dependentRefusals(context: PlanContext, imageIds: readonly string[], verb: string): PlanNote[] {
  return imageIds.flatMap((imageId) => {
    const { childImageIds, activeFor, vms } = dependentsOf(imageId, context.dependents);
    const otherVms = new Set([
      ...activeFor.filter(({ vm }) => vm.uuid !== context.vm.uuid).map(({ vm }) => vm.name),
      ...(childImageIds.length > 0 ? vms.filter((vm) => vm.uuid !== context.vm.uuid).map((vm) => vm.name) : []),
    ]);
    const ownDisks = activeFor.filter(({ vm }) => vm.uuid === context.vm.uuid).map(({ disk }) => disk.target);
    const names = [
      ...childImageIds,
      ...[...otherVms].map((name) => `VM ${name}`),
      // The same image in two drives: qemu-img would make two snapshots of one name in it.
      ...(ownDisks.length > 1 ? ownDisks.map((target) => `disk ${target}`) : []),
    ];
    if (names.length === 0) return [];
    return [
      note(
        'imageHasDependents',
        `${verb} would change ${imageId}, which others depend on: ${listed(names)}. Their data would silently become wrong.`,
        names,
      ),
    ];
  });
}

/**
 * For changes that take data away which others may depend on: what could not be looked into may be such another, and
 * nobody can say that it is not.
 */
export function unknownDependentRefusals(context: PlanContext, imageIds: readonly string[], verb: string): PlanNote[] {
  return unknownDependentNotes(
    context,
    imageIds,
    (images, they) =>
      `${verb} would change ${images} for good, and whether others depend on ${they} is not known. Log in as a user who may read all of it (root, or with sudo), or put in order what is named, then read the host again.`,
  );
}

/** For changes that others survive, as long as they are what they seem to be. */
export function unknownDependentWarnings(context: PlanContext, imageIds: readonly string[]): PlanNote[] {
  return unknownDependentNotes(
    context,
    imageIds,
    (images) => `Whether others depend on ${images} is not known. This change itself does not harm overlays.`,
  );
}

function unknownDependentNotes(
  { inventory }: PlanContext,
  imageIds: readonly string[],
  say: (images: string, they: string) => string,
): PlanNote[] {
  const unknown = unknownDependentsOfAny(inventory, imageIds);
  if (unknown.length === 0) return [];
  const shown = unknown.slice(0, 5).map(({ what, reason }) => `${what} (${reason.replace(/\.$/, '')})`);
  const more = unknown.length - shown.length;
  const what = listed(more > 0 ? [...shown, `${more} more`] : shown);
  const images = [...new Set(imageIds)];
  return [
    note(
      'dependentsUnknown',
      `${say(listed(images), images.length === 1 ? 'it' : 'them')} What could not be looked into: ${what}.`,
      [...new Set(unknown.map((each) => each.what))],
    ),
  ];
}

/** An image in which a VM's internal snapshot is to be found by its name. */
export interface InternalHolding {
  readonly target: string;
  readonly imageId: string;
}

/** Where the record of an internal snapshot says that its data is. */
export function internalHoldings(snapshot: Snapshot): readonly InternalHolding[] {
  return snapshot.disks.flatMap((disk) =>
    disk.kind === 'internal' && disk.dataImageId !== null ? [{ target: disk.target, imageId: disk.dataImageId }] : [],
  );
}

/**
 * An internal snapshot is found in its image by name, so the name must lead to one snapshot and to the right one.
 *
 * qemu-img accepts a tag twice. And qcow2 resolves what it is given as an *id* first: with a snapshot named `1` that has
 * id 2, `qemu-img snapshot -a 1`, which libvirt runs to revert a VM that is shut off, applies the snapshot with id 1
 * (QEMU block/qcow2-snapshot.c, find_snapshot_by_id_or_name; seen on 7.2).
 */
export function ambiguousNameRefusals(context: PlanContext, snapshot: Snapshot): PlanNote[] {
  return internalHoldings(snapshot).flatMap(({ target, imageId }) => {
    const inImage = context.images.get(imageId)?.internalSnapshots ?? [];
    const sameName = inImage.filter((internal) => internal.name === snapshot.name);
    const sameId = inImage.filter((internal) => internal.id === snapshot.name && internal.name !== snapshot.name);
    if (sameName.length > 1) {
      return [
        note(
          'ambiguousSnapshot',
          `${imageId} (disk ${target}) holds ${sameName.length} snapshots named "${snapshot.name}". Which one is meant cannot be told from the name.`,
          [imageId],
        ),
      ];
    }
    return sameId.map((other) =>
      note(
        'ambiguousSnapshot',
        `In ${imageId} (disk ${target}) the name "${snapshot.name}" is also the number of the snapshot "${other.name}": qemu-img would take that one instead.`,
        [other.name],
      ),
    );
  });
}

/**
 * Names that do not reach a running QEMU as they are. libvirt 9.0 puts the name between quotes into a line of QEMU's
 * human monitor (`savevm "…"`, `delvm "…"`) and escapes nothing: with a `"` in it the command fails and libvirt reports
 * success (a record without data, whose revert then ends the VM), and `a\nb` becomes a name of two lines (both seen).
 */
export function monitorNameRefusals(context: PlanContext, name: string): PlanNote[] {
  const { vm } = context;
  if (vm.state === 'shutoff') return [];
  const byJob = jobNameRefusals(
    context,
    name,
    `Choose a name of letters, digits, “.”, “_” and “-” only, or do this while ${vm.name} is shut off.`,
  );
  if (byJob.length > 0 || !/["\\]/.test(name)) return byJob;
  return [
    note(
      'nameNotForMonitor',
      `The name "${name}" holds a quotation mark or a backslash. libvirt hands such a name to the QEMU of a running VM wrongly and reports success all the same. Choose another name, or do this while ${vm.name} is shut off.`,
      [name],
    ),
  ];
}

/**
 * Names that newer libvirts cannot give to QEMU: saving, loading and deleting internal snapshots in a QEMU process is a
 * job that is named after the snapshot, and QEMU takes only some characters in it ("Invalid job ID"; seen on 11.3, where
 * a VM whose memory cannot be loaded ends shut off).
 *
 * @param remedy what to do, in a sentence
 */
export function jobNameRefusals({ inventory }: PlanContext, name: string, remedy: string): PlanNote[] {
  const { version } = inventory.hypervisor;
  if (!namesJobsAfterSnapshots(version) || /^[A-Za-z0-9._-]*$/.test(name)) return [];
  return [
    note(
      'nameNotForJob',
      `libvirt ${version ?? ''} cannot use the name "${name}" with a QEMU process, which takes only letters (a to z), digits, “.”, “_” and “-” there. ${remedy}`,
      [name],
    ),
  ];
}

/**
 * Data of the same name in images where the snapshot in hand does not have its own: left by a record that was deleted, or
 * brought along by a disk that was attached later. QEMU goes by the name alone, over every writable drive of a running VM
 * (floppies too): `savevm` first deletes what has the name, `delvm` deletes it everywhere, and both report success (seen
 * on 7.2). On a VM that is shut off qemu-img makes a second snapshot of the name, after which neither can be reached.
 *
 * @param holdings images in which the name is the snapshot's own
 */
export function sameNameRefusals(
  context: PlanContext,
  name: string,
  holdings: readonly string[],
  verb: string,
): PlanNote[] {
  return context.vm.disks.flatMap((disk): PlanNote[] => {
    if (disk.imageId === null || disk.readOnly || disk.device === 'cdrom' || holdings.includes(disk.imageId)) return [];
    const image = context.images.get(disk.imageId);
    if (!image?.internalSnapshots.some((internal) => internal.name === name)) return [];
    return [
      note(
        'otherDataOfThatName',
        `${image.id} (${disk.device} ${disk.target}) holds data of another snapshot named "${name}". ${verb} would destroy it, or leave two of that name, without a word.`,
        [image.id],
      ),
    ];
  });
}

/** A VM whose memory was saved is only seemingly shut off: `harm` says what resuming it after the change would do. */
export function managedSaveRefusals({ vm }: PlanContext, harm: string): PlanNote[] {
  return vm.hasManagedSave
    ? [
        note(
          'managedSave',
          `${harm} Start the VM and shut it down, or discard its saved state (virsh managedsave-remove), then try again.`,
        ),
      ]
    : [];
}

/** The chain of each disk as ids, with `replaced` giving new chains for some targets. */
export function chainsOf(
  context: PlanContext,
  replaced: ReadonlyMap<string, readonly string[]> = new Map(),
): DiskChain[] {
  return context.vm.disks.flatMap((disk) =>
    disk.imageId === null
      ? []
      : [
          {
            target: disk.target,
            imageIds: [
              ...(replaced.get(disk.target) ?? chainFrom(disk.imageId, context.images).images.map(({ id }) => id)),
            ],
          },
        ],
  );
}

/** Free bytes of the folder in which an image lies; null where it was not read. */
export function freeSpace(
  context: PlanContext,
  imageId: string | null,
): { folder: string | null; freeBytes: number | null } {
  if (imageId === null) return { folder: null, freeBytes: null };
  const folder = folderOf(imageId);
  const filesystem = context.inventory.filesystems.find((candidate) => candidate.folder === folder);
  return { folder, freeBytes: filesystem?.freeBytes ?? null };
}

/** The folder of an absolute path. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
