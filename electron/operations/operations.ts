/**
 * Turns plans into operations: the service behind `operations.*` of the contract.
 *
 * docs/decisions/0003-operations-that-survive.md says why it is built as it is.
 */
import type { Notice } from '../../shared/contract.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import type {
  Operation,
  Resolution,
  StepProgress,
  StepWish,
  UnreadableOperation,
} from '../../shared/model/operation.ts';
import { hasEnded, isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import { cancelEffect } from '../../shared/rules/operations/step-order.ts';
import { cancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import type { Log } from '../base/log.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import type { AuditTrail } from '../store/audit-trail.ts';
import { journalVersion } from '../store/journal-records.ts';
import { newJournal, readJournals } from '../store/journal.ts';
import type { JournalRead } from '../store/journal.ts';
import { adjustStep, isAlwaysAllowed, requireAbility, runningStep } from './run/adjust-step.ts';
import { createAdmission } from './run/admission.ts';
import { createHostTools } from './host/host-tools.ts';
import type { HostTools } from './host/host-tools.ts';
import type { LiveOperation } from './run/live-operation.ts';
import { afterRestart, replay } from './run/operation-machine.ts';
import { notResolvable, planRefused } from './run/operation-messages.ts';
import { OperationRegister } from './run/operation-register.ts';
import { examine } from './run/examine.ts';
import { followReattached, jobReference, plannedStep, runSteps } from './run/run-steps.ts';
import type { PlanService } from './plans/plans.ts';
import { forget, goOn } from './run/resolution.ts';
import { createStepContext } from './run/step-context.ts';
import type { StepContext } from './run/step-context.ts';
import { createUnreadableOperations } from './unreadable-operations.ts';

export interface OperationServiceDependencies {
  readonly plans: Pick<PlanService, 'get' | 'again'>;
  /** Throws `hostNotFound`, `hostNotConnected`. */
  readonly runnerFor: (hostId: string) => CommandRunner;
  /** Reads the host now; what it gives must have been asked for after the call. Throws what reading throws. */
  readonly readHost: (hostId: string) => Promise<{ readonly inventory: Inventory }>;
  /** Whether no change of the host may be planned or run, now. Throws `hostNotFound`. */
  readonly isReadOnly: (hostId: string) => boolean;
  readonly journalFolder: string;
  readonly auditTrail: Pick<AuditTrail, 'append'>;
  readonly log: Log;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly clock: () => number;
  /** A new UUID. */
  readonly newId: () => string;
  /** Who works here, and on which computer: told to others who find a VM locked, and to the audit trail. */
  readonly startedBy: { readonly user: string; readonly computer: string };
  /** Tests only: the steps to the host, and where its locks are. */
  readonly toolsFor?: (hostId: string, signal: AbortSignal) => HostTools;
  readonly lockFolder?: string;
}

export interface OperationService {
  /** What the user should know of journals that cannot be used. */
  readonly notices: readonly Notice[];
  /** Every operation that was begun, newest first. */
  list(): readonly Operation[];
  /** Calls `listener` for each operation that is new or changed. Gives a function that stops it. */
  onChange(listener: (operation: Operation) => void): () => void;
  /** Of every step that runs and tells how far it is. */
  listProgress(): readonly StepProgress[];
  /** Calls `listener` when one of these comes further, or ends. Gives a function that stops it. */
  onProgress(listener: () => void): () => void;
  /** Those whose journals cannot be used. */
  listUnreadable(): readonly UnreadableOperation[];
  /** Calls `listener` when one of these changes. Gives a function that stops it. */
  onUnreadableChange(listener: () => void): () => void;
  /**
   * Locks the VM, checks that the host is as it was planned for, and then gives the operation's id while its steps run.
   * Rejects, with nothing run, with `planNotFound`, `hostReadOnly`, `planRefused`, `vmLocked`, `planStale`, `storeUnusable` or what
   * connecting and reading throw.
   *
   * @param takeOver the operation of a Snaptree that is gone, whose lock is taken over; it is not gone on with then
   */
  start(planId: string, takeOver?: string): Promise<string>;
  /** As `start`, for a plan that is given as a whole. @param operationId the new operation's; left out: a new one */
  run(plan: Plan, options?: { readonly operationId?: string; readonly takeOver?: string | undefined }): Promise<string>;
  /**
   * Stops it where its steps allow it (shared/rules/operations/step-order.ts). Throws `operationNotFound`, and
   * `operationNotResolvable` where nothing is left that could be left out.
   */
  cancel(operationId: string): Promise<void>;
  /**
   * Tells the step that runs to work otherwise, and gives what it said to that. Throws `operationNotFound`, `hostReadOnly`,
   * `operationNotResolvable` where it cannot or did not, and what connecting throws.
   */
  adjust(operationId: string, wish: StepWish): Promise<string>;
  /** Asks the host of an interrupted operation. Throws `operationNotFound`, and what connecting and reading throw. */
  examine(operationId: string): Promise<Operation>;
  /**
   * `resume` examines the operation again, plans it again, and goes on with the steps that are not done where these are
   * still the same; it answers when they run. `forget` unlocks the VM and lets things be; where the host cannot be
   * reached, that is done when it is connected. `undo` runs the steps that take back what its group of steps has begun. Of an operation whose journal cannot be used there is only `forget`.
   * Throws `operationNotFound`, `operationNotResolvable`, `vmLocked`, `planStale`, and `hostReadOnly` for `resume`.
   */
  resolve(operationId: string, choice: Resolution): Promise<void>;
  /** To be called whenever a host was connected: goes back to what was cut off there, and removes what is left of others. */
  hostConnected(hostId: string): void;
  /** Answers when what ended operations left on their hosts is removed, or that was tried. */
  cleanedUp(): Promise<void>;
  /** Stops waiting for the hosts. What runs there runs on, and is found again at the next start. */
  dispose(): Promise<void>;
}

const keptJournals = 200;

/** Reads the journals and opens the service. Nothing is done on any host until `hostConnected`. Throws `storeUnusable`. */
export async function openOperationService(dependencies: OperationServiceDependencies): Promise<OperationService> {
  const { plans, journalFolder, log, clock, newId, startedBy } = dependencies;
  const closing = new AbortController();
  const toolsFor = (hostId: string): HostTools =>
    dependencies.toolsFor?.(hostId, closing.signal) ??
    createHostTools(dependencies.runnerFor(hostId), closing.signal, dependencies.lockFolder);
  const context = createStepContext({ ...dependencies, toolsFor, planAgain: plans.again.bind(plans) });
  const read = await readJournals(journalFolder, clock, (records) => void replay(records));
  const register = new OperationRegister(clock);
  await openJournals(read.journals, register, log);
  const unreadable = createUnreadableOperations({ journals: read.unreadable, log, toolsFor });
  const admission = createAdmission(context, register, unreadable);

  /** Goes on in the background; whoever asked has their answer. */
  function inBackground(live: LiveOperation, task: () => Promise<unknown>): void {
    live.takeTurn(task).catch((error: unknown) => {
      if (!live.closed) log.warn('an operation was left as it is', { operationId: live.id, error });
    });
  }

  async function run(
    plan: Plan,
    {
      operationId: id = newId(),
      takeOver,
    }: { readonly operationId?: string; readonly takeOver?: string | undefined } = {},
  ): Promise<string> {
    admission.refuseReadOnly(plan);
    if (plan.refusals.length > 0 || plan.steps.length === 0) throw planRefused(plan);
    toolsFor(plan.hostId);
    // One that runs keeps its turn until its end, which nobody here is to wait for.
    const ended = register.on(plan.hostId).filter(({ operation }) => hasEnded(operation));
    for (const live of ended) await live.takeTurn(() => cleanUpEnded(context, live));
    const live = register.open(id, newJournal(journalFolder, id, clock), null);
    await live.record({ type: 'started', version: journalVersion, operationId: id, plan, startedBy });
    register.add(live);
    return live.takeTurn(async () => {
      try {
        const output = takeOver === undefined ? '' : `to take the lock over from the operation ${takeOver}`;
        await context.audit('operationStarted', live, { outcome: 'started', output });
        const inventory = await admission.accept(live, takeOver);
        inBackground(live, () => runSteps(context, live, inventory));
        return id;
      } catch (error) {
        await admission.reject(live, error);
        throw error;
      }
    });
  }

  return {
    notices: read.notices,
    list: () => register.list(),
    onChange: (listener) => register.onChange(listener),
    listProgress: () => register.progress(),
    onProgress: (listener) => register.onProgress(listener),
    listUnreadable: () => unreadable.list(),
    onUnreadableChange: (listener) => unreadable.onChange(listener),

    start: async (planId, takeOver) => run(plans.get(planId), { takeOver }),
    run,

    async cancel(operationId) {
      const live = register.find(operationId);
      if (hasEnded(live.operation) || isInterrupted(live.operation)) {
        throw notResolvable(live.operation.plan, 'It does not run, so there is nothing to cancel.');
      }
      const { possible, sentence } = cancelMeaning(live.operation);
      if (!possible) throw notResolvable(live.operation.plan, sentence);
      if (!live.state.cancelRequested) await live.record({ type: 'cancelRequested' });
      const effect = cancelEffect(live.operation);
      if (effect.kind !== 'abort') return;
      await toolsFor(live.operation.plan.hostId).abort(jobReference(live, plannedStep(live, effect.index)));
    },

    async adjust(operationId, wish) {
      const live = register.find(operationId);
      const { operation } = live;
      const step = runningStep(operation);
      if (!isAlwaysAllowed(wish)) admission.refuseReadOnly(operation.plan);
      requireAbility(operation, wish, live.progress?.control ?? null);
      const tools = toolsFor(operation.plan.hostId);
      return live.takeTurnToAdjust(async () => {
        await live.record({ type: 'adjustRequested', index: step.index, wish });
        const job = jobReference(live, step);
        return adjustStep({ operation, step, job, wish, tools, audit: context.audit, newId, startedBy });
      });
    },

    async examine(operationId) {
      const live = register.find(operationId);
      // Whoever has the turn of an operation that runs keeps it until the end.
      if (isInterrupted(live.operation)) {
        await live.takeTurn(async () => {
          const found = await examine(context, live);
          if (found === 'stillRunning') inBackground(live, () => followReattached(context, live));
        });
      }
      return live.operation;
    },

    async resolve(operationId, choice) {
      if (choice === 'forget' && unreadable.find(operationId)) {
        await unreadable.forget(operationId);
        return;
      }
      const live = register.find(operationId);
      const check = () => {
        if (!isInterrupted(live.operation)) {
          const why = hasEnded(live.operation) ? 'It has ended already.' : 'It still runs.';
          throw notResolvable(live.operation.plan, why);
        }
      };
      check();
      await live.takeTurn(async () => {
        check();
        await (choice === 'forget' ? forget(context, live) : goOn(context, admission, live, choice, inBackground));
      });
    },

    hostConnected(hostId) {
      for (const live of register.on(hostId)) inBackground(live, () => goBackTo(context, live));
      void unreadable.hostConnected(hostId);
    },

    async cleanedUp() {
      const ended = register.all().filter((live) => hasEnded(live.operation) && !live.state.cleanedUp);
      // Whoever ended it cleans up in the same turn.
      await Promise.all(ended.map((live) => live.takeTurn(() => Promise.resolve())));
    },

    async dispose() {
      const closed = register.all().map((live) => live.close());
      closing.abort();
      await Promise.all(closed);
    },
  };
}

/** Takes the journals into the register, and removes those that are not kept any longer. */
async function openJournals(journals: readonly JournalRead[], register: OperationRegister, log: Log): Promise<void> {
  const read = journals
    .map(({ operationId, records, file, forgotten }) => ({
      live: register.open(operationId, file, afterRestart(replay(records))),
      forgotten,
    }))
    .sort((a, b) => b.live.operation.startedAt - a.live.operation.startedAt);
  let kept = 0;
  for (const { live, forgotten } of read) {
    const removable = hasEnded(live.operation) && live.state.cleanedUp;
    if (removable && (live.state.rejected || ++kept > keptJournals)) {
      await live.removeJournal().catch((error: unknown) => {
        log.warn('an old journal could not be removed', { operationId: live.id, error });
      });
      continue;
    }
    // Let be in a Snaptree that could not write it into this journal.
    if (forgotten && !hasEnded(live.operation)) {
      await live.record({ type: 'ended', state: 'forgotten', error: live.operation.error });
    }
    register.add(live);
  }
}

async function cleanUpEnded(context: StepContext, live: LiveOperation): Promise<void> {
  if (hasEnded(live.operation) && !live.state.cleanedUp) await context.cleanUp(live);
}

/** On a host that was connected: what was cut off is examined, and what has ended leaves nothing there. */
async function goBackTo(context: StepContext, live: LiveOperation): Promise<void> {
  await cleanUpEnded(context, live);
  if (!isInterrupted(live.operation)) return;
  if ((await examine(context, live)) === 'stillRunning') await followReattached(context, live);
}
