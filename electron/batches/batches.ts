/** Plans and runs batches: the service behind `batches.*` of the contract. */
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Batch, BatchPlan, BatchRequest, BatchResolution } from '../../shared/model/batch.ts';
import { canRun, whyLeftOut } from '../../shared/rules/operations/batch-items.ts';
import { hasEnded } from '../../shared/rules/operations/operation-life.ts';
import { createListeners } from '../base/listeners.ts';
import { batchFiles, readBatches } from '../store/batch-files.ts';
import type { BatchRecord } from '../store/batch-files.ts';
import { batchNotFound, itemOfOperation, LiveBatch } from './live-batch.ts';
import { planBatch } from './plan-batch.ts';
import type { BatchPlanningParts, PlannedBatch } from './plan-batch.ts';
import { BatchRun } from './run-batch.ts';
import type { BatchRunParts } from './run-batch.ts';

export interface BatchServiceParts extends BatchPlanningParts, BatchRunParts {
  readonly plans: BatchPlanningParts['plans'];
  readonly batchFolder: string;
}

export interface BatchService {
  /** What the user should know of batches that cannot be used. */
  readonly notices: readonly Notice[];
  /** Reads the hosts and plans each change. What is refused is an answer. Throws `hostNotFound`, `invalidRequest`. */
  plan(requests: readonly BatchRequest[]): Promise<BatchPlan>;
  /**
   * Writes the batch down and answers with its id while its changes are made. Throws `planNotFound`, `planRefused` where nothing of it
   * can be run, and `storeUnusable`.
   */
  start(batchPlanId: string): Promise<string>;
  /** Every batch, newest first. */
  list(): readonly Batch[];
  /** Calls `listener` for each batch that is new or changed. Gives a function that stops it. */
  onChange(listener: (batch: Batch) => void): () => void;
  /** Begins nothing more of it; what runs is waited for. Throws `operationNotFound`, `operationNotResolvable`. */
  cancel(batchId: string): Promise<void>;
  /** See `batchResolutionSchema`. Throws `operationNotFound`, `operationNotResolvable` where it is not interrupted. */
  resolve(batchId: string, choice: BatchResolution): Promise<void>;
  /** Begins nothing more; answers when what was changed is on disk. */
  dispose(): Promise<void>;
}

const keptPlans = 20;
const keptBatches = 50;
/** As of plans: the digests refuse what is stale. */
const lifetimeSeconds = 6 * 3600;

