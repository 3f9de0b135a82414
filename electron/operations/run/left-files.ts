/** Which files an operation that does not come to its end leaves behind, with nothing that needs them. Pure. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import { unneededOf } from '../plans/expectations.ts';

/** Images by their ids, which are paths. */
export interface LeftFiles {
  /** What steps were to delete that are not done. Before the steps that were to make them so they are needed, and not among them. */
  readonly toDelete: readonly string[];
  /** What steps have made for those that are not done: their commands reported success. */
  readonly made: readonly string[];
}

/** The images that are still there and that nothing needs now. */
export function leftFiles({ plan, steps }: Pick<Operation, 'plan' | 'steps'>, inventory: Inventory): LeftFiles {
  const stateOf = (index: number) => steps[index]?.state ?? 'waiting';
  const there = new Set(inventory.images.flatMap(({ id, status }) => (status === 'missing' ? [] : [id])));
  const left = (paths: readonly string[]) =>
    unneededOf(
      paths.filter((path) => there.has(path)),
      inventory,
    );
  const toDelete = left(
    plan.steps.flatMap(({ index, deletes }) => (['done', 'skipped'].includes(stateOf(index)) ? [] : deletes)),
  );
  const hasMade = (index: number) =>
    stateOf(index) === 'done' || (stateOf(index) === 'failed' && steps[index]?.exitCode === 0);
  const made = left(plan.steps.flatMap(({ index, creates }) => (hasMade(index) ? creates : [])));
  return { toDelete, made: made.filter((path) => !toDelete.includes(path)) };
}
