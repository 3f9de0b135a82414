/** Where in its life an operation is. */
import type { Operation } from '../../model/operation.ts';

type Life = Pick<Operation, 'state' | 'endedAt'>;

/** Whether nothing more will be done for it. Until then it holds the lock of its VM. */
export function hasEnded({ endedAt }: Pick<Operation, 'endedAt'>): boolean {
  return endedAt !== null;
}

/** Whether it was cut off: it goes on only when its user says how. */
export function isInterrupted({ state }: Pick<Operation, 'state'>): boolean {
  return state === 'interrupted';
}

/** Whether it goes on by itself. */
export function isUnderWay(operation: Life): boolean {
  return !hasEnded(operation) && !isInterrupted(operation);
}
