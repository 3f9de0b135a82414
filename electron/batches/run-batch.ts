/**
 * Runs a batch: begins each change when its turn comes, waits for its operation, and goes on with what that allows.
 *
 * docs/decisions/0023-batches.md says why it is built as it is.
 */
import type { ErrorCode } from '../../shared/errors.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { hasEnded, isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import type { Log } from '../base/log.ts';
import { oneLine } from '../operations/host/one-line.ts';
import type { OperationService } from '../operations/operations.ts';
import type { HostReading, PlanService } from '../operations/plans/plans.ts';
import { beyondReview } from './batch-review.ts';
import { mayBegin } from './batch-schedule.ts';
import { itemOfOperation } from './live-batch.ts';
import type { LiveBatch } from './live-batch.ts';

export interface BatchRunParts {
  readonly plans: Pick<PlanService, 'createOn'>;
  readonly operations: Pick<OperationService, 'run' | 'list' | 'onChange' | 'examine' | 'resolve'>;
  readonly readHost: (hostId: string) => Promise<HostReading>;
  /** The host as it was read last; null where it was not. */
  readonly lastReading: (hostId: string) => HostReading | null;
  readonly isConnected: (hostId: string) => boolean;
  readonly clock: () => number;
  readonly newId: () => string;
  readonly log: Log;
}

