/** How refusals and warnings of plans are made. */
import type { PlanNote } from '../../model/plan.ts';

/** A note of a plan. @param told of the names, those that the message says; left out: all of them */
export function note(code: string, message: string, names: readonly string[] = [], told = names): PlanNote {
  const untold = names.filter((name) => !told.includes(name));
  return { code, message, names: [...names], ...(untold.length > 0 && { untold }) };
}