/** Reads the batches and opens the service. Nothing is begun until a batch is started or resumed. Throws `storeUnusable`. */
export async function openBatchService(parts: BatchServiceParts): Promise<BatchService> {
  const { operations, clock, newId, log } = parts;
  const files = batchFiles(parts.batchFolder);
  const listeners = createListeners<[Batch]>();
  const planned = new Map<string, PlannedBatch>();
  const live = new Map<string, { readonly live: LiveBatch; readonly run: BatchRun }>();

  function open(record: BatchRecord, reviewedPlans: ConstructorParameters<typeof BatchRun>[2]) {
    const one = new LiveBatch(record, files, (batch) => {
      listeners.call(batch);
    });
    const entry = { live: one, run: new BatchRun(parts, one, reviewedPlans) };
    live.set(record.batch.id, entry);
    return entry;
  }

  const { records, notices } = await readBatches(parts.batchFolder, 'setAside');
  const read = records
    .map((record) => ({ ...record, batch: afterRestart(record.batch, operations.list()) }))
    .sort((a, b) => b.batch.startedAt - a.batch.startedAt);
  for (const [position, record] of read.entries()) {
    if (hasEnded(record.batch) && position >= keptBatches) {
      await files.remove(record.batch.id).catch((error: unknown) => {
        log.warn('an old batch could not be removed', { batchId: record.batch.id, error });
      });
    } else open(record, new Map()).run.advance();
  }
  const stopListening = operations.onChange((operation) => {
    for (const { run } of live.values()) run.noticed(operation);
  });

  function find(batchId: string) {
    const found = live.get(batchId);
    if (!found) throw batchNotFound();
    return found;
  }

  return {
    notices,
    list: () => [...live.values()].map((each) => each.live.batch).sort((a, b) => b.startedAt - a.startedAt),
    onChange: (listener) => listeners.add(listener),

    async plan(requests) {
      const made = await planBatch(parts, requests);
      planned.set(made.batchPlan.id, made);
      for (const id of [...planned.keys()].slice(0, -keptPlans)) planned.delete(id);
      return made.batchPlan;
    },

    async start(batchPlanId) {
      const made = planned.get(batchPlanId);
      if (!made || clock() - made.batchPlan.createdAt > lifetimeSeconds) {
        throw new SnaptreeError(
          'planNotFound',
          'This batch is no longer known: its plan is too old, or Snaptree was started again since. Nothing was changed; plan it again.',
        );
      }
      const { batchPlan, plans, reviews, fills } = made;
      if (!canRun(batchPlan)) throw batchRefused(batchPlan);
      const { title, items } = batchPlan;
      const batch: Batch = {
        id: newId(),
        title,
        state: 'running',
        startedAt: clock(),
        endedAt: null,
        items: items.map(({ plan, error, ...item }) => {
          const message = whyLeftOut({ plan, error });
          return { ...item, state: message === null ? 'waiting' : 'notRun', operationId: null, message };
        }),
      };
      const record: BatchRecord = { batch, reviews: [...reviews], fills: fills.map((keys) => [...keys]) };
      // It is run once, also where a second start comes before the first is written down: that would find its VMs locked.
      planned.delete(batchPlanId);
      try {
        await files.write(record);
      } catch (error) {
        planned.set(batchPlanId, made);
        throw error;
      }
      const reviewed = plans.flatMap((plan, index) => (plan ? [[index, plan] as const] : []));
      const { run } = open(record, new Map(reviewed));
      listeners.call(batch);
      run.advance();
      return batch.id;
    },

    async cancel(batchId) {
      const { live: one, run } = find(batchId);
      if (one.batch.state !== 'running')
        throw notResolvable(one.batch, 'It does not run, so there is nothing to cancel.');
      await one.change({ state: 'stopping' });
      run.advance();
    },

    async resolve(batchId, choice) {
      const { live: one, run } = find(batchId);
      if (one.batch.state !== 'interrupted') {
        throw notResolvable(one.batch, hasEnded(one.batch) ? 'It has ended already.' : 'It still runs.');
      }
      if (choice === 'resume') {
        await one.change({ state: 'running' });
        run.resume();
        return;
      }
      for (const { index, state } of one.batch.items) {
        if (state === 'waiting') await one.changeItem(index, { state: 'notRun', message: 'The batch was let be.' });
      }
      await one.change({ state: 'forgotten', endedAt: clock() });
    },

    async dispose() {
      stopListening();
      for (const { run } of live.values()) run.close();
      await Promise.all([...live.values()].map((each) => each.live.close()));
    },
  };
}

/** What a batch is when Snaptree was started again: nothing of it goes on by itself. */
function afterRestart(batch: Batch, operations: ReturnType<BatchRunParts['operations']['list']>): Batch {
  if (hasEnded(batch)) return batch;
  return {
    ...batch,
    state: 'interrupted',
    items: batch.items.map((item) => {
      if (item.operationId === null || (item.state !== 'running' && item.state !== 'interrupted')) return item;
      const operation = operations.find(({ id }) => id === item.operationId);
      // It was written down before it was begun: what has no operation was not begun.
      return operation
        ? { ...item, ...itemOfOperation(operation) }
        : { ...item, state: 'waiting', operationId: null, message: null };
    }),
  };
}

function batchRefused({ title, refusals, items }: BatchPlan): SnaptreeError {
  const reasons =
    refusals.length > 0
      ? refusals.map(({ message }) => message).join(' ')
      : `Each of its ${items.length} changes is refused.`;
  return new SnaptreeError('planRefused', `“${title}” is refused and was not run. ${reasons}`, { data: { reasons } });
}

function notResolvable({ title }: Batch, why: string): SnaptreeError {
  return new SnaptreeError('operationNotResolvable', `“${title}”: ${why}`);
}