/** What stands between Snaptree and a host, and passes: the change waits then, and the batch can be resumed. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'hostNotConnected',
  'hostUnreachable',
  'connectionLost',
  'channelRefused',
  'commandTimedOut',
  'cancelled',
  'daemonUnavailable',
]);

export class BatchRun {
  readonly #parts: BatchRunParts;
  readonly #live: LiveBatch;
  /** The plans that were reviewed, by the index of the change; empty after Snaptree was started again. */
  readonly #reviewedPlans: ReadonlyMap<number, Plan>;
  /** Hosts on which nothing is begun until the batch is resumed. */
  readonly #heldHosts = new Set<string>();
  readonly #underWay = new Map<number, Promise<void>>();
  #isResting = false;
  #stopsQuietly = false;

  constructor(parts: BatchRunParts, live: LiveBatch, reviewedPlans: ReadonlyMap<number, Plan>) {
    this.#parts = parts;
    this.#live = live;
    this.#reviewedPlans = reviewedPlans;
  }

  /** Begins whatever may be begun; ends the batch, or lets it rest, where nothing runs. Never throws. */
  advance(): void {
    if (this.#stopsQuietly || hasEnded(this.#live.batch)) return;
    if (this.#live.batch.state === 'running') {
      const { items } = this.#live.batch;
      const scheduled = items.map((item) => ({ ...item, fills: this.#live.record.fills[item.index] ?? [] }));
      const isReachable = (hostId: string) => !this.#heldHosts.has(hostId) && this.#parts.isConnected(hostId);
      for (const { index } of mayBegin(scheduled, isReachable)) this.#track(index, this.#make(index));
    }
    if (this.#underWay.size > 0 || this.#isResting) return;
    this.#isResting = true;
    void this.#rest()
      .catch(this.#failed)
      .finally(() => {
        this.#isResting = false;
      });
  }

  /** Goes back to the changes whose operations were cut off, and then on with the others. Never throws. */
  resume(): void {
    this.#heldHosts.clear();
    for (const { index, state } of this.#live.batch.items) {
      if (state === 'interrupted' && !this.#underWay.has(index)) this.#track(index, this.#goBackTo(index));
    }
    this.advance();
  }

  /** To be called for each change of an operation: one that was cut off may have been found again, or resolved by itself. Never throws. */
  noticed(operation: Operation): void {
    const item = this.#live.batch.items.find(({ operationId }) => operationId === operation.id);
    if (item?.state !== 'interrupted' || this.#underWay.has(item.index) || isInterrupted(operation)) return;
    this.#track(item.index, this.#follow(item.index, operation));
  }

  /** Begins nothing more and records nothing more: Snaptree ends. */
  close(): void {
    this.#stopsQuietly = true;
  }

  #track(index: number, task: Promise<void>): void {
    const tracked = task
      .catch((error: unknown) => {
        this.#failed(error);
        return this.#take(index, this.#operationOf(index)).catch(this.#failed);
      })
      .finally(() => {
        this.#underWay.delete(index);
        this.advance();
      });
    this.#underWay.set(index, tracked);
  }

  readonly #failed = (error: unknown): void => {
    if (this.#stopsQuietly) return;
    this.#parts.log.error('a batch stands still', { batchId: this.#live.batch.id, error });
    // What cannot be written down is not begun.
    for (const { hostId } of this.#live.batch.items) this.#heldHosts.add(hostId);
  };

  #operationOf(index: number): Operation | null {
    const { operationId } = this.#live.item(index);
    return this.#parts.operations.list().find(({ id }) => id === operationId) ?? null;
  }

  async #make(index: number): Promise<void> {
    const { hostId } = this.#live.item(index);
    // Before anything is awaited, so that nobody takes its place.
    const operationId = this.#parts.newId();
    await this.#live.changeItem(index, { state: 'running', operationId, message: null });
    try {
      await this.#begin(index, operationId);
    } catch (error) {
      if (!SnaptreeError.is(error)) throw error;
      const { code, message } = error;
      if (passing.has(code)) {
        this.#heldHosts.add(hostId);
        await this.#live.changeItem(index, { state: 'waiting', operationId: null, message });
      } else {
        await this.#leaveOut(index, message);
      }
      return;
    }
    await this.#take(index, await this.#untilItRests(operationId));
  }

  /** Throws what `operations.run` throws, and `planRefused` where it is not what was reviewed any more. */
  async #begin(index: number, operationId: string): Promise<void> {
    const reviewed = this.#reviewedPlans.get(index);
    if (reviewed && this.#live.item(index).after === null) {
      await this.#parts.operations.run(reviewed, { operationId });
      return;
    }
    const { hostId } = this.#live.item(index);
    const last = this.#parts.lastReading(hostId);
    const plan = last && (await this.#planWithinReview(index, last).catch(() => null));
    try {
      // Before its first step the host is read and compared in any case: that its last reading was true need not be known here.
      if (plan) {
        await this.#parts.operations.run(plan, { operationId });
        return;
      }
    } catch (error) {
      if (!SnaptreeError.is(error, 'planStale')) throw error;
    }
    const fresh = await this.#planWithinReview(index, await this.#parts.readHost(hostId));
    await this.#parts.operations.run(fresh, { operationId: plan ? await this.#anotherId(index) : operationId });
  }

  async #anotherId(index: number): Promise<string> {
    const operationId = this.#parts.newId();
    await this.#live.changeItem(index, { operationId });
    return operationId;
  }

  async #planWithinReview(index: number, reading: HostReading): Promise<Plan> {
    const { hostId, request } = this.#live.item(index);
    const plan = await this.#parts.plans.createOn(hostId, request, reading);
    const { reviews, batch } = this.#live.record;
    const ofVm = batch.items
      .filter((other) => other.hostId === hostId && other.request.vmUuid === request.vmUuid)
      .flatMap((other) => reviews[other.index] ?? []);
    const own = reviews[index];
    if (!own) throw new Error('a change that was left out has come to its turn');
    const reasons = beyondReview(plan, reading.inventory, own, ofVm);
    if (reasons.length > 0) {
      throw new SnaptreeError('planRefused', `It was not begun. ${reasons.join(' ')} Plan it again by itself.`);
    }
    return plan;
  }

  /** The operation when it has ended or was cut off; null where it is not known. */
  #untilItRests(operationId: string): Promise<Operation | null> {
    const { operations } = this.#parts;
    return new Promise((resolve) => {
      const look = (operation: Operation): void => {
        if (operation.id !== operationId || isUnderWay(operation)) return;
        queueMicrotask(() => {
          stop();
        });
        resolve(operation);
      };
      const stop = operations.onChange(look);
      const present = operations.list().find(({ id }) => id === operationId);
      if (present) look(present);
      else {
        queueMicrotask(() => {
          stop();
        });
        resolve(null);
      }
    });
  }

  async #take(index: number, operation: Operation | null): Promise<void> {
    if (this.#stopsQuietly) return;
    if (operation === null) {
      // Its journal was not begun, or it was refused: nothing of it was done.
      await this.#live.changeItem(index, { state: 'waiting', operationId: null, message: null });
      return;
    }
    const taken = itemOfOperation(operation);
    await this.#live.changeItem(index, taken);
    if (taken.state === 'failed') await this.#leaveOutAfter(index);
  }

  async #leaveOut(index: number, message: string): Promise<void> {
    await this.#live.changeItem(index, { state: 'notRun', operationId: null, message });
    await this.#leaveOutAfter(index);
  }

  /** What comes after a change on the same VM was reviewed as coming after it. */
  async #leaveOutAfter(index: number): Promise<void> {
    const { title } = this.#live.item(index);
    let last = index;
    for (const item of this.#live.batch.items) {
      if (item.after !== last) continue;
      last = item.index;
      if (item.state !== 'waiting') continue;
      const message = `“${oneLine(title)}” comes before it on this VM and was not done, so nothing of this was begun. Look at that first, then plan this again.`;
      await this.#live.changeItem(item.index, { state: 'notRun', message });
    }
  }

  async #follow(index: number, operation: Operation): Promise<void> {
    await this.#live.changeItem(index, itemOfOperation(operation));
    await this.#take(index, await this.#untilItRests(operation.id));
  }

  async #goBackTo(index: number): Promise<void> {
    const { operationId } = this.#live.item(index);
    if (operationId === null) return;
    const { operations } = this.#parts;
    try {
      if (this.#operationOf(index) === null) {
        await this.#take(index, null);
        return;
      }
      const { examination } = await operations.examine(operationId);
      if (examination?.choices.includes('resume') === true) await operations.resolve(operationId, 'resume');
    } catch (error) {
      if (!SnaptreeError.is(error)) throw error;
      this.#heldHosts.add(this.#live.item(index).hostId);
    }
    await this.#take(index, await this.#untilItRests(operationId));
  }

  /** Nothing runs and nothing may be begun. */
  async #rest(): Promise<void> {
    // Snaptree may have been killed between the end of a change and what that means for those behind it.
    for (const { index, state } of this.#live.batch.items) {
      if (state === 'failed' || state === 'notRun') await this.#leaveOutAfter(index);
    }
    const { batch } = this.#live;
    const isLeft = batch.items.some(({ state }) => state === 'waiting' || state === 'interrupted');
    if (batch.state === 'stopping') {
      for (const item of batch.items.filter(({ state }) => state === 'waiting')) {
        await this.#live.changeItem(item.index, {
          state: 'notRun',
          message: 'The batch was cancelled before its turn came.',
        });
      }
      await this.#live.change({ state: 'cancelled', endedAt: this.#parts.clock() });
    } else if (isLeft) {
      if (batch.state !== 'interrupted') await this.#live.change({ state: 'interrupted' });
    } else {
      const isWhole = batch.items.every(({ state }) => state === 'succeeded');
      await this.#live.change({ state: isWhole ? 'succeeded' : 'incomplete', endedAt: this.#parts.clock() });
    }
  }
}
