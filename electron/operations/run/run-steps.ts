/**
 * Runs the steps of an operation and records what each of them did.
 *
 * Whoever calls these functions has the operation's turn (`LiveOperation.takeTurn`).
 */
import { assertNever } from '../../../shared/assert-never.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { MadeSnapshot } from '../../../shared/model/operation.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';
import { brokenStep, mayStop, nextStep } from '../../../shared/rules/operations/step-order.ts';
import { endByOutcome } from './end-operation.ts';
import { interruptOnError } from './interruption.ts';
import { checkExpectations } from '../plans/expectations.ts';
import { stateDigestOf } from '../plans/state-digest.ts';
import { madeBy, unlikePlanned } from './made-snapshots.ts';
import type { JobReference, JobStatus } from '../host/host-job.ts';
import type { LiveOperation } from './live-operation.ts';
import { offerRest, recordUnclear } from './offers.ts';
import type { StepContext } from './step-context.ts';

const outputCharacters = 65_536;

/**
 * Runs what is left of an operation, from the state that its plan or its last step left; after a step that failed, what
 * takes things back. Ends in a state that tells the truth: succeeded, failed, cancelled, or interrupted. Never throws.
 *
 * @param inventory the host as it was read just before
 */
export async function runSteps(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  await interruptOnError(context, live, async () => {
    let before = inventory;
    for (;;) {
      const progress = live.operation;
      const next = nextStep(progress);
      const { plan } = live.operation;
      const isToStop = live.state.cancelRequested || context.isReadOnly(plan.hostId);
      if (!next || (isToStop && mayStop(progress))) {
        await endByOutcome(context, live, before);
        return;
      }
      const step = plannedStep(live, next.index);
      const alreadyMet = checkExpectations(step.verify, plan.vmUuid, before).met;
      if (step.runs !== 'inOrder' && step.verify.length > 0 && alreadyMet) {
        await live.record({ type: 'stepSkipped', index: step.index });
        continue;
      }
      const attempt = next.state === 'unknown' ? live.state.attempt : 0;
      await live.record({ type: 'stepStarting', index: step.index, alreadyMet, attempt });
      await context.audit('stepStarted', live, { stepIndex: step.index, argv: step.argv, outcome: 'started' });
      const job = jobReference(live, step);
      const first = await context.toolsFor(plan.hostId).start({
        ...job,
        argv: step.argv,
        lock: { vmUuid: plan.vmUuid, operationId: live.id },
      });
      const status = await follow(context, live, job, first);
      const after = await settle(context, live, step, status, before);
      if (!after) return;
      before = after;
    }
  });
}

/** Goes on waiting for a step that still runs. Never throws. */
export async function followReattached(context: StepContext, live: LiveOperation): Promise<void> {
  await interruptOnError(context, live, async () => {
    const next = nextStep(live.operation);
    if (next?.state !== 'running') return;
    const step = plannedStep(live, next.index);
    const job = jobReference(live, step);
    const first = await context.toolsFor(live.operation.plan.hostId).wait(job);
    const after = await settle(context, live, step, await follow(context, live, job, first));
    if (after) await goOnAfter(context, live, after);
  });
}

/**
 * After a step that had been cut off was seen to end: the steps after it are offered, not run. But what takes things back
 * after a failure is part of what its user has decided already.
 */
export async function goOnAfter(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  const progress = live.operation;
  if (brokenStep(progress) || !nextStep(progress)) await runSteps(context, live, inventory);
  else await offerRest(context, live, inventory);
}

/** Waits on the host until a step does not run any more. */
async function follow(
  context: StepContext,
  live: LiveOperation,
  job: JobReference,
  first: JobStatus,
): Promise<JobStatus> {
  let status = first;
  while (status.state === 'running') {
    live.showOutput(job.stepIndex, outputOf(status));
    if (status.progress) live.showProgress(job.stepIndex, status.progress);
    status = await context.toolsFor(live.operation.plan.hostId).wait(job, status);
  }
  return status;
}

/**
 * Whether the host as it was read before a step still tells all that matters behind it: where the step only looks, and what comes then
 * is another look, or work that can be given up, whose command looks for itself when it begins. What ends a VM or removes a file
 * cannot be brought back, and a look may have taken long.
 */
export function needsNoReading(steps: readonly Omit<PlanStep, 'index'>[], index: number): boolean {
  const next = steps[index + 1];
  const looksForItself = next?.cancellation === 'abort' && ['takeUp', 'redo'].includes(next.whenInterrupted);
  return steps[index]?.onlyLooks === true && (next?.onlyLooks === true || looksForItself);
}

