import { useState } from 'react';
import type { PlanStep } from '../../shared/model/plan.ts';
import { shellText } from '../../shared/rules/text/shell-words.ts';
import { classes } from '../design/classes.ts';
import { CommandText } from '../design/CommandText.tsx';
import { CopyButton } from '../design/Copy.tsx';
import { HostText } from '../design/HostText.tsx';
import styles from './PlanReview.module.css';

const css = classes(styles);

/** The steps that do the same as the one before, closed until somebody wants to read each. */
export function StepsAlike({ first, rest }: { readonly first: PlanStep; readonly rest: readonly PlanStep[] }) {
  const last = rest.at(-1) ?? first;
  const [open, setOpen] = useState(false);
  return (
    <li className={css('alike')}>
      <details
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
        }}
      >
        <summary>
          Steps {first.index + 2} to {last.index + 1} are alike: {rest.length} more
        </summary>
        {open && (
          <ol className={css('alikeSteps')}>
            {rest.map((step) => (
              <AlikeStep key={step.index} step={step} />
            ))}
          </ol>
        )}
      </details>
    </li>
  );
}

const effects = ['deletes', 'invalidates', 'creates', 'writes', 'reads'] as const;

function AlikeStep({ step }: { readonly step: PlanStep }) {
  const command = shellText(step.argv);
  const effectsInWords = effects.flatMap((effect) =>
    step[effect].length > 0 ? [`${effect} ${step[effect].join(', ')}`] : [],
  );
  return (
    <li>
      <p className={css('alikeTitle')}>
        {step.index + 1}. <HostText text={step.title} />
      </p>
      <p className={css('alikeCommand')}>
        <CommandText text={command} what={`Command of step ${step.index + 1}`} />
        <CopyButton text={command} what={`command of step ${step.index + 1}`} />
      </p>
      {effectsInWords.length > 0 && (
        <p className={css('cancel')}>
          <HostText text={effectsInWords.join('; ')} />
        </p>
      )}
    </li>
  );
}
