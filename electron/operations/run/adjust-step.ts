/** Lets the step that runs work otherwise: faster, slower, not at all for now, or while its guest stands still. */
import { assertNever } from '../../../shared/assert-never.ts';
import type { Operation, StepControl, StepWish } from '../../../shared/model/operation.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';
import { nextStep } from '../../../shared/rules/operations/step-order.ts';
import type { JobReference, Wish, WishAnswer } from '../host/host-job.ts';
import type { HostTools } from '../host/host-tools.ts';
import { outputLine } from '../host/one-line.ts';
import { describeStep, notResolvable } from './operation-messages.ts';
import { abilityFor, wordsOfWish } from '../host/step-control.ts';
import type { Audit } from './step-context.ts';

export interface Adjustment {
  readonly operation: Operation;
  readonly step: PlanStep;
  readonly job: JobReference;
  readonly wish: StepWish;
  readonly tools: Pick<HostTools, 'tell'>;
  readonly audit: Audit;
  readonly newId: () => string;
  readonly startedBy: { readonly user: string; readonly computer: string };
}

/** Whatever else is not allowed: it lets a guest run that stands still because of this. */
export const isAlwaysAllowed = ({ kind }: StepWish): boolean => kind === 'continueGuest';

/** The step that runs, or may run. Throws `operationNotResolvable` where none does. */
export function runningStep(operation: Operation): PlanStep {
  const next = nextStep(operation);
  const step = next && next.state !== 'waiting' ? operation.plan.steps[next.index] : undefined;
  if (!step)
    throw notResolvable(operation.plan, 'No step of it runs, so there is nothing to change. Nothing was done.');
  return step;
}

/** Throws `operationNotResolvable` where what runs cannot do it. @param control null: it told nothing of that */
export function requireAbility({ plan }: Operation, wish: StepWish, control: StepControl | null): void {
  if (control?.can.includes(abilityFor(wish)) === true) return;
  throw notResolvable(plan, 'What runs now cannot do that. Nothing was changed.');
}

/**
 * Tells the command of the step, with an entry in the audit trail before and after, and gives what it said. Throws
 * `operationNotResolvable` where it did not do it, and what the runner throws.
 */
export async function adjustStep(adjustment: Adjustment): Promise<string> {
  const { operation, step, job, wish, tools, audit, newId, startedBy } = adjustment;
  const words: Pick<Wish, 'verb' | 'amount'> = wordsOfWish(wish);
  const part = { stepIndex: step.index, argv: [words.verb, String(words.amount)] };
  const about = { id: operation.id, operation };
  await audit('stepAdjusted', about, { ...part, outcome: 'asked for' });
  const who = `${startedBy.user} on ${startedBy.computer}`;
  const answer = await tools.tell(job, { id: newId(), ...words, who });
  const output = 'sentence' in answer ? answer.sentence : '';
  await audit('stepAdjusted', about, { ...part, output, outcome: answer.kind });
  return sentenceOf(operation, step, answer);
}

function sentenceOf({ plan }: Operation, step: PlanStep, answer: WishAnswer): string {
  const command = `The command of ${describeStep(plan, step.index)} on ${plan.hostName}`;
  switch (answer.kind) {
    case 'done':
      return outputLine(answer.sentence);
    case 'refused':
      throw notResolvable(plan, `Nothing was changed. ${outputLine(answer.sentence)}`);
    case 'ended':
      throw notResolvable(plan, `${command} has ended, so nothing was changed. The host is read to see what it did.`);
    case 'silent':
      throw notResolvable(
        plan,
        `${command} has not answered: the hypervisor may be busy or be started anew, or only a part of the command is left. Whether it is done all the same is seen in its progress. Try again, or cancel.`,
      );
    default:
      return assertNever(answer);
  }
}
