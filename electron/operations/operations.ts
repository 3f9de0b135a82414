/**
 * Turns plans into operations: the service behind `operations.*` of the contract.
 *
 * docs/decisions/0003-operations-that-survive.md says why it is built as it is.
 */
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { Plan } from '../../shared/model/plan.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import type { Log } from '../base/log.ts';
import type { AuditTrail } from '../store/audit-trail.ts';
import { newJournal, readJournals } from '../store/journal.ts';
import { createListeners } from '../base/listeners.ts';
import { fingerprintOf } from './fingerprint.ts';
import { vmLockedError } from './host-lock.ts';
import type { LockOwner } from './host-lock.ts';
import { createHostTools } from './host-tools.ts';
import type { HostTools } from './host-tools.ts';
import { LiveOperation } from './live-operation.ts';
import { afterRestart, isEnded, nextStep, replay } from './operation-machine.ts';
import type { OperationRecord } from './operation-machine.ts';
import { describePlan, hostReadOnly, planRefused, planStale } from './operation-messages.ts';
import { end, examine, followReattached, runSteps } from './operation-steps.ts';
import type { StepContext } from './operation-steps.ts';
import type { PlanService } from './plans.ts';

export interface OperationServiceDependencies {
  readonly plans: Pick<PlanService, 'get'>;
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
  /** What the user should know of damaged journals. */
  readonly notices: readonly Notice[];
  /** Every operation that was begun, newest first. */
  list(): readonly Operation[];
  /** Calls `listener` for each operation that is new or changed. Gives a function that stops it. */
  onChange(listener: (operation: Operation) => void): () => void;
  /**
   * Locks the VM, checks that the host is as it was planned for, and then gives the operation's id while its steps run.
   * Rejects, with nothing run, with `planNotFound`, `hostReadOnly`, `planRefused`, `vmLocked`, `planStale`, `storeUnusable` or what
   * connecting and reading throw.
   */
  start(planId: string): Promise<string>;
  /** Before its next step; a step that runs is never cut off. Throws `operationNotFound`, `operationNotResolvable`. */
  cancel(operationId: string): Promise<void>;
  /** Asks the host of an interrupted operation. Throws `operationNotFound`, and what connecting and reading throw. */
  examine(operationId: string): Promise<Operation>;
  /**
   * `resume` examines the operation again and goes on with the steps that are not done; it answers when they run.
   * `forget` unlocks the VM and lets things be; where the host cannot be reached, it is tidied up when it is connected.
   * Throws `operationNotFound`, `operationNotResolvable`, `vmLocked`, `planStale`, and `hostReadOnly` for `resume`.
   */
  resolve(operationId: string, choice: 'resume' | 'forget'): Promise<void>;
  /** To be called whenever a host was connected: goes back to what was cut off there, and tidies up. */
  hostConnected(hostId: string): void;
  /** Answers when the operations that have ended are tidied up on their hosts, or that was tried. */
  tidied(): Promise<void>;
  /** Stops waiting for the hosts. What runs there runs on, and is found again at the next start. */
  dispose(): Promise<void>;
}

const keptJournals = 200;

