/** What an operation tells its user when something stands in its way. */
import type { ErrorCode } from '../../../shared/errors.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Operation, OperationStep } from '../../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../../shared/model/plan.ts';
import { firstOf } from '../../../shared/rules/text/first-of.ts';
import { interruptedMeaning } from '../../../shared/rules/operations/step-sentences.ts';
import type { ExpectationCheck } from '../plans/expectations.ts';
import { oneLine, outputLine } from '../host/one-line.ts';
import type { LeftFiles } from './left-files.ts';

/** `“title” for the VM name on host` */
export function describePlan({ title, vmName, hostName }: Plan): string {
  return `“${oneLine(title)}” for the VM ${oneLine(vmName)} on ${oneLine(hostName)}`;
}

/** `step 2 of 3 (“title”)` */
export function describeStep(plan: Plan, index: number): string {
  return `step ${index + 1} of ${plan.steps.length} (“${oneLine(plan.steps[index]?.title ?? '')}”)`;
}

export function planRefused(plan: Plan): SnaptreeError {
  const reasons = plan.refusals.map(({ message }) => message).join(' ');
  return new SnaptreeError(
    'planRefused',
    `${describePlan(plan)} is refused and was not run. ${reasons || 'The plan has no steps.'}`,
    { data: { reasons } },
  );
}

export function hostReadOnly(plan: Plan): SnaptreeError {
  return new SnaptreeError(
    'hostReadOnly',
    `${oneLine(plan.hostName)} is set to read-only in Snaptree, so ${describePlan(plan)} was not run. To allow changes, edit the host.`,
  );
}

/** @param why that the host has changed, or that what the journal says of it cannot be compared any more */
export function planStale(plan: Plan, why: 'changed' | 'otherMethod'): SnaptreeError {
  if (why === 'otherMethod') {
    return new SnaptreeError(
      'planStale',
      `${describePlan(plan)} was planned by another version of Snaptree, and this one cannot tell whether ${oneLine(plan.hostName)} is still as it was then. Nothing was run. Plan the change again and look at what it does now.`,
    );
  }
  return new SnaptreeError(
    'planStale',
    `${oneLine(plan.hostName)} has changed since ${describePlan(plan)} was planned: the VM ${oneLine(plan.vmName)}, its snapshots, its images or what depends on them are not as they were. Nothing was run. Plan the change again and look at what it does now.`,
  );
}

export function notResolvable(plan: Plan, why: string): SnaptreeError {
  return new SnaptreeError('operationNotResolvable', `${describePlan(plan)}: ${why}`);
}

/** For `notResolvable`: the rest of the plan, made again, is not what is left of it. */
export function stepsDiffer(differences: readonly string[]): string {
  return `what would be run now is not what was reviewed, so it was not resumed, and nothing was run. ${differences.join(' ')} Forget it, which unlocks the VM, and plan from what is there now.`;
}

export function unexpected(error: unknown): SnaptreeError {
  return new SnaptreeError('internalError', error instanceof Error ? error.message : String(error), { cause: error });
}

/** An error as data for another: its code and its words. */
function causeData(cause: unknown): {
  readonly code: string;
  readonly message: string;
  readonly data: Readonly<Record<string, string>>;
  readonly untold: readonly string[];
} {
  if (SnaptreeError.is(cause)) {
    const { code, message, data, untold } = cause;
    return { code, message, data, untold };
  }
  return {
    code: 'internalError',
    message: cause instanceof Error ? cause.message : String(cause),
    data: {},
    untold: [],
  };
}

/** The operation cannot go on, and nobody here knows how far it came. */
export function cutOff(plan: Plan, index: number | null, cause: unknown): SnaptreeError {
  const { code, message, data, untold } = causeData(cause);
  const where = index === null ? 'between two steps' : `at ${describeStep(plan, index)}`;
  const step = index === null ? undefined : plan.steps[index];
  const advice = step ? ` ${interruptedMeaning(step)}` : '';
  return new SnaptreeError(
    'outcomeUnknown',
    `${describePlan(plan)} was cut off ${where}: ${message} What became of it is known only on the host. The VM stays locked, and nothing is run again by itself; when the host is connected it is examined.${advice}`,
    { data: { ...data, cause: code }, untold, ...(cause instanceof Error ? { cause } : {}) },
  );
}

