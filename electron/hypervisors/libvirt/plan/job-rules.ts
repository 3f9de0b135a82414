/** Rules about jobs that run in a VM, and about what they leave behind. */
import type { BlockJob, Image } from '../../../../shared/model/inventory.ts';
import type { Expectation, PlanNote } from '../../../../shared/model/plan.ts';
import { bitmapsRefusal } from '../../../../shared/rules/snapshots/libvirt-refusals.ts';
import { jobsOf } from '../../../../shared/rules/inventory/jobs.ts';
import { shellLine } from '../../../../shared/rules/text/shell-words.ts';
import { note } from '../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../planning/notes.ts';
import { virsh, type LibvirtContext } from './plan-rules.ts';

/**
 * No change of snapshots while a job runs. libvirt refuses most of them itself, but not the deletion of an internal snapshot
 * during a copy (seen on 9.0), and waits half a minute before it refuses during a backup.
 */
export function jobRefusals(context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  const blockJobs = new Map(vm.disks.map(({ target, blockJob }) => [target, blockJob]));
  return jobsOf(vm).map(({ target, message }) => {
    const blockJob = target === null ? undefined : blockJobs.get(target);
    const advice =
      target !== null && blockJob
        ? adviceOn(blockJob, target, context)
        : adviceOnVm(vm.job?.kind === 'unknown', context);
    return note('jobRuns', `${message} ${advice}`, [target ?? vm.name]);
  });
}

function adviceOn({ kind, ready }: BlockJob, target: string, context: LibvirtContext): string {
  const command = (end: string) => shellLine(virsh(context, 'blockjob', `--path=${target}`, end));
  switch (kind) {
    case 'copy':
      return `Let whoever started it end it. It can be given up, and the VM goes on with its present image: ${command('--abort')}${ready ? ` Or the VM goes on with the copy, in which there are no internal snapshots: ${command('--pivot')}` : ''}`;
    case 'pull':
      return `Wait until it ends. It can be broken off, and the chain stays as it is: ${command('--abort')}`;
    case 'commit':
      return 'Wait until it ends. Do not break it off: it has already written into an image that may be the data of a snapshot.';
    case 'activeCommit':
      return `Wait until it has done its work, and let whoever started it end it: ${command('--pivot')}`;
    case 'backup':
      return 'Wait until the backup program ends it. Broken off, the backup would be worthless.';
    case 'unknown':
      return 'Wait until it ends, then plan again.';
  }
}

function adviceOnVm(isUnknown: boolean, context: LibvirtContext): string {
  return isUnknown
    ? `Try again. If that goes on, its QEMU hangs, or the storage does; this tells for how long: ${shellLine(virsh(context, 'domcontrol'))}`
    : 'Wait until that is done, then plan again.';
}

/** No job has begun on the VM's disks meanwhile. */
export function noBlockJobs({ vm }: LibvirtContext): Expectation[] {
  return vm.disks.flatMap(({ target, imageId }): Expectation[] =>
    imageId === null ? [] : [{ kind: 'noBlockJob', target }],
  );
}

/** Of images; see `bitmapsRefusal`. */
export function bitmapRefusals({ vm, images }: LibvirtContext, imageIds: readonly string[]): PlanNote[] {
  // Refused for the checkpoints already.
  if (vm.hasCheckpoints === true) return [];
  const withBitmaps = imageIds
    .map((imageId) => images.get(imageId))
    .filter((image): image is Image => (image?.bitmaps ?? []).length > 0);
  if (withBitmaps.length === 0) return [];
  const bitmaps = withBitmaps.flatMap((image) => image.bitmaps ?? []);
  return [
    bitmapsRefusal(
      `${listed(withBitmaps.map(({ id }) => id))} ${withBitmaps.length === 1 ? 'holds' : 'hold'} dirty bitmaps of incremental backups (${listed(bitmaps.slice(0, 5))})`,
      withBitmaps.map(({ id }) => id),
    ),
  ];
}
