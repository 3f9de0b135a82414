/** Whether what would be run is what was reviewed. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Plan, PlanStep } from '../../../shared/model/plan.ts';
import type { PlanDraft } from '../../hypervisors/driver.ts';
import { oneLine } from '../host/one-line.ts';

type Step = Omit<PlanStep, 'index'>;

/** Everything of a step that decides what happens to a host. Its sentences do not. */
const deciding = ['argv', 'reads', 'writes', 'creates', 'invalidates', 'deletes', 'verify'] as const;

const meaning: Readonly<Record<(typeof deciding)[number], string>> = {
  argv: 'another command',
  reads: 'other things that it reads',
  writes: 'other things that it writes to',
  creates: 'other things that it creates',
  invalidates: 'other things that it makes useless',
  deletes: 'other things that it deletes',
  verify: 'another check of its result',
};

/** What differs between the steps that were reviewed and those of now, each in a sentence. Empty: nothing. */
export function stepDifferences(reviewed: readonly Step[], now: readonly Step[]): readonly string[] {
  if (reviewed.length !== now.length) {
    return [`There are ${now.length} steps to do, and ${reviewed.length} were reviewed.`];
  }
  return now.flatMap((step, index) => {
    const before = reviewed[index];
    const other = deciding.filter((key) => !isDeepStrictEqual(judged(step, key), before && judged(before, key)));
    return other.length === 0
      ? []
      : [`“${oneLine(step.title)}” has ${other.map((key) => meaning[key]).join(' and ')} than was reviewed.`];
  });
}

/** What a look asks for in figures, such as room, follows the host: it decides nothing but whether the steps behind it are run. */
function judged(step: Step, key: (typeof deciding)[number]): Step[typeof key] {
  return key === 'argv' && step.onlyLooks === true
    ? step.argv.map((word) => (/^\d+$/.test(word) ? '0' : word))
    : step[key];
}

/**
 * What is done already and may be done again, with other figures or for fewer records than it would be done for now: a look, or
 * bringing records in line. It touches no image.
 */
function isSameWithoutImages(earlier: Step, now: Step): boolean {
  return [earlier, now].every(
    ({ title, writes, creates, invalidates, deletes, whenInterrupted }) =>
      title === now.title &&
      whenInterrupted === 'redo' &&
      [...writes, ...creates, ...invalidates, ...deletes].length === 0,
  );
}

/**
 * As `stepDifferences`, of the rest of a plan: the steps from `next` on. Made again, a plan ends with exactly these; it may
 * begin with steps that are done already, such as a check that changes nothing.
 *
 * @param planAgain gives the plan for the host as it is now
 */
export function resumeDifferences(plan: Plan, next: number, planAgain: () => PlanDraft): readonly string[] {
  let draft: PlanDraft;
  try {
    draft = planAgain();
  } catch (error) {
    if (!SnaptreeError.is(error)) throw error;
    return [error.message];
  }
  if (draft.refusals.length > 0) return draft.refusals.map(({ message }) => message);
  const rest = plan.steps.slice(next);
  const done = plan.steps.slice(0, next);
  const again = draft.steps.slice(0, Math.max(0, draft.steps.length - rest.length));
  const repeated = again.filter(
    (step) =>
      !done.some((earlier) => stepDifferences([earlier], [step]).length === 0 || isSameWithoutImages(earlier, step)),
  );
  return [
    ...repeated.map(({ title }) => `“${oneLine(title)}” would have to be done first, and was not reviewed.`),
    ...stepDifferences(rest, draft.steps.slice(again.length)),
  ];
}
