/** The rules that libvirt's plans share. Each gives notes; none throws and none looks at anything but the inventory. */
import type { GuestAgent } from '../../../../shared/model/guest-agent.ts';
import type { Image, Snapshot } from '../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../shared/model/plan.ts';
import { otherAtNextStart } from '../../../../shared/rules/chains/next-start.ts';
import { remedyOfRenamed, renamedData, wordsOfRenamed } from '../../../../shared/rules/snapshots/renamed-data.ts';
import { isWrittenSince } from '../../../../shared/rules/snapshots/snapshot-data.ts';
import type { BegunPlan } from '../../driver.ts';
import { note } from '../../../../shared/rules/text/plan-note.ts';
import type { PlanningContext } from '../../planning/planning-context.ts';
import { namesJobsAfterSnapshots } from '../capabilities.ts';

/** What plans for libvirt are made from. */
export interface LibvirtContext extends PlanningContext, BegunPlan {
  /** By which virsh on the host reaches libvirt. */
  readonly uri: string;
  /** What the agent in the guest answered; null where it was not asked. */
  readonly guestAgent: GuestAgent | null;
}

/** The start of every virsh command: the URI is always named, and the VM is always named by UUID. */
export function virsh(context: LibvirtContext, command: string, ...rest: readonly string[]): string[] {
  return ['virsh', '-c', context.uri, command, `--domain=${context.vm.uuid}`, ...rest];
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
 * What a record of an external snapshot says of its data is what plans go by, and where it names an older image than it should, they
 * would be made for another state.
 *
 * @param targets the disks that the change is about
 */
export function renamedDataRefusals(
  { images }: LibvirtContext,
  snapshots: readonly Snapshot[],
  targets: ReadonlySet<string>,
): PlanNote[] {
  return renamedData(snapshots, images)
    .filter(({ target }) => targets.has(target))
    .map((renamed) =>
      note('dataRenamed', `${wordsOfRenamed(renamed)} ${remedyOfRenamed(renamed)}`, [renamed.snapshot.name]),
    );
}

/** The data of a snapshot is written to by nothing that Snaptree does; but somebody may have committed into it by hand. */
export function writtenSince(snapshot: Snapshot, data: readonly Image[]): PlanNote[] {
  return data
    .filter((image) => isWrittenSince(snapshot, image) === true)
    .map(({ id }) =>
      note(
        'writtenSince',
        `${id} was written to after "${snapshot.name}" was taken. A merge by Snaptree that brought the snapshot's data there leaves that right; if something was merged into it by hand, it does not hold what the snapshot was any more.`,
        [id],
      ),
    );
}

/** libvirt makes the snapshot of what the VM uses now, and leaves the definition of its next start as it is. */
export function nextStartWarnings({ vm }: LibvirtContext): PlanNote[] {
  return otherAtNextStart(vm).map(({ imageId, message }) => note('nextStartDiffers', message, [imageId]));
}

/**
 * Whoever keeps VMs running starts one that is shut off. Nothing on the host says for certain whether somebody does: Pacemaker may
 * hold it under another name, and others watch from elsewhere.
 */
export function mayBeStartedAgain({ vm }: LibvirtContext): PlanNote {
  return note(
    'mayBeStartedAgain',
    `If something keeps ${vm.name} running (a cluster manager such as Pacemaker, a script), have it leave the VM alone first: it may start the VM while it is shut off, here or on another host.`,
  );
}

/** An internal snapshot is found in its image by name, and qemu-img accepts a tag twice: the name must lead to one. */
export function sameTagRefusals(context: LibvirtContext, snapshot: Snapshot): PlanNote[] {
  return internalHoldings(snapshot).flatMap(({ target, imageId }) => {
    const inImage = context.images.get(imageId)?.internalSnapshots ?? [];
    const sameName = inImage.filter(({ name }) => name === snapshot.name);
    if (sameName.length < 2) return [];
    return [
      note(
        'ambiguousSnapshot',
        `${imageId} (disk ${target}) holds ${sameName.length} snapshots named "${snapshot.name}". Which one is meant cannot be told from the name.`,
        [imageId],
      ),
    ];
  });
}

/**
 * For a revert: qcow2 resolves what it is given as an *id* first: with a snapshot named `1` that has id 2, `qemu-img snapshot -a 1`,
 * which libvirt runs to revert a VM that is shut off, applies the snapshot with id 1 (QEMU block/qcow2-snapshot.c,
 * find_snapshot_by_id_or_name; seen on 7.2). Deleting looks for the name only (bdrv_snapshot_find; seen on 5.2, 7.2 and 10.0).
 */
export function numberRefusals(context: LibvirtContext, snapshot: Snapshot): PlanNote[] {
  return internalHoldings(snapshot).flatMap(({ target, imageId }) => {
    const inImage = context.images.get(imageId)?.internalSnapshots ?? [];
    const sameId = inImage.filter(({ id, name }) => id === snapshot.name && name !== snapshot.name);
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
export function monitorNameRefusals(context: LibvirtContext, name: string): PlanNote[] {
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
export function jobNameRefusals({ inventory }: LibvirtContext, name: string, remedy: string): PlanNote[] {
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
  context: LibvirtContext,
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
