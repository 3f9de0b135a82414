import type { PlanStep } from '../../../shared/model/plan.ts';
import { plainStep } from './plain-step.ts';

/**
 * A step that only looks whether a change can be made, and fails with the reason where it cannot: a POSIX shell script with
 * its words. It may be run again.
 */
export function lookingStep({
  script,
  words,
  ...step
}: Pick<PlanStep, 'title' | 'reads' | 'verify'> & {
  readonly script: string;
  readonly words: readonly string[];
}): Omit<PlanStep, 'index'> {
  return {
    argv: ['sh', '-c', script, 'sh', ...words],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    ...plainStep,
    ...step,
    whenInterrupted: 'redo',
    onlyLooks: true,
  };
}
