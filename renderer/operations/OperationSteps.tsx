import { ChevronDown, ChevronRight } from 'lucide-react';
import { useMemo, useState, type ReactNode } from 'react';
import type { Operation, OperationStep } from '../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';
import {
  blockProgress,
  foldSteps,
  standsOut,
  statesOf,
  stretches,
  type StepBlock,
  type Stretch,
} from '../../shared/rules/operations/fold-steps.ts';
import { progressWords } from '../../shared/rules/operations/progress-words.ts';
import { shellText } from '../../shared/rules/text/shell-words.ts';
import { stepCancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { readableDuration } from '../../shared/rules/text/units.ts';
import { classes } from '../design/classes.ts';
import { CommandText } from '../design/CommandText.tsx';
import { CopyButton } from '../design/Copy.tsx';
import { HostText } from '../design/HostText.tsx';
import { useStore } from '../store/store.ts';
import { StepControls } from './StepControls.tsx';
import styles from './OperationCard.module.css';
import { stepAppearance } from './operation-words.ts';

const css = classes(styles);

/** The steps of an operation, with what they printed; steps that are alike are one block. */
export function OperationSteps({ operation: { id, plan, steps } }: { readonly operation: Operation }) {
  const blocks = useMemo(() => foldSteps(plan.steps), [plan]);
  const runs = new Map(steps.map((run) => [run.index, run]));
  return (
    <ol className={css('steps')}>
      {blocks.map((block) =>
        block.rest.length > 0 ? (
          <AlikeSteps key={block.first.index} operationId={id} plan={plan} block={block} runs={runs} />
        ) : (
          <Step
            key={block.first.index}
            operationId={id}
            plan={plan}
            step={block.first}
            run={runs.get(block.first.index) ?? null}
          />
        ),
      )}
    </ol>
  );
}

/** Steps that are alike, closed until there is something to see in them, or somebody wants to. */
function AlikeSteps({
  operationId,
  plan,
  block,
  runs,
}: {
  readonly operationId: string;
  readonly plan: Plan;
  readonly block: StepBlock;
  readonly runs: ReadonlyMap<number, OperationStep>;
}) {
  const { first, rest } = block;
  const states = statesOf(block, runs);
  const { done, all, state, isOpen } = blockProgress(states);
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? isOpen;
  const { word, icon: Icon, tone, spins } = stepAppearance(state);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <li className={css('step')}>
      <Icon size={15} aria-hidden className={`${css('stepIcon', tone)} ${css(spins && 'spinning')}`} />
      <div className={css('stepBody')}>
        <button
          type="button"
          className={css('toggle', 'alike')}
          aria-expanded={open}
          onClick={() => {
            setChosen(!open);
          }}
        >
          <Chevron size={14} aria-hidden />
          <span>
            Steps {first.index + 1} to {first.index + all} are alike: <HostText text={first.title} /> and {rest.length}{' '}
            more{' '}
            <span className={css('quiet')}>
              · {word}, {done} of {all} done
            </span>
          </span>
        </button>
        {open && (
          <ol className={css('steps', 'alikeSteps')}>
            {stretches(block, states).map((stretch, position, shown) => {
              const lines = stretch.steps.map((step) => (
                <Step
                  key={step.index}
                  operationId={operationId}
                  plan={plan}
                  step={step}
                  run={runs.get(step.index) ?? null}
                  isOneOfMany
                />
              ));
              const before = shown
                .slice(0, position)
                .filter(({ state: its, steps }) => its === stretch.state && steps.length > 1);
              return lines.length === 1 ? (
                lines
              ) : (
                <StretchOfSteps key={`${stretch.state} ${before.length}`} stretch={stretch} lines={lines} />
              );
            })}
          </ol>
        )}
      </div>
    </li>
  );
}

/** How far a step is, where its command tells. */
function Progress({ operationId, index }: { readonly operationId: string; readonly index: number }) {
  const progress = useStore((state) =>
    state.stepProgress.find((each) => each.operationId === operationId && each.index === index),
  );
  if (!progress) return null;
  return (
    <>
      <p className={css('progress', 'stepProgress')}>
        <progress
          value={progress.doneBytes}
          max={Math.max(1, progress.totalBytes)}
          aria-label={`Progress of step ${index + 1}`}
        />
        {progressWords(progress)}
      </p>
      {progress.control && <StepControls progress={progress} control={progress.control} />}
    </>
  );
}

