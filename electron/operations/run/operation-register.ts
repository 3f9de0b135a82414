/** The operations that this Snaptree knows, and who is told when one changes. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Operation, StepProgress } from '../../../shared/model/operation.ts';
import { createListeners } from '../../base/listeners.ts';
import type { JournalFile } from '../../store/journal.ts';
import { LiveOperation } from './live-operation.ts';
import type { OperationRecord } from './operation-machine.ts';

export class OperationRegister {
  readonly #operations = new Map<string, LiveOperation>();
  readonly #listeners = createListeners<[Operation]>();
  readonly #progressListeners = createListeners<[]>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** An operation over its journal, not yet in the register. `state`: of one that was read from its journal. */
  open(id: string, file: JournalFile, state: OperationRecord | null): LiveOperation {
    return new LiveOperation({
      id,
      file,
      clock: this.#clock,
      state,
      onChange: (operation) => {
        this.#listeners.call(operation);
      },
      onProgress: () => {
        this.#progressListeners.call();
      },
    });
  }

  add(live: LiveOperation): void {
    this.#operations.set(live.id, live);
  }

  remove(live: LiveOperation): void {
    this.#operations.delete(live.id);
  }

  all(): readonly LiveOperation[] {
    return [...this.#operations.values()];
  }

  on(hostId: string): readonly LiveOperation[] {
    return this.all().filter((live) => live.operation.plan.hostId === hostId);
  }

  get(operationId: string): LiveOperation | null {
    return this.#operations.get(operationId) ?? null;
  }

  /** One that users see. Throws `operationNotFound`. */
  find(operationId: string): LiveOperation {
    const live = this.get(operationId);
    if (!live?.visible) {
      throw new SnaptreeError('operationNotFound', 'This operation is not known, or it was removed from the list.');
    }
    return live;
  }

  /** Those that users see, newest first. */
  list(): readonly Operation[] {
    return this.all()
      .filter(({ visible }) => visible)
      .map(({ operation }) => operation)
      .sort((a, b) => b.startedAt - a.startedAt);
  }

  /** Of every step that runs and tells how far it is. */
  progress(): readonly StepProgress[] {
    return this.all().flatMap(({ visible, progress }) => (visible && progress ? [progress] : []));
  }

  onProgress(listener: () => void): () => void {
    return this.#progressListeners.add(listener);
  }

  onChange(listener: (operation: Operation) => void): () => void {
    return this.#listeners.add(listener);
  }
}
