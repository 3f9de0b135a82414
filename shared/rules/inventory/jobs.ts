/** Jobs that run inside a hypervisor, in words. */
import type { BlockJob, ReadableVm } from '../../model/inventory.ts';

/** What a block job does, to go behind “a block job runs: ”. */
export function blockJobWords({ kind, target, ready, detail }: BlockJob): string {
  const to = target === null ? '' : ` to ${target}`;
  const into = target ?? 'the image below';
  const what = {
    copy: `a copy${to}`,
    commit: 'a commit of images below the active layer',
    activeCommit: `a commit of the active layer into ${into}`,
    pull: 'a pull of the images below into the active layer',
    backup: 'a backup',
    unknown: `one that Snaptree does not know (${detail ?? 'without a name'})`,
  }[kind];
  return ready ? `${what}, which has done its work and waits for being ended` : what;
}

/** What a job means for everybody else; it goes behind what says that it runs. */
export const untilJobEnds = 'Until it ends no snapshot can be changed.';

export interface RunningJob {
  /** The disk; null where it is about the VM as a whole. */
  readonly target: string | null;
  /** A whole sentence. */
  readonly message: string;
  /** It goes on for ever unless somebody ends it, or nobody can tell what goes on. */
  readonly needsSomebody: boolean;
  /** The VM does not answer: whether there is a job at all is not known. */
  readonly isSilent: boolean;
}

/** All jobs of a VM. */
export function jobsOf({ name, job, disks }: Pick<ReadableVm, 'name' | 'job' | 'disks'>): readonly RunningJob[] {
  const ofDisks = disks.flatMap(({ target, blockJob }) =>
    blockJob
      ? [
          {
            target,
            message: `On disk ${target} of ${name} a block job runs: ${blockJobWords(blockJob)}.`,
            needsSomebody: blockJob.ready || blockJob.kind === 'unknown',
            isSilent: false,
          },
        ]
      : [],
  );
  if (!job) return ofDisks;
  const what = {
    backup: 'is being backed up',
    save: 'is being saved',
    dump: 'is being dumped',
    migration: 'is being migrated',
    snapshot: 'is just having a snapshot taken, loaded or deleted',
    other: `is being worked on (${job.detail})`,
    unknown: `does not answer at the moment (${job.detail}), so it is not known whether block jobs or other jobs run in it`,
  }[job.kind];
  const message = `${name} ${what}.`;
  const isSilent = job.kind === 'unknown';
  return [{ target: null, message, needsSomebody: isSilent, isSilent }, ...ofDisks];
}
