/**
 * From the records of a journal to the operation that they tell of. Pure, and the only place that knows what a record
 * changes: the running service and the start of Snaptree both come through here.
 */
import { assertNever } from '../../../shared/assert-never.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { SnaptreeErrorData } from '../../../shared/errors.ts';
import type { Operation, OperationStep } from '../../../shared/model/operation.ts';
import { hasEnded } from '../../../shared/rules/operations/operation-life.ts';
import { brokenStep, nextStep } from '../../../shared/rules/operations/step-order.ts';
import type { JournalRecord } from '../../store/journal-records.ts';

/** An operation, and what only its own Snaptree needs to know of it. */
export interface OperationRecord {
  readonly operation: Operation;
  /** The operation's folder on the host; null while the VM is not known to be locked by it. */
  readonly jobFolder: string | null;
  /** It was refused before anything was done, and is not shown. */
  readonly rejected: boolean;
  readonly cancelRequested: boolean;
  /** Nothing of it is left on the host. */
  readonly cleanedUp: boolean;
  /** Of the step that was started last. */
  readonly alreadyMet: boolean;
  /** Of the step that was started last, or is to be run again: how often it was run before. */
  readonly attempt: number;
  /** Of the state that the plan, or the last finished step, left: what the next step may be run on. */
  readonly expectedState: string;
  readonly startedBy: { readonly user: string; readonly computer: string };
}

/** What a record makes of an operation. Throws for a record that cannot come there. */
export function applyRecord(before: OperationRecord | null, { at, entry }: JournalRecord): OperationRecord {
  if (entry.type === 'started') {
    if (before) throw misplaced(entry.type);
    return {
      operation: {
        id: entry.operationId,
        plan: entry.plan,
        state: 'preparing',
        startedAt: at,
        endedAt: null,
        steps: entry.plan.steps.map(({ index }) => ({
          index,
          state: 'waiting',
          startedAt: null,
          endedAt: null,
          exitCode: null,
          output: '',
        })),
        error: null,
        examination: null,
        isUndoing: false,
      },
      jobFolder: null,
      rejected: false,
      cancelRequested: false,
      cleanedUp: false,
      alreadyMet: false,
      attempt: 0,
      expectedState: entry.plan.fingerprint,
      startedBy: entry.startedBy,
    };
  }
  if (!before) throw misplaced(entry.type);
  if (entry.type === 'cleanedUp') {
    if (!hasEnded(before.operation)) throw misplaced(entry.type);
    return { ...before, cleanedUp: true };
  }
  if (hasEnded(before.operation)) throw misplaced(entry.type);

  const { operation } = before;
  const change = (part: Partial<Operation>, rest: Partial<OperationRecord> = {}): OperationRecord => ({
    ...before,
    ...rest,
    operation: { ...operation, ...part },
  });
  const next = nextStep(before.operation);
  const changeStep = (index: number, allowed: readonly OperationStep['state'][], part: Partial<OperationStep>) => {
    if (next?.index !== index || !allowed.includes(next.state)) throw misplaced(entry.type);
    return operation.steps.map((step) => (step.index === index ? { ...step, ...part } : step));
  };
  switch (entry.type) {
    case 'accepted':
      if (before.jobFolder !== null) throw misplaced(entry.type);
      return change({ state: 'running', error: null, examination: null }, { jobFolder: entry.jobFolder });
    case 'rejected':
      if (before.jobFolder !== null) throw misplaced(entry.type);
      return change({ endedAt: at, state: 'failed', error: entry.error }, { rejected: true });
    case 'stepStarting':
      if (before.jobFolder === null) throw misplaced(entry.type);
      // Again from `unknown`: the host has shown that it did not start.
      return change(
        {
          state: 'running',
          steps: changeStep(entry.index, ['waiting', 'unknown'], {
            state: 'running',
            startedAt: at,
            endedAt: null,
            exitCode: null,
            output: '',
          }),
        },
        { alreadyMet: entry.alreadyMet, attempt: entry.attempt },
      );
    case 'stepSkipped':
      if (before.jobFolder === null || operation.plan.steps[entry.index]?.runs === 'inOrder') {
        throw misplaced(entry.type);
      }
      return change({ steps: changeStep(entry.index, ['waiting'], { state: 'skipped' }) });
    case 'stepExited':
      return change({
        state: 'verifying',
        steps: changeStep(entry.index, ['running', 'unknown'], {
          state: 'running',
          exitCode: entry.exitCode,
          output: entry.output,
        }),
      });
    case 'stepFinished':
      return change(
        {
          state: 'running',
          steps: changeStep(entry.index, ['running', 'unknown'], { state: entry.outcome, endedAt: at }),
          ...(entry.made && { made: [...(operation.made ?? []), ...entry.made] }),
        },
        { expectedState: entry.fingerprint },
      );
    case 'interrupted':
      return change({ ...interruptedParts(operation), error: entry.error, examination: null });
    case 'examined':
      return change({ ...interruptedParts(operation), examination: entry.examination });
    case 'continued':
      return change(
        {
          state: 'running',
          error: null,
          steps:
            entry.why === 'reattached'
              ? operation.steps.map((step) => (step.state === 'unknown' ? { ...step, state: 'running' } : step))
              : entry.why === 'undoing'
                ? // What became of it is not waited for any more: what it did is taken back.
                  operation.steps.map((step) =>
                    step.state === 'unknown' ? { ...step, state: 'failed', endedAt: at } : step,
                  )
                : operation.steps,
          ...(entry.why === 'reattached' ? {} : { examination: null }),
          ...(entry.why === 'undoing' ? { isUndoing: true } : {}),
        },
        entry.why === 'reattached'
          ? {}
          : entry.why === 'undoing'
            ? { cancelRequested: false }
            : {
                cancelRequested: false,
                // Its command is known to be gone. Otherwise the same attempt is started again: a start of it that is still
                // under way then finds that it was started already.
                attempt: before.attempt + (operation.examination?.finding === 'unclear' ? 1 : 0),
              },
      );
    case 'cancelRequested':
      return { ...before, cancelRequested: true };
    case 'adjustRequested':
      if (next?.index !== entry.index || next.state !== 'running') throw misplaced(entry.type);
      return before;
    case 'ended': {
      const isBroken = operation.isUndoing || brokenStep(operation) !== null;
      if (next?.state === 'running' || (entry.state === 'succeeded' && (next || isBroken))) throw misplaced(entry.type);
      // It is cancelled only when the host has shown that no step was begun and not finished.
      const notRun: readonly OperationStep['state'][] =
        entry.state === 'cancelled' ? ['waiting', 'unknown'] : ['waiting'];
      return change({
        state: entry.state,
        endedAt: at,
        error: entry.error,
        steps: operation.steps.map((step) => (notRun.includes(step.state) ? { ...step, state: 'skipped' } : step)),
      });
    }
    default:
      return assertNever(entry);
  }
}