/** Steps of which none stands out, on one line until somebody opens it. */
function StretchOfSteps({
  stretch: { state, steps },
  lines,
}: {
  readonly stretch: Stretch;
  readonly lines: readonly ReactNode[];
}) {
  const { word, icon: Icon, tone } = stepAppearance(state);
  const [open, setOpen] = useState(false);
  const from = (steps[0]?.index ?? 0) + 1;
  return (
    <li className={css('step')}>
      <Icon size={15} aria-hidden className={css('stepIcon', tone)} />
      <details
        className={css('stepBody', 'closed')}
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
        }}
      >
        <summary>
          Steps {from} to {from + steps.length - 1} <span className={css('quiet')}>· {word}</span>
        </summary>
        {open && <ol className={css('steps', 'alikeSteps')}>{lines}</ol>}
      </details>
    </li>
  );
}

function Step({
  operationId,
  plan,
  step,
  run,
  isOneOfMany = false,
}: {
  readonly operationId: string;
  readonly plan: Plan;
  readonly step: PlanStep;
  readonly run: OperationStep | null;
  /** Of steps that are alike, what it runs is shown when it is opened, but where it is to be looked at. */
  readonly isOneOfMany?: boolean;
}) {
  const state = run?.state ?? 'waiting';
  const { word, icon: Icon, tone, spins } = stepAppearance(state);
  const exitCode = run?.exitCode ?? 0;
  const duration = durationOf(run);
  const output = run?.output.trimEnd() ?? '';
  const title = (
    <>
      {isOneOfMany && `${step.index + 1}. `}
      <HostText text={step.title} />{' '}
      <span className={css('quiet')}>
        · {word}
        {duration !== null && `, ${readableDuration(duration)}`}
        {exitCode !== 0 && `, exit code ${exitCode}`}
      </span>
    </>
  );
  const work = (
    <>
      <Command step={step} isOpen={state === 'failed'} />
      {output !== '' && (
        // It scrolls, so the keyboard must get to it.
        <pre className={css('output')} tabIndex={0} role="region" aria-label={`Output of step ${step.index + 1}`}>
          <HostText text={output} lines />
        </pre>
      )}
    </>
  );
  return (
    <li className={css('step')}>
      <Icon size={15} aria-hidden className={`${css('stepIcon', tone)} ${css(spins && 'spinning')}`} />
      <div className={css('stepBody')}>
        {isOneOfMany && !standsOut(state) ? (
          <details className={css('closed')}>
            <summary>{title}</summary>
            {work}
          </details>
        ) : (
          <>
            <p>{title}</p>
            {state === 'running' && <Progress operationId={operationId} index={step.index} />}
            {state === 'running' && <p className={css('quiet')}>If cancelled now: {stepCancelMeaning(plan, step)}</p>}
            {work}
          </>
        )}
      </div>
    </li>
  );
}

/** A script of many lines is folded: it would push what is going on out of sight, and its plan has shown it. */
function Command({ step, isOpen }: { readonly step: PlanStep; readonly isOpen: boolean }) {
  const command = shellText(step.argv);
  const line = (
    <div className={css('command')}>
      <CommandText text={command} what={`Command of step ${step.index + 1}`} />
      <CopyButton text={command} what={`command of step ${step.index + 1}`} />
    </div>
  );
  if (!command.includes('\n')) return line;
  return (
    <details className={css('script')} open={isOpen}>
      <summary aria-label={`Script of step ${step.index + 1}`}>Script</summary>
      {line}
    </details>
  );
}

/** Seconds that a step took; null while it has not ended. */
function durationOf(run: OperationStep | null): number | null {
  const { startedAt, endedAt } = run ?? { startedAt: null, endedAt: null };
  return startedAt === null || endedAt === null ? null : endedAt - startedAt;
}
