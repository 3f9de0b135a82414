/** One operation in memory: its journal, its present state, and whose turn it is to act on it. */
import type { SnaptreeErrorData } from '../../../shared/errors.ts';
import type { Operation, StepProgress } from '../../../shared/model/operation.ts';
import type { JournalFile } from '../../store/journal.ts';
import type { JournalEntry } from '../../store/journal-records.ts';
import { applyRecord, markInterrupted } from './operation-machine.ts';
import type { ByteProgress } from '../host/host-job.ts';
import type { OperationRecord } from './operation-machine.ts';
import { createProgressMeter } from './progress-meter.ts';
import type { ProgressMeter } from './progress-meter.ts';

export class LiveOperation {
  readonly id: string;
  readonly #file: JournalFile;
  readonly #clock: () => number;
  readonly #onChange: (operation: Operation) => void;
  readonly #onProgress: () => void;
  /** Of the step that failed, what its record does not hold; null after a restart. */
  failure: { readonly index: number; readonly stderr: string; readonly alreadyMet: boolean } | null = null;
  #state: OperationRecord | null;
  /** Users do not see an operation until it was accepted: until then it may still be refused in the dialog. */
  #visible: boolean;
  #records: Promise<unknown> = Promise.resolve();
  #turns: Promise<unknown> = Promise.resolve();
  #adjustments: Promise<unknown> = Promise.resolve();
  #closed = false;
  #meter: { readonly index: number; readonly meter: ProgressMeter } | null = null;
  #progress: StepProgress | null = null;

  constructor(parts: {
    readonly id: string;
    readonly file: JournalFile;
    readonly clock: () => number;
    readonly onChange: (operation: Operation) => void;
    readonly onProgress: () => void;
    /** Of an operation read from its journal. */
    readonly state: OperationRecord | null;
  }) {
    this.id = parts.id;
    this.#file = parts.file;
    this.#clock = parts.clock;
    this.#onChange = parts.onChange;
    this.#onProgress = parts.onProgress;
    this.#state = parts.state;
    this.#visible = parts.state !== null;
  }

  get state(): OperationRecord {
    if (!this.#state) throw new Error('the operation has no record yet');
    return this.#state;
  }

  get operation(): Operation {
    return this.state.operation;
  }

  get visible(): boolean {
    return this.#visible && !this.state.rejected;
  }

  /** After `close` nothing is recorded any more, so nothing that would have to be can be done. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Writes an entry to the disk, and then takes it for true. Throws `storeUnusable`. */
  record(entry: JournalEntry): Promise<void> {
    const result = this.#records.then(async () => {
      if (this.#closed) throw new Error('Snaptree is being closed');
      // First what it leads to: an entry that cannot come here must not get into the file.
      applyRecord(this.#state, { sequence: 0, at: this.#clock(), entry });
      this.#become(applyRecord(this.#state, await this.#file.append(entry)));
    });
    this.#records = result.catch(() => undefined);
    return result;
  }

  /** What a running step has printed so far. Not worth a record: the host has it. */
  showOutput(index: number, output: string): void {
    const { operation } = this.state;
    if (operation.steps[index]?.output === output) return;
    const steps = operation.steps.map((step) => (step.index === index ? { ...step, output } : step));
    this.#become({ ...this.state, operation: { ...operation, steps } });
  }

  /** How far the step is that runs; null where none does, or it does not tell. */
  get progress(): StepProgress | null {
    return this.#progress;
  }

  /** How far a running step is. */
  showProgress(index: number, progress: ByteProgress): void {
    if (this.#meter?.index !== index) this.#meter = { index, meter: createProgressMeter() };
    this.#tellProgress({ operationId: this.id, index, ...this.#meter.meter.add(progress, this.#clock()) });
  }

  #tellProgress(progress: StepProgress | null): void {
    this.#progress = progress;
    if (this.visible && !this.#closed) this.#onProgress();
  }

  /** The journal cannot be written: what is known is known in memory only, until Snaptree is started again. */
  interruptInMemory(error: SnaptreeErrorData): void {
    this.#become(markInterrupted(this.state, error));
  }

  /** Runs `task` when everything that was asked for before has ended. */
  takeTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turns.then(task);
    this.#turns = result.catch(() => undefined);
    return result;
  }

  /** As `takeTurn`, for what is told to a step while it runs: one at a time. */
  takeTurnToAdjust<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#adjustments.then(task);
    this.#adjustments = result.catch(() => undefined);
    return result;
  }

  removeJournal(): Promise<void> {
    return this.#file.remove();
  }

  /** Lets nothing more be recorded; answers when nobody acts on the operation any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([this.#turns, this.#records]);
  }

  #become(state: OperationRecord): void {
    this.#state = state;
    if (state.jobFolder !== null) this.#visible = true;
    if (this.visible && !this.#closed) this.#onChange(state.operation);
    const told = this.#progress;
    if (told && state.operation.steps[told.index]?.state !== 'running') {
      this.#meter = null;
      this.#tellProgress(null);
    }
  }
}