/** Reads the journals and opens the service. Nothing is done on any host until `hostConnected`. Throws `storeUnusable`. */
export async function openOperationService(dependencies: OperationServiceDependencies): Promise<OperationService> {
  const { plans, readHost, isReadOnly, journalFolder, auditTrail, log, clock, newId, startedBy } = dependencies;
  const listeners = createListeners<[Operation]>();
  const operations = new Map<string, LiveOperation>();
  const closing = new AbortController();

  const toolsFor = (hostId: string): HostTools =>
    dependencies.toolsFor?.(hostId, closing.signal) ??
    createHostTools(dependencies.runnerFor(hostId), closing.signal, dependencies.lockFolder);

  const context: StepContext = {
    toolsFor,
    readHost,
    isReadOnly,
    clock,
    async audit(event, live, part) {
      const { plan } = live.operation;
      const { hostId, hostName, vmUuid, vmName, title } = plan;
      try {
        await auditTrail.append({
          at: new Date(clock() * 1000).toISOString(),
          event,
          ...startedBy,
          hostId,
          hostName,
          vmUuid,
          vmName,
          operationId: live.id,
          title,
          stepIndex: null,
          argv: null,
          exitCode: null,
          output: '',
          ...part,
        });
      } catch (error) {
        // The journal holds the same facts, and it does stop an operation.
        log.error('the audit trail could not be written', { event, operationId: live.id, error });
      }
    },
    async cleanUp(live) {
      const { plan } = live.operation;
      const { jobFolder } = live.state;
      try {
        const result = await toolsFor(plan.hostId).cleanUp({ operationId: live.id, vmUuid: plan.vmUuid, jobFolder });
        if (result === 'running') return;
        await live.record({ type: 'cleanedUp' });
        if (live.state.rejected) await live.removeJournal();
      } catch (error) {
        log.warn('an operation could not be tidied up on its host; tried again when it is connected', {
          operationId: live.id,
          error,
        });
      }
    },
  };

  function open(id: string, file: ReturnType<typeof newJournal>, state: OperationRecord | null): LiveOperation {
    return new LiveOperation({
      id,
      file,
      clock,
      state,
      onChange: (operation) => {
        listeners.call(operation);
      },
    });
  }

  function find(operationId: string): LiveOperation {
    const live = operations.get(operationId);
    if (!live?.visible) {
      throw new SnaptreeError('operationNotFound', 'This operation is not known, or it was removed from the list.');
    }
    return live;
  }

  /** Goes on in the background; whoever asked has their answer. */
  function inBackground(live: LiveOperation, task: () => Promise<unknown>): void {
    live.takeTurn(task).catch((error: unknown) => {
      if (!live.closed) log.warn('an operation was left as it is', { operationId: live.id, error });
    });
  }

  async function tidyUp(hostId: string): Promise<void> {
    const ended = [...operations.values()].filter(
      (live) => live.operation.plan.hostId === hostId && isEnded(live.state),
    );
    for (const live of ended) {
      await live.takeTurn(async () => {
        if (!live.state.cleanedUp) await context.cleanUp(live);
      });
    }
  }

  async function lockVm(live: LiveOperation): Promise<void> {
    const { plan, startedAt } = live.operation;
    const tools = toolsFor(plan.hostId);
    const owner: LockOwner = { operationId: live.id, ...live.state.startedBy, startedAt, title: plan.title };
    const result = await tools.lock(plan.vmUuid, owner);
    if (result.acquired) return;
    // A lock of ours that arrived late, after its operation was tidied up, is nobody's.
    const holder = operations.get(result.owner?.operationId ?? '');
    if (holder && holder !== live && isEnded(holder.state)) {
      const { jobFolder } = holder.state;
      await tools.cleanUp({ operationId: holder.id, vmUuid: plan.vmUuid, jobFolder });
      const second = await tools.lock(plan.vmUuid, owner);
      if (second.acquired) return;
      throw vmLockedError(plan, second);
    }
    throw vmLockedError(plan, result);
  }

  /** Locks the VM and reads the host. Throws `vmLocked`, and `planStale` where it is not as it should be. */
  async function lockAndRead(live: LiveOperation): Promise<Inventory> {
    const { plan } = live.operation;
    await lockVm(live);
    const { inventory } = await readHost(plan.hostId);
    if (fingerprintOf(plan, inventory) !== live.state.expectedFingerprint) throw planStale(plan);
    return inventory;
  }

  /** As `lockAndRead`, for an operation of which nothing was run; the host is ready for its steps then. */
  async function accept(live: LiveOperation): Promise<Inventory> {
    const inventory = await lockAndRead(live);
    refuseReadOnly(live.operation.plan);
    const jobFolder = await toolsFor(live.operation.plan.hostId).prepare(live.id);
    await live.record({ type: 'accepted', jobFolder });
    return inventory;
  }

  async function reject(live: LiveOperation, error: unknown): Promise<void> {
    if (live.closed) return;
    const data = SnaptreeError.is(error) ? error.toData() : unexpected(error).toData();
    try {
      await live.record({ type: 'rejected', error: data });
    } catch (recordError) {
      // Its journal stays as it is: at the next start it is an operation of which nothing was run.
      log.error('a refusal could not be recorded', { operationId: live.id, error: recordError });
    }
    await context.audit('operationRefused', live, { outcome: data.code, output: data.message });
    if (isEnded(live.state)) await context.cleanUp(live);
    else operations.delete(live.id);
  }

  /** A plan can be older than the decision that its host is not to be changed. */
  function refuseReadOnly(plan: Plan): void {
    if (isReadOnly(plan.hostId)) throw hostReadOnly(plan);
  }

  async function resume(live: LiveOperation): Promise<void> {
    refuseReadOnly(live.operation.plan);
    const found = await examine(context, live);
    if (found === 'stillRunning') {
      inBackground(live, () => followReattached(context, live));
      return;
    }
    if (isEnded(live.state)) return;
    if (!live.operation.examination?.choices.includes('resume')) {
      throw notResolvable(live, live.operation.examination?.message ?? 'It cannot be resumed.');
    }
    // It may have been decided while the host was asked.
    refuseReadOnly(live.operation.plan);
    let inventory: Inventory;
    if (live.state.jobFolder === null) {
      inventory = await accept(live);
    } else {
      inventory = await lockAndRead(live);
      await live.record({ type: 'continued', why: 'resumed' });
    }
    inBackground(live, () => runSteps(context, live, inventory));
  }

  async function forget(live: LiveOperation): Promise<void> {
    const next = nextStep(live.state);
    const { jobFolder } = live.state;
    if (next?.state === 'unknown' && jobFolder !== null) {
      let status = null;
      try {
        status = await toolsFor(live.operation.plan.hostId).inspect({ folder: jobFolder, stepIndex: next.index });
      } catch (error) {
        log.warn('an operation is forgotten without its host', { operationId: live.id, error });
      }
      if (status?.state === 'running') {
        throw notResolvable(
          live,
          'Its step still runs on the host. Examine it; it can be forgotten when the step has ended.',
        );
      }
    }
    const { error } = live.operation;
    await end(context, live, 'forgotten', error && SnaptreeError.fromData(error));
  }

  const { journals, notices } = await readJournals(journalFolder, clock, (records) => void replay(records));
  const read = journals
    .map(({ operationId, records, file }) => open(operationId, file, afterRestart(replay(records))))
    .sort((a, b) => b.operation.startedAt - a.operation.startedAt);
  let kept = 0;
  for (const live of read) {
    const removable = isEnded(live.state) && live.state.cleanedUp;
    if (removable && (live.state.rejected || ++kept > keptJournals)) {
      await live.removeJournal().catch((error: unknown) => {
        log.warn('an old journal could not be removed', { operationId: live.id, error });
      });
    } else operations.set(live.id, live);
  }

  return {
    notices,
    list: () =>
      [...operations.values()]
        .filter(({ visible }) => visible)
        .map(({ operation }) => operation)
        .sort((a, b) => b.startedAt - a.startedAt),
    onChange: (listener) => listeners.add(listener),

    async start(planId) {
      const plan = plans.get(planId);
      refuseReadOnly(plan);
      if (plan.refusals.length > 0 || plan.steps.length === 0) throw planRefused(plan);
      toolsFor(plan.hostId);
      await tidyUp(plan.hostId);
      const id = newId();
      const live = open(id, newJournal(journalFolder, id, clock), null);
      await live.record({ type: 'started', version: 1, operationId: id, plan, startedBy });
      operations.set(id, live);
      return live.takeTurn(async () => {
        try {
          await context.audit('operationStarted', live, { outcome: 'started' });
          const inventory = await accept(live);
          inBackground(live, () => runSteps(context, live, inventory));
          return id;
        } catch (error) {
          await reject(live, error);
          throw error;
        }
      });
    },

    async cancel(operationId) {
      const live = find(operationId);
      if (isEnded(live.state) || live.operation.state === 'interrupted') {
        throw notResolvable(live, 'It does not run, so there is nothing to cancel.');
      }
      if (!live.state.cancelRequested) await live.record({ type: 'cancelRequested' });
    },

    async examine(operationId) {
      const live = find(operationId);
      // Whoever has the turn of an operation that runs keeps it until the end.
      if (live.operation.state === 'interrupted') {
        await live.takeTurn(async () => {
          const found = await examine(context, live);
          if (found === 'stillRunning') inBackground(live, () => followReattached(context, live));
        });
      }
      return live.operation;
    },

    async resolve(operationId, choice) {
      const live = find(operationId);
      const check = () => {
        if (live.operation.state !== 'interrupted') {
          throw notResolvable(live, isEnded(live.state) ? 'It has ended already.' : 'It still runs.');
        }
      };
      check();
      await live.takeTurn(async () => {
        check();
        await (choice === 'resume' ? resume(live) : forget(live));
      });
    },

    hostConnected(hostId) {
      for (const live of operations.values()) {
        if (live.operation.plan.hostId !== hostId) continue;
        inBackground(live, async () => {
          if (isEnded(live.state)) {
            if (!live.state.cleanedUp) await context.cleanUp(live);
          } else if (live.operation.state === 'interrupted') {
            if ((await examine(context, live)) === 'stillRunning') await followReattached(context, live);
          }
        });
      }
    },

    async tidied() {
      const ended = [...operations.values()].filter((live) => isEnded(live.state) && !live.state.cleanedUp);
      // Whoever ended it tidies up in the same turn.
      await Promise.all(ended.map((live) => live.takeTurn(() => Promise.resolve())));
    },

    async dispose() {
      const closed = [...operations.values()].map((live) => live.close());
      closing.abort();
      await Promise.all(closed);
    },
  };
}

function notResolvable(live: LiveOperation, why: string): SnaptreeError {
  return new SnaptreeError('operationNotResolvable', `${describePlan(live.operation.plan)}: ${why}`);
}

function unexpected(error: unknown): SnaptreeError {
  return new SnaptreeError('internalError', error instanceof Error ? error.message : String(error), { cause: error });
}
