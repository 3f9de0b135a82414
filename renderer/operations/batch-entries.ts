/** What the list of operations shows: batches, each with its operations, and the operations that are of none. Pure. */
import type { Batch, BatchItem } from '../../shared/model/batch.ts';
import type { Operation } from '../../shared/model/operation.ts';
import { batchItemStates, isBatchUnderWay } from '../../shared/rules/operations/batch-words.ts';
import { isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';

export type Entry =
  { readonly kind: 'batch'; readonly batch: Batch } | { readonly kind: 'operation'; readonly operation: Operation };

/** What needs somebody first, then what runs, then the newest. */
export function entriesOf(
  operations: Readonly<Record<string, Operation>>,
  batches: Readonly<Record<string, Batch>>,
): readonly Entry[] {
  const all = Object.values(batches);
  const inBatch = new Set(all.flatMap(({ items }) => items.map(({ operationId }) => operationId)));
  return [
    ...all.map((batch): Entry => ({ kind: 'batch', batch })),
    ...Object.values(operations)
      .filter(({ id }) => !inBatch.has(id))
      .map((operation): Entry => ({ kind: 'operation', operation })),
  ].sort((a, b) => urgencyOf(a) - urgencyOf(b) || startedAtOf(b) - startedAtOf(a));
}

function urgencyOf(entry: Entry): number {
  if (entry.kind === 'operation') return isInterrupted(entry.operation) ? 0 : isUnderWay(entry.operation) ? 1 : 2;
  const { state, items } = entry.batch;
  if (state === 'interrupted' || items.some((item) => item.state === 'interrupted')) return 0;
  return isBatchUnderWay(entry.batch) ? 1 : 2;
}

const startedAtOf = (entry: Entry) => (entry.kind === 'batch' ? entry.batch : entry.operation).startedAt;

export interface ItemGroup {
  readonly state: BatchItem['state'];
  readonly items: readonly BatchItem[];
}

/** The changes of a batch by what became of them, those that matter most first. */
export function groupsOf({ items }: Pick<Batch, 'items'>): readonly ItemGroup[] {
  return batchItemStates
    .map((state) => ({ state, items: items.filter((item) => item.state === state) }))
    .filter((group) => group.items.length > 0);
}

/** Changes that nothing more is done for, of all. */
export function batchProgress({ items }: Pick<Batch, 'items'>): { readonly done: number; readonly all: number } {
  const open: ReadonlySet<BatchItem['state']> = new Set(['waiting', 'running', 'interrupted']);
  return { done: items.filter(({ state }) => !open.has(state)).length, all: items.length };
}

/** What the same is said of, together: thirty changes that are left out for one reason are read once. */
export function byMessage(
  items: readonly BatchItem[],
): readonly { readonly message: string | null; readonly items: readonly BatchItem[] }[] {
  const groups = new Map<string | null, BatchItem[]>();
  for (const item of items) groups.set(item.message, [...(groups.get(item.message) ?? []), item]);
  return [...groups].map(([message, about]) => ({ message, items: about }));
}
