/** Which files an operation that does not come to its end leaves behind, with nothing that needs them. Pure. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import { unneededOf } from '../plans/expectations.ts';

/**
 * What steps were to delete that are not done: the images that are still there and that nothing needs now. Before the steps that
 * were to make them so they are needed, and not among them.
 */
export function leftFiles({ plan, steps }: Pick<Operation, 'plan' | 'steps'>, inventory: Inventory): readonly string[] {
  const isOver = (index: number) => ['done', 'skipped'].includes(steps[index]?.state ?? 'waiting');
  const toDelete = plan.steps.flatMap(({ index, deletes }) => (isOver(index) ? [] : deletes));
  const there = new Set(inventory.images.flatMap(({ id, status }) => (status === 'missing' ? [] : [id])));
  return unneededOf(
    toDelete.filter((path) => there.has(path)),
    inventory,
  );
}
