/** One batch as it is: its record on disk, and what is told of it. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { Batch, BatchItem } from '../../shared/model/batch.ts';
import type { Operation } from '../../shared/model/operation.ts';
import { hasEnded, isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import type { BatchFiles, BatchRecord } from '../store/batch-files.ts';

/** What an operation says of the change that it makes. */
export function itemOfOperation(operation: Operation): Pick<BatchItem, 'state' | 'message'> {
  if (!hasEnded(operation)) {
    if (!isInterrupted(operation)) return { state: 'running', message: null };
    return { state: 'interrupted', message: operation.examination?.message ?? operation.error?.message ?? null };
  }
  if (operation.state === 'succeeded') return { state: 'succeeded', message: null };
  const letBe = 'Its operation was let be before it had ended.';
  return { state: 'failed', message: operation.state === 'forgotten' ? letBe : (operation.error?.message ?? letBe) };
}

export class LiveBatch {
  #record: BatchRecord;
  readonly #files: BatchFiles;
  readonly #onChange: (batch: Batch) => void;
  #writes: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(record: BatchRecord, files: BatchFiles, onChange: (batch: Batch) => void) {
    this.#record = record;
    this.#files = files;
    this.#onChange = onChange;
  }

  get batch(): Batch {
    return this.#record.batch;
  }

  get record(): BatchRecord {
    return this.#record;
  }

  item(index: number): BatchItem {
    const item = this.batch.items[index];
    if (!item) throw new Error(`the batch has no change ${index}`);
    return item;
  }

  /** Changes it and tells so at once; answers when that is on disk. Throws `storeUnusable`. */
  async change(part: Partial<Omit<Batch, 'id' | 'items'>>): Promise<void> {
    await this.#become({ ...this.batch, ...part });
  }

  /** As `change`, for one of its changes. */
  async changeItem(index: number, part: Partial<Pick<BatchItem, 'state' | 'operationId' | 'message'>>): Promise<void> {
    const items = this.batch.items.map((item) => (item.index === index ? { ...item, ...part } : item));
    await this.#become({ ...this.batch, items });
  }

  /** Lets nothing more be changed; answers when everything that was is on disk, or could not be written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writes.catch(() => undefined);
  }

  async #become(batch: Batch): Promise<void> {
    if (this.#closed) return;
    this.#record = { ...this.#record, batch };
    this.#onChange(batch);
    const write = this.#writes.catch(() => undefined).then(() => this.#files.write(this.#record));
    this.#writes = write;
    await write;
  }
}

/** That an id is of no batch. */
export function batchNotFound(): SnaptreeError {
  return new SnaptreeError('operationNotFound', 'This batch is not known, or it was removed from the list.');
}
