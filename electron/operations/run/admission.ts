/** How a plan is let in: the VM is locked, the host is as planned, and what would be run is what was reviewed. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import { hasEnded } from '../../../shared/rules/operations/operation-life.ts';
import { besidesOwnWork } from './own-work.ts';
import { compareStates } from '../plans/state-digest.ts';
import { notTakenOverError, vmLockedError } from '../host/host-lock.ts';
import type { LockOwner } from '../host/host-lock.ts';
import type { LiveOperation } from './live-operation.ts';
import { hostReadOnly, notResolvable, planStale, stepsDiffer, unexpected } from './operation-messages.ts';
import type { OperationRegister } from './operation-register.ts';
import { begunStep, restDifferences } from './rest-of-plan.ts';
import type { StepContext } from './step-context.ts';
import type { UnreadableOperations } from '../unreadable-operations.ts';

export interface Admission {
  /**
   * Locks the VM, reads the host and makes it ready for the steps of an operation of which nothing was run. Throws
   * `vmLocked`, `planStale`, `hostReadOnly`, and what the runner throws.
   *
   * @param takeOver the operation whose lock is taken over, where that holds the VM
   */
  accept(live: LiveOperation, takeOver?: string): Promise<Inventory>;
  /**
   * As `accept`, for an operation that was cut off between two steps: the rest is planned again, and must be what is
   * left in the journal. Throws `operationNotResolvable` where it is not.
   */
  acceptRest(live: LiveOperation): Promise<Inventory>;
  /** Locks the VM and reads the host, for the steps that take things back: they are run on whatever is there. */
  acceptUndo(live: LiveOperation): Promise<Inventory>;
  /** Records that an operation was not let in, and removes what it left. Never throws. */
  reject(live: LiveOperation, error: unknown): Promise<void>;
  /** Throws `hostReadOnly`: a plan can be older than the decision that its host is not to be changed. */
  refuseReadOnly(plan: Plan): void;
}

export function createAdmission(
  context: StepContext,
  register: OperationRegister,
  unreadable: Pick<UnreadableOperations, 'find'>,
): Admission {
  const { toolsFor, readHost, isReadOnly, clock } = context;

  async function lockVm(live: LiveOperation, takeOver?: string): Promise<void> {
    const { plan, startedAt } = live.operation;
    const tools = toolsFor(plan.hostId);
    const owner: LockOwner = { operationId: live.id, ...live.state.startedBy, startedAt, title: plan.title };
    const result = await tools.lock(plan.vmUuid, owner);
    if (result.acquired) return;
    const holderId = result.owner?.operationId ?? '';
    const holder = register.get(holderId);
    const unread = unreadable.find(holderId);
    // A lock of ours that arrived late, after its operation was ended and cleaned up, is nobody's.
    const isNobodys = holder
      ? holder !== live && hasEnded(holder.operation)
      : unread !== null && unread.state !== 'open';
    if (!isNobodys) {
      const isOurs = holder !== null || unread !== null;
      if (isOurs || holderId !== takeOver) throw vmLockedError(plan, { ...result, isOurs, now: clock() });
      const taken = await tools.takeLockOver(plan.vmUuid, owner, takeOver);
      if (taken.acquired) return;
      throw 'why' in taken
        ? notTakenOverError(plan, taken)
        : vmLockedError(plan, { ...taken, isOurs: false, now: clock() });
    }
    const jobFolder = holder?.state.jobFolder ?? null;
    await tools.cleanUp({ operationId: holderId, jobFolder });
    const second = await tools.lock(plan.vmUuid, owner);
    if (!second.acquired) throw vmLockedError(plan, { ...second, isOurs: false, now: clock() });
  }

  async function lockAndRead(live: LiveOperation, takeOver?: string): Promise<Inventory> {
    const { plan } = live.operation;
    await lockVm(live, takeOver);
    const { inventory } = await readHost(plan.hostId);
    const compared = besidesOwnWork(begunStep(live), plan.vmUuid, inventory);
    const comparison = compareStates(plan, compared, live.state.expectedState);
    if (comparison !== 'same') throw planStale(plan, comparison);
    return inventory;
  }

  function refuseReadOnly(plan: Plan): void {
    if (isReadOnly(plan.hostId)) throw hostReadOnly(plan);
  }

  async function accept(live: LiveOperation, takeOver?: string): Promise<Inventory> {
    const inventory = await lockAndRead(live, takeOver);
    refuseReadOnly(live.operation.plan);
    const jobFolder = await toolsFor(live.operation.plan.hostId).prepare(live.id);
    await live.record({ type: 'accepted', jobFolder });
    return inventory;
  }

  return {
    accept,
    refuseReadOnly,

    async acceptRest(live) {
      const inventory = await lockAndRead(live);
      const differences = restDifferences(context, live, inventory);
      if (differences.length > 0) throw notResolvable(live.operation.plan, stepsDiffer(differences));
      // It may have been decided while the host was asked.
      refuseReadOnly(live.operation.plan);
      if (live.state.jobFolder === null) {
        const jobFolder = await toolsFor(live.operation.plan.hostId).prepare(live.id);
        await live.record({ type: 'accepted', jobFolder });
      } else {
        await live.record({ type: 'continued', why: 'resumed' });
      }
      return inventory;
    },

    async acceptUndo(live) {
      const { plan } = live.operation;
      refuseReadOnly(plan);
      await lockVm(live);
      const { inventory } = await readHost(plan.hostId);
      await live.record({ type: 'continued', why: 'undoing' });
      return inventory;
    },

    async reject(live, error) {
      if (live.closed) return;
      const data = SnaptreeError.is(error) ? error.toData() : unexpected(error).toData();
      try {
        await live.record({ type: 'rejected', error: data });
      } catch (recordError) {
        // Its journal stays as it is: at the next start it is an operation of which nothing was run.
        context.log.error('a refusal could not be recorded', { operationId: live.id, error: recordError });
      }
      await context.audit('operationRefused', live, { outcome: data.code, output: data.message });
      if (hasEnded(live.operation)) await context.cleanUp(live);
      else register.remove(live);
    },
  };
}
