/** How refusals and warnings are made. */
import type { PlanNote } from '../../../shared/model/plan.ts';

/** A note of a plan. @param told of the names, those that the message says; left out: all of them */
export function note(code: string, message: string, names: readonly string[] = [], told = names): PlanNote {
  const untold = names.filter((name) => !told.includes(name));
  return { code, message, names: [...names], ...(untold.length > 0 && { untold }) };
}

/** "a", "a and b", "a, b and c". */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1] ?? ''}`;
}
