/**
 * Runs the steps of an operation, and finds out what became of one that was cut off.
 *
 * Whoever calls these functions has the operation's turn (`LiveOperation.takeTurn`).
 */
import { assertNever } from '../../shared/assert-never.ts';
import type { SnaptreeError } from '../../shared/errors.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Examination } from '../../shared/model/operation.ts';
import type { PlanStep } from '../../shared/model/plan.ts';
import { hasEnded } from '../../shared/rules/operation-life.ts';
import { checkExpectations } from './expectations.ts';
import { compareFingerprints, fingerprintOf } from './fingerprint.ts';
import type { JobReference, JobStatus } from './host-job.ts';
import type { LiveOperation } from './live-operation.ts';
import { nextStep } from './operation-machine.ts';
import { cancelledAfter, cutOff, describePlan, describeStep, stepFailed } from './operation-messages.ts';
import type { StepContext } from './step-context.ts';

const outputCharacters = 65_536;

/**
 * Runs what is left of an operation, from the state that its plan or its last step left. Ends in a state that tells the
 * truth: succeeded, failed, cancelled, or interrupted. Never throws.
 *
 * @param inventory the host as it was read just before
 */
export async function runSteps(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  await interruptOnError(context, live, async () => {
    let before = inventory;
    for (;;) {
      const next = nextStep(live.state);
      if (!next || live.state.cancelRequested || context.isReadOnly(live.operation.plan.hostId)) {
        await endBetweenSteps(context, live);
        return;
      }
      const step = plannedStep(live, next.index);
      const alreadyMet = checkExpectations(step.verify, live.operation.plan.vmUuid, before).met;
      await live.record({ type: 'stepStarting', index: step.index, alreadyMet });
      await context.audit('stepStarted', live, { stepIndex: step.index, argv: step.argv, outcome: 'started' });
      const job = jobReference(live, step);
      const first = await context.toolsFor(live.operation.plan.hostId).start({ ...job, argv: step.argv });
      const after = await settle(context, live, step, await follow(context, live, job, first));
      if (!after) return;
      before = after;
    }
  });
}

/** Goes on waiting for a step that still runs. The steps after it are offered, not run. Never throws. */
export async function followReattached(context: StepContext, live: LiveOperation): Promise<void> {
  await interruptOnError(context, live, async () => {
    const next = nextStep(live.state);
    if (next?.state !== 'running') return;
    const step = plannedStep(live, next.index);
    const job = jobReference(live, step);
    const first = await context.toolsFor(live.operation.plan.hostId).wait(job, 0);
    const after = await settle(context, live, step, await follow(context, live, job, first));
    if (after) await offerRest(context, live, after);
  });
}

/**
 * Finds out what became of an interrupted operation and records it. Gives `stillRunning` where a step runs on: the
 * operation is running again, and `followReattached` waits for it. Throws where the host cannot be asked.
 */
export async function examine(context: StepContext, live: LiveOperation): Promise<'stillRunning' | 'settled'> {
  if (hasEnded(live.operation) || live.operation.state !== 'interrupted') return 'settled';
  try {
    return await findOut(context, live);
  } catch (cause) {
    // What was found before is recorded, and with it the operation went on: it must not seem to run.
    await recordInterruption(context, live, cause);
    throw cause;
  }
}

async function findOut(context: StepContext, live: LiveOperation): Promise<'stillRunning' | 'settled'> {
  const { plan } = live.operation;
  const next = nextStep(live.state);
  if (!next) {
    // Every step was verified; only the last line of the journal is missing.
    await endBetweenSteps(context, live);
    return 'settled';
  }
  const step = plannedStep(live, next.index);
  switch (next.state) {
    case 'waiting':
    case 'skipped': {
      const { inventory } = await context.readHost(plan.hostId);
      await offerRest(context, live, inventory);
      return 'settled';
    }
    case 'failed': {
      const { inventory } = await context.readHost(plan.hostId);
      await endFailed(context, live, step, { exitCode: next.exitCode, stderr: next.output }, inventory);
      return 'settled';
    }
    case 'running':
    case 'unknown':
    case 'done': {
      const status = await context.toolsFor(plan.hostId).inspect(jobReference(live, step));
      if (status.state === 'running') {
        await live.record({
          type: 'examined',
          examination: {
            at: context.clock(),
            finding: 'stillRunning',
            message: `${capital(describeStep(plan, step.index))} still runs on ${plan.hostName}. Snaptree waits for it again.`,
            choices: [],
          },
        });
        await live.record({ type: 'continued', why: 'reattached' });
        live.showOutput(step.index, outputOf(status));
        return 'stillRunning';
      }
      const after = await settle(context, live, step, status);
      if (after) await offerRest(context, live, after);
      return 'settled';
    }
    default:
      return assertNever(next.state);
  }
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
    status = await context.toolsFor(live.operation.plan.hostId).wait(job, status.outputBytes);
  }
  return status;
}

