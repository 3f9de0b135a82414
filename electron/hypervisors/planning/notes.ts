/** How refusals and warnings are made. */
import type { PlanNote } from '../../../shared/model/plan.ts';

/** A note of a plan. */
export function note(code: string, message: string, names: readonly string[] = []): PlanNote {
  return { code, message, names: [...names] };
}

/** "a", "a and b", "a, b and c". */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1] ?? ''}`;
}