/** Of what a command printed as its error, from the end. */
const saidCharacters = 800;

export interface FailedStep {
  readonly operation: Pick<Operation, 'plan' | 'steps' | 'made'>;
  readonly step: PlanStep;
  /** Null where the command ended without saying how. */
  readonly exitCode: number | null;
  readonly stderr: string;
  readonly check: ExpectationCheck;
  /** All that is checked was so before the step began, and says nothing of what it did. */
  readonly alreadyMet: boolean;
}

/** Why an operation ends as failed: which step, what its command said, and how things are now on the host. */
export function stepFailed({ operation, step, exitCode, stderr, check, alreadyMet }: FailedStep): SnaptreeError {
  const { plan } = operation;
  const ended = exitCode === 0;
  const code: ErrorCode = ended ? 'verificationFailed' : 'commandFailed';
  // The reason is often in the line before the last.
  const said = outputLine(stderr.trim().slice(-saidCharacters), saidCharacters);
  const what = ended
    ? 'its command reported success, but the host does not bear it out'
    : `its command ended with exit code ${exitCode ?? 'unknown'}${said ? `: ${said}` : ' and gave no reason'}`;
  const present = presentState(step, check, alreadyMet);
  const earlier =
    step.index === 0
      ? ''
      : step.index === 1
        ? ' The step before it is done.'
        : ` The ${step.index} steps before it are done.`;
  const rest = operation.steps.filter(({ index, state }) => index > step.index && state === 'waiting');
  const later = rest.length > 0 ? ' The steps after it were not run.' : '';
  return new SnaptreeError(
    code,
    `${describePlan(plan)} failed at ${describeStep(plan, step.index)}: ${what.replace(/\.$/, '')}. ${present}${betweenImages(step)}${exchangedDefinition(plan, step)}${earlier}${later}${whatWasTakenBack(operation)}${savedBefore(operation)} The VM is no longer locked. Look at the VM as it is now before you plan the change again.`,
    {
      data: {
        step: String(step.index),
        exitCode: exitCode === null ? '' : String(exitCode),
        stderr: stderr.slice(-10_000),
        unmet: check.unmet.join('\n'),
      },
      untold: ended || said !== stderr.trim() ? ['stderr'] : [],
    },
  );
}

function presentState(step: PlanStep, check: ExpectationCheck, alreadyMet: boolean): string {
  if (!check.met) return `As the host is now: ${check.unmet.join(' ')}`;
  if (onlyLooks(step)) return 'This step only looks, and changes nothing.';
  return metAllTheSame(step, check, alreadyMet);
}

function onlyLooks({ writes, creates, invalidates, deletes }: PlanStep): boolean {
  return [writes, creates, invalidates, deletes].every((paths) => paths.length === 0);
}

/** A revert that fails after libvirt ended the VM can leave it with the snapshot's definition (seen on 9.0 and 11.3). */
function exchangedDefinition({ request }: Plan, { invalidates }: PlanStep): string {
  return request.action === 'revertToSnapshot' && invalidates.length > 0
    ? ' The definition of the VM may be that of the snapshot now.'
    : '';
}

/** What was saved before something else failed, or was cut off. */
export function savedBefore({ plan, made = [] }: Pick<Operation, 'plan' | 'made'>): string {
  // A revert makes nothing else.
  const saved = plan.request.action === 'revertToSnapshot' ? made[0] : undefined;
  return saved === undefined
    ? ''
    : ` The state before it is in the snapshot “${oneLine(saved.snapshotId)}”: reverting to that brings it back.`;
}

/** A command over several images ends between two of them as well. One that may be ended anywhere leaves what the VM reads as it was. */
function betweenImages({ invalidates, cancellation }: PlanStep): string {
  if (invalidates.length < 2 || cancellation === 'abort') return '';
  const images = invalidates.map((path) => oneLine(path)).join(', ');
  return ` Some of its images may be changed and others not, so that they are of different times (${images}): do not start the VM before each of them was looked at.`;
}

/**
 * Of a step that failed although nothing is found that is not as it should have left it. That is no comfort: what it does to
 * the content of images is not seen from outside, and what held before says nothing. So what was looked at is named.
 */
