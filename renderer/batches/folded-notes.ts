/** What is to be known of many changes at once, by what it is: the same said of thirty changes is read once. Pure. */
import type { BatchPlan, PlannedBatchItem } from '../../shared/model/batch.ts';
import type { PlanNote } from '../../shared/model/plan.ts';
import { reasonsAgainst, vmKeyOf } from '../../shared/rules/operations/batch-items.ts';

export interface FoldedNote {
  readonly code: string;
  /** Each with the changes that it is about, in their order. */
  readonly sayings: readonly { readonly message: string; readonly items: readonly PlannedBatchItem[] }[];
  readonly items: readonly PlannedBatchItem[];
}

type Note = Pick<PlanNote, 'code' | 'message'>;

/** The changes that will be made, and those that are left out. */
export function partsOf({ items }: Pick<BatchPlan, 'items'>): {
  readonly made: readonly PlannedBatchItem[];
  readonly leftOut: readonly PlannedBatchItem[];
} {
  const isLeftOut = new Set(items.filter((item) => reasonsAgainst(item).length > 0));
  return {
    made: items.filter((item) => !isLeftOut.has(item)),
    leftOut: items.filter((item) => isLeftOut.has(item)),
  };
}

/** Those of the most changes first. */
export function foldNotes(
  items: readonly PlannedBatchItem[],
  notesOf: (item: PlannedBatchItem) => readonly Note[],
): readonly FoldedNote[] {
  const byCode = new Map<string, Map<string, PlannedBatchItem[]>>();
  for (const item of items) {
    for (const { code, message } of notesOf(item)) {
      const sayings = byCode.get(code) ?? new Map<string, PlannedBatchItem[]>();
      byCode.set(code, sayings.set(message, [...(sayings.get(message) ?? []), item]));
    }
  }
  return [...byCode]
    .map(([code, sayings]) => ({
      code,
      sayings: [...sayings].map(([message, about]) => ({ message, items: about })),
      items: [...new Set([...sayings.values()].flat())],
    }))
    .sort((a, b) => b.items.length - a.items.length);
}

/** The changes of each VM, in order. */
export function byVm(items: readonly PlannedBatchItem[]): readonly (readonly PlannedBatchItem[])[] {
  const groups = new Map<string, PlannedBatchItem[]>();
  for (const item of items) {
    const key = vmKeyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}
