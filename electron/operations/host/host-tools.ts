/** What an operation does on its host, as one interface: everything below it is scripts, everything above it decisions. */
import type { CommandRunner } from '../../hosts/commands/runner.ts';
import { abortJob, cleanUpOperation, inspectJob, prepareJobs, startJob, tellJob, waitForJob } from './host-job.ts';
import type { CleanUpResult, JobReference, JobStatus, SeenOfJob, Wish, WishAnswer } from './host-job.ts';
import { acquireLock, takeLockOver } from './host-lock.ts';
import type { HeldLock, LockOwner, LockResult, TakeOverResult } from './host-lock.ts';

/** Every function throws what the runner throws; after `connectionLost` its outcome is not known. */
export interface HostTools {
  lock(vmUuid: string, owner: LockOwner): Promise<LockResult>;
  /** Takes the lock over that another operation holds; see `takeLockOver`. */
  takeLockOver(vmUuid: string, owner: LockOwner, from: string): Promise<TakeOverResult>;
  /** Makes the operation's folder; gives its path. */
  prepare(operationId: string): Promise<string>;
  start(job: JobReference & { readonly argv: readonly string[]; readonly lock: HeldLock }): Promise<JobStatus>;
  wait(job: JobReference, seen?: SeenOfJob): Promise<JobStatus>;
  inspect(job: JobReference): Promise<JobStatus>;
  /** Ends the command of a step that runs; how it ended is then in its status. */
  abort(job: JobReference): Promise<void>;
  /** Tells the command of a step that runs what to do otherwise from now on. */
  tell(job: JobReference, wish: Wish): Promise<WishAnswer>;
  /** See `cleanUpOperation`. */
  cleanUp(operation: { readonly operationId: string; readonly jobFolder: string | null }): Promise<CleanUpResult>;
}

/** Most steps take seconds: their end is then in the answer to their start. */
const firstWaitSeconds = 5;
const waitSeconds = 20;

/** @param lockFolder the default of host-lock.ts, but for tests */
export function createHostTools(runner: CommandRunner, signal: AbortSignal, lockFolder?: string): HostTools {
  const folder = lockFolder === undefined ? {} : { folder: lockFolder };
  return {
    lock: (vmUuid, owner) => acquireLock(runner, { vmUuid, owner, signal, ...folder }),
    prepare: (operationId) => prepareJobs(runner, operationId, { signal }),
    takeLockOver: (vmUuid, owner, from) => takeLockOver(runner, { vmUuid, owner, from, signal, ...folder }),
    start: (job) =>
      startJob(runner, { ...job, lock: { ...job.lock, ...folder } }, { waitSeconds: firstWaitSeconds, signal }),
    wait: (job, seen) => waitForJob(runner, job, { waitSeconds, signal, ...(seen && { seen }) }),
    inspect: (job) => inspectJob(runner, job, { signal }),
    abort: (job) => abortJob(runner, job, { signal }),
    tell: (job, wish) => tellJob(runner, job, wish, { signal }),
    cleanUp: (operation) =>
      cleanUpOperation(runner, { ...operation, signal, ...(lockFolder === undefined ? {} : { lockFolder }) }),
  };
}