function metAllTheSame(
  { writes, invalidates, deletes, verify }: PlanStep,
  { held }: ExpectationCheck,
  alreadyMet: boolean,
): string {
  const changed = [...new Set([...writes, ...invalidates, ...deletes])].map((path) => oneLine(path));
  const unseen = changed.length > 0 ? `the content of ${firstOf(changed)}` : 'anything else that the command does';
  if (verify.length === 0) return `Nothing of the step can be checked. What became of ${unseen} is not known.`;
  const before = alreadyMet
    ? ' All of that was so before the step began as well, and does not show whether it did anything.'
    : ' That does not make it a success: the command says that it failed.';
  return `Looked at was only this: ${held.join('; ')}.${before} Not looked at was ${unseen}: it may be as it was, or changed in part.`;
}

/** The command of a step was ended because its user wanted it. */
export function stepAborted(operation: Pick<Operation, 'plan' | 'steps'>, index: number): SnaptreeError {
  const { plan } = operation;
  return new SnaptreeError(
    'cancelled',
    `${describePlan(plan)} was cancelled at ${describeStep(plan, index)}, whose command was ended.${whatWasTakenBack(operation)} Look at the VM as it is now before you plan the change again.`,
  );
}

/** Its user wanted what was begun to be taken back. */
export function takenBack(operation: Pick<Operation, 'plan' | 'steps'>, failed: boolean): SnaptreeError {
  return new SnaptreeError(
    failed ? 'commandFailed' : 'cancelled',
    `${describePlan(operation.plan)} was cut off, and its user wanted what was begun to be taken back.${whatWasTakenBack(operation)} Look at the VM as it is now before you plan the change again.`,
  );
}

/** What the steps did that take things back; empty where there are none. */
function whatWasTakenBack({ plan, steps }: Pick<Operation, 'plan' | 'steps'>): string {
  return steps
    .flatMap(({ index, state, output }) => {
      const step = plan.steps[index];
      if (!step || step.runs === 'inOrder') return [];
      // It may have found nothing to do.
      const said = output.trim() === '' ? '' : ` It said: ${outputLine(output, saidCharacters)}`;
      if (state === 'done') return [` “${oneLine(step.title)}” was run to take things back.${said}`];
      return state === 'failed' ? [` “${oneLine(step.title)}”, which takes things back, failed as well.`] : [];
    })
    .join('');
}

/** For an operation that was cut off within a group: what is left to do so that nothing stays half done. */
export function leftToTakeBack({ plan }: Pick<Operation, 'plan'>, undo: readonly OperationStep[]): string {
  if (undo.length === 0) return '';
  const titles = undo.map(({ index }) => `“${oneLine(plan.steps[index]?.title ?? '')}”`);
  return ` It is in the middle of steps that belong together. Undo runs ${titles.join(', ')}, so that nothing is left half done; forgetting it does not.`;
}

/** What is left with nothing that needs it; empty where there is none. */
export function filesStay({ toDelete, made }: LeftFiles): string {
  const named = (paths: readonly string[]) => firstOf(paths.map((path) => oneLine(path)));
  const were = ({ length }: readonly string[]) => (length === 1 ? 'was' : 'were');
  const are = ({ length }: readonly string[]) => (length === 1 ? 'is' : 'are');
  return [
    toDelete.length === 0
      ? ''
      : ` Nothing on the host needs ${named(toDelete)} any more, which ${were(toDelete)} to be deleted and ${are(toDelete)} still there.`,
    made.length === 0
      ? ''
      : ` ${named(made)}, made by steps whose commands reported success, ${are(made)} still there, and nothing on the host needs ${made.length === 1 ? 'it' : 'them'}.`,
  ].join('');
}

/** The same error, which names the files that are left. */
export function sayingWhatIsLeft(error: SnaptreeError, left: LeftFiles): SnaptreeError {
  const stay = filesStay(left);
  return stay === ''
    ? error
    : new SnaptreeError(error.code, `${error.message}${stay}`, { data: error.data, untold: error.untold });
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function cancelledAfter(plan: Plan, doneSteps: number): SnaptreeError {
  return new SnaptreeError(
    'cancelled',
    `${describePlan(plan)} was cancelled after ${doneSteps} of ${plan.steps.length} steps. What these did stays; the others were not run.`,
  );
}