/**
 * Reads the host after a step and records what it shows. Gives the inventory where the step is done; null where the
 * operation ended or needs its user, which is then recorded.
 */
async function settle(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  status: Exclude<JobStatus, { state: 'running' }> | JobStatus,
): Promise<Inventory | null> {
  const { plan } = live.operation;
  const { inventory } =
    status.state === 'exited' ? await recordExit(context, live, step, status) : await context.readHost(plan.hostId);
  const check = checkExpectations(step.verify, plan.vmUuid, inventory);
  const finished = (outcome: 'done' | 'failed') => ({
    type: 'stepFinished' as const,
    index: step.index,
    outcome,
    fingerprint: fingerprintOf(plan, inventory),
  });
  switch (status.state) {
    case 'exited': {
      const outcome = status.exitCode === 0 && check.met ? 'done' : 'failed';
      await live.record(finished(outcome));
      await auditEnd(context, live, step, status.exitCode, outputOf(status), outcome);
      if (outcome === 'done') return inventory;
      await endFailed(context, live, step, status, inventory);
      return null;
    }
    case 'died': {
      // What held before proves nothing: a revert to the current snapshot looks the same before and after.
      if (check.met && !live.state.alreadyMet) {
        await live.record({ type: 'stepExited', index: step.index, exitCode: null, output: outputOf(status) });
        await live.record(finished('done'));
        await auditEnd(context, live, step, null, outputOf(status), 'done, as the host shows');
        return inventory;
      }
      const how = status.rebooted
        ? `${plan.hostName} was started again while it ran`
        : 'its command was ended from outside';
      const now = check.met
        ? 'The host cannot show whether it had its effect.'
        : `As the host is now: ${check.unmet.join(' ')}`;
      await recordUnclear(context, live, step, `${how}. ${now}`, outputOf(status));
      return null;
    }
    case 'absent':
      await offerRest(context, live, inventory);
      return null;
    case 'folderMissing':
      await recordUnclear(
        context,
        live,
        step,
        `nothing of it is found on ${plan.hostName}. It may be connected as another user than before, be another machine, or somebody removed it.`,
        '',
      );
      return null;
    case 'running':
      throw new Error('the step still runs');
    default:
      return assertNever(status);
  }
}

/** The exit is recorded before the host is read, so that it is not lost if reading fails. */
async function recordExit(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  status: Extract<JobStatus, { state: 'exited' }>,
): Promise<{ readonly inventory: Inventory }> {
  await live.record({ type: 'stepExited', index: step.index, exitCode: status.exitCode, output: outputOf(status) });
  return context.readHost(live.operation.plan.hostId);
}

async function recordUnclear(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  why: string,
  output: string,
): Promise<void> {
  const { plan } = live.operation;
  const message = `What became of ${describeStep(plan, step.index)} cannot be told: ${why} It is not run again. ${step.whenInterrupted} Look at the VM, then forget this operation, which unlocks the VM.`;
  if (live.operation.error === null) {
    await live.record({ type: 'interrupted', error: cutOff(plan, step.index, new Error(capital(why))).toData() });
  }
  await live.record({
    type: 'examined',
    examination: { at: context.clock(), finding: 'unclear', message, choices: ['forget'] },
  });
  await auditEnd(context, live, step, null, output, 'unclear');
}