/**
 * Reads the host after a step and records what it shows. Gives the inventory where it is known how the step ended; null
 * where the operation needs its user, which is then recorded.
 *
 * @param before the host as it was read just before the step, where it was: after a look that found everything in order, it
 *   still tells what there is: see `needsNoReading`
 */
export async function settle(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  status: JobStatus,
  before?: Inventory,
): Promise<Inventory | null> {
  const { plan } = live.operation;
  // The exit is recorded before the host is read, so that it is not lost if reading fails.
  if (status.state === 'exited') {
    const { exitCode } = status;
    await live.record({ type: 'stepExited', index: step.index, exitCode, output: outputOf(status) });
  }
  const endedWell = status.state === 'exited' && status.exitCode === 0;
  const known = endedWell && needsNoReading(plan.steps, step.index) ? before : undefined;
  const inventory = known ?? (await context.readHost(plan.hostId)).inventory;
  const check = checkExpectations(step.verify, plan.vmUuid, inventory);
  const finish = (outcome: 'done' | 'failed' | 'cancelled', made: readonly MadeSnapshot[] = []) =>
    live.record({
      type: 'stepFinished',
      index: step.index,
      outcome,
      fingerprint: stateDigestOf(plan, inventory),
      ...(made.length > 0 && { made: [...made] }),
    });
  switch (status.state) {
    case 'exited': {
      const wasAborted = step.cancellation === 'abort' && live.state.cancelRequested;
      const outcome = status.exitCode === 0 && check.met ? 'done' : wasAborted ? 'cancelled' : 'failed';
      const { alreadyMet } = live.state;
      // What takes things back may fail as well: what counts is what failed first.
      if (outcome === 'failed') live.failure ??= { index: step.index, stderr: status.stderr, alreadyMet };
      // Only a command that is known to have ended well made what is there: by its name alone it could be anybody's.
      await finish(outcome, status.exitCode === 0 && !alreadyMet ? madeBy(plan, step, inventory) : []);
      await auditEnd(context, live, step, status.exitCode, outputOf(status), outcome);
      return inventory;
    }
    case 'died': {
      // What held before proves nothing: a revert to the current snapshot looks the same before and after.
      const foreign = check.met ? unlikePlanned(plan, step, inventory) : null;
      if (check.met && foreign === null && !live.state.alreadyMet) {
        await live.record({ type: 'stepExited', index: step.index, exitCode: null, output: outputOf(status) });
        await finish('done');
        await auditEnd(context, live, step, null, outputOf(status), 'done, as the host shows');
        return inventory;
      }
      const how = status.rebooted
        ? `${plan.hostName} was started again while it ran`
        : 'its command was ended from outside';
      const now = check.met
        ? (foreign ?? 'The host cannot show whether it had its effect.')
        : `As the host is now: ${check.unmet.join(' ')}`;
      await recordUnclear(context, live, step, { why: `${how}. ${now}`, hasEnded: true, inventory });
      await auditEnd(context, live, step, null, outputOf(status), 'unclear');
      return null;
    }
    case 'absent':
      await offerRest(context, live, inventory);
      return null;
    case 'folderMissing': {
      const why = `nothing of it is found on ${plan.hostName}. It may be connected as another user than before, be another machine, or somebody removed it.`;
      await recordUnclear(context, live, step, { why, hasEnded: false, inventory });
      await auditEnd(context, live, step, null, '', 'unclear');
      return null;
    }
    case 'running':
      throw new Error('the step still runs');
    default:
      return assertNever(status);
  }
}

async function auditEnd(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  exitCode: number | null,
  output: string,
  outcome: string,
): Promise<void> {
  await context.audit('stepEnded', live, { stepIndex: step.index, argv: step.argv, exitCode, output, outcome });
}

export function plannedStep(live: LiveOperation, index: number): PlanStep {
  const step = live.operation.plan.steps[index];
  if (!step) throw new Error(`the plan has no step ${index}`);
  return step;
}

/** The job of a step on its host, in the attempt that was begun last. */
export function jobReference(live: LiveOperation, step: PlanStep): JobReference {
  const { jobFolder, attempt } = live.state;
  if (jobFolder === null) throw new Error('the operation was not accepted');
  return { folder: jobFolder, stepIndex: step.index, attempt };
}

/** The end of what a command printed. */
export function outputOf(status: { readonly stdout: string; readonly stderr: string }): string {
  return [status.stdout, status.stderr]
    .filter((text) => text !== '')
    .join('\n')
    .slice(-outputCharacters);
}
