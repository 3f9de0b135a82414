import { Fragment } from 'react';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';
import { foldSteps } from '../../shared/rules/operations/fold-steps.ts';
import { runsMeaning, stepCancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { shellText } from '../../shared/rules/text/shell-words.ts';
import { Chip, type Tone } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { CommandText } from '../design/CommandText.tsx';
import { CopyButton } from '../design/Copy.tsx';
import { HostText } from '../design/HostText.tsx';
import { StepsAlike } from './StepsAlike.tsx';
import styles from './PlanReview.module.css';

const css = classes(styles);

/** The steps of a plan, each with its command and what that does to which file; steps that are alike are one block. */
export function PlanSteps({ plan }: { readonly plan: Pick<Plan, 'steps'> }) {
  return (
    <ol className={css('steps')}>
      {foldSteps(plan.steps).map(({ first, rest }) => (
        <Fragment key={first.index}>
          <Step plan={plan} step={first} />
          {rest.length > 0 && <StepsAlike first={first} rest={rest} />}
        </Fragment>
      ))}
    </ol>
  );
}

const effects: readonly (readonly [
  keyof PlanStep & ('deletes' | 'invalidates' | 'creates' | 'writes' | 'reads'),
  string,
  Tone,
])[] = [
  ['deletes', 'deletes', 'danger'],
  ['invalidates', 'changes for others', 'warning'],
  ['creates', 'creates', 'success'],
  ['writes', 'writes', 'accent'],
  ['reads', 'reads', 'neutral'],
];

function Step({ plan, step }: { readonly plan: Pick<Plan, 'steps'>; readonly step: PlanStep }) {
  const command = shellText(step.argv);
  return (
    <li className={css('step')}>
      <p className={css('stepTitle')}>
        <span className={css('number')}>{step.index + 1}</span>
        <HostText text={step.title} />
      </p>
      <div className={css('commandLine')}>
        <CommandText text={command} what={`Command of step ${step.index + 1}`} />
        <CopyButton text={command} what={`command of step ${step.index + 1}`} />
      </div>
      <ul className={css('effects')}>
        {effects.flatMap(([key, word, tone]) =>
          step[key].map((path) => (
            <li key={`${key} ${path}`}>
              <Chip tone={tone}>{word}</Chip>
              <code>
                <HostText text={path} />
              </code>
            </li>
          )),
        )}
      </ul>
      <p className={css('cancel')}>
        {[runsMeaning(step), `If cancelled here: ${stepCancelMeaning(plan, step)}`].join(' ').trim()}
      </p>
    </li>
  );
}