/** No step runs, and the next one has not begun: says whether the rest may be run on the host as it is. */
async function offerRest(context: StepContext, live: LiveOperation, inventory: Inventory): Promise<void> {
  const { plan } = live.operation;
  const next = nextStep(live.state);
  if (!next || live.state.cancelRequested) {
    await endBetweenSteps(context, live);
    return;
  }
  const comparison = compareFingerprints(plan, inventory, live.state.expectedFingerprint);
  const done =
    next.index === 0
      ? 'Nothing of it was run.'
      : `${next.index} of ${plan.steps.length} steps are done and verified, the next one has not begun.`;
  const finding = next.index === 0 ? 'notStarted' : 'partlyDone';
  const examination: Examination =
    comparison === 'same'
      ? {
          at: context.clock(),
          finding,
          message: `${done} ${plan.hostName} is as it should be at this point, so ${describePlan(plan)} can be resumed with ${describeStep(plan, next.index)}, or forgotten, which unlocks the VM.`,
          choices: ['resume', 'forget'],
        }
      : {
          at: context.clock(),
          finding,
          message: `${done} ${
            comparison === 'changed'
              ? `But ${plan.hostName} has changed meanwhile, so the rest of ${describePlan(plan)} does not fit any more.`
              : `But ${describePlan(plan)} was begun by another version of Snaptree, and this one cannot tell whether ${plan.hostName} is still as it was then.`
          } Forget it, which unlocks the VM, and plan from what is there now.`,
          choices: ['forget'],
        };
  await live.record({ type: 'examined', examination });
}

async function endBetweenSteps(context: StepContext, live: LiveOperation): Promise<void> {
  const { plan } = live.operation;
  const next = nextStep(live.state);
  await end(context, live, next ? 'cancelled' : 'succeeded', next ? cancelledAfter(plan, next.index) : null);
}

async function endFailed(
  context: StepContext,
  live: LiveOperation,
  step: PlanStep,
  { exitCode, stderr }: { readonly exitCode: number | null; readonly stderr: string },
  inventory: Inventory,
): Promise<void> {
  const { plan } = live.operation;
  const check = checkExpectations(step.verify, plan.vmUuid, inventory);
  await end(
    context,
    live,
    'failed',
    stepFailed({ plan, step, exitCode, stderr, check, alreadyMet: live.state.alreadyMet }),
  );
}

/** Ends an operation, and leaves nothing of it on its host. */
export async function end(
  context: StepContext,
  live: LiveOperation,
  state: 'succeeded' | 'failed' | 'cancelled' | 'forgotten',
  error: SnaptreeError | null,
): Promise<void> {
  await live.record({ type: 'ended', state, error: error?.toData() ?? null });
  await context.audit('operationEnded', live, { outcome: state, output: error?.message ?? '' });
  await context.cleanUp(live);
}

async function interruptOnError(context: StepContext, live: LiveOperation, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (cause) {
    await recordInterruption(context, live, cause);
  }
}

/** Never throws. */
async function recordInterruption(context: StepContext, live: LiveOperation, cause: unknown): Promise<void> {
  // Closing: what the journal says now is what the next start goes by.
  if (live.closed || hasEnded(live.operation) || live.operation.state === 'interrupted') return;
  const next = nextStep(live.state);
  const begun = next && next.state !== 'waiting' ? next.index : null;
  const error = cutOff(live.operation.plan, begun, cause).toData();
  try {
    await live.record({ type: 'interrupted', error });
  } catch {
    live.interruptInMemory(error);
  }
  await context.audit('interrupted', live, { stepIndex: begun, outcome: 'unknown', output: error.message });
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

function plannedStep(live: LiveOperation, index: number): PlanStep {
  const step = live.operation.plan.steps[index];
  if (!step) throw new Error(`the plan has no step ${index}`);
  return step;
}

function jobReference(live: LiveOperation, step: PlanStep): JobReference {
  const { jobFolder } = live.state;
  if (jobFolder === null) throw new Error('the operation was not accepted');
  return { folder: jobFolder, stepIndex: step.index };
}

function outputOf(status: { readonly stdout: string; readonly stderr: string }): string {
  return [status.stdout, status.stderr]
    .filter((text) => text !== '')
    .join('\n')
    .slice(-outputCharacters);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