/** The operation that a whole journal tells of, as it was when its Snaptree went away. Throws for a damaged one. */
export function replay(records: readonly JournalRecord[]): OperationRecord {
  let state: OperationRecord | null = null;
  for (const record of records) state = applyRecord(state, record);
  if (!state) throw misplaced('end of file');
  return state;
}

/** What is left of an operation whose Snaptree went away: it goes on nowhere by itself, and a running step is unknown. */
export function afterRestart(state: OperationRecord): OperationRecord {
  const { operation } = state;
  if (hasEnded(operation)) return state;
  const error = (operation.state === 'interrupted' ? operation.error : null) ?? restartError(operation);
  return { ...state, operation: { ...operation, ...interruptedParts(operation), error } };
}

/** Also used where the journal itself cannot be written any more: what is known then is known in memory only. */
export function markInterrupted(state: OperationRecord, error: SnaptreeErrorData): OperationRecord {
  if (hasEnded(state.operation)) return state;
  return { ...state, operation: { ...state.operation, ...interruptedParts(state.operation), error } };
}

function interruptedParts(operation: Operation): Pick<Operation, 'state' | 'steps'> {
  return {
    state: 'interrupted',
    steps: operation.steps.map((step) => (step.state === 'running' ? { ...step, state: 'unknown' } : step)),
  };
}

function restartError({ plan, steps }: Operation): SnaptreeErrorData {
  const begun = steps.find(({ state }) => state === 'running' || state === 'unknown');
  const what = begun
    ? `its step ${begun.index + 1} of ${steps.length} had been started, and what became of it is known only on the host`
    : 'no step was running';
  return new SnaptreeError(
    'outcomeUnknown',
    `Snaptree ended during “${plan.title}” for the VM ${plan.vmName} on ${plan.hostName}: ${what}. Nothing is run again by itself. Connect to the host, and it is examined there.`,
  ).toData();
}

function misplaced(what: string): Error {
  return new Error(`the record “${what}” cannot come at this place`);
}
