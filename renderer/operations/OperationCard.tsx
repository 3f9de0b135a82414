import { ChevronDown, ChevronRight } from 'lucide-react';
import { useId, useMemo, useState } from 'react';
import type { Operation, OperationStep } from '../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';
import { cancelMeaning, stepCancelMeaning } from '../../shared/rules/step-sentences.ts';
import { reportFailure } from '../feed/messages.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { isInterrupted, isUnderWay } from '../../shared/rules/operation-life.ts';
import { classes } from '../design/classes.ts';
import { CommandText } from '../design/CommandText.tsx';
import { CopyButton } from '../design/Copy.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatClock, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/visible-text.ts';
import { useNow } from '../design/use-now.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog, useStore } from '../store/store.ts';
import { progressWords } from '../../shared/rules/progress-words.ts';
import { shellText } from '../../shared/rules/shell-words.ts';
import { undoRequest } from '../../shared/rules/undo.ts';
import { readableDuration } from '../../shared/rules/units.ts';
import { Interruption } from './Interruption.tsx';
import { StepControls } from './StepControls.tsx';
import styles from './OperationCard.module.css';
import { operationAppearance, progressOf, stepAppearance } from './operation-words.ts';

const css = classes(styles);

/** One operation: how far it is, and opened, its steps with what they printed. */
export function OperationCard({ operation }: { readonly operation: Operation }) {
  const underWay = isUnderWay(operation);
  const needsAttention = operation.state === 'failed' || isInterrupted(operation);
  // Until somebody opens or closes it, it is open while there is something to see.
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (underWay || needsAttention);
  const titleId = useId();
  const { word, icon: Icon, tone, spins } = operationAppearance(operation.state);
  const { done, all } = progressOf(operation);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <article className={css('card')} aria-labelledby={titleId}>
      <header className={css('header')}>
        <button
          type="button"
          className={css('toggle')}
          // From its buttons, when they go with the end of the operation.
          data-takes-focus=""
          aria-expanded={open}
          onClick={() => {
            setChosen(!open);
          }}
        >
          <Chevron size={14} aria-hidden />
          <span id={titleId} className={css('title')} title={visibleString(operation.plan.title)}>
            <HostText text={operation.plan.title} />
          </span>
        </button>
        <span className={css('where')} title={visibleString(`${operation.plan.vmName} on ${operation.plan.hostName}`)}>
          <HostText text={operation.plan.vmName} /> on <HostText text={operation.plan.hostName} />
        </span>
        <Chip tone={tone} icon={<Icon size={11} aria-hidden className={css(spins && 'spinning')} />}>
          {word}
        </Chip>
        <span className={css('progress')}>
          <progress value={done} max={Math.max(1, all)} aria-label="Steps done" />
          {done} of {all}
        </span>
        <Elapsed operation={operation} />
        {underWay && <Cancel operation={operation} />}
        {operation.endedAt !== null && <Undo operation={operation} />}
      </header>
      {open && (
        <div className={css('body')}>
          {operation.error && <ErrorCallout error={operation.error} live={false} />}
          {operation.state === 'interrupted' && <Interruption operation={operation} />}
          <ol className={css('steps')}>
            {operation.plan.steps.map((step) => (
              <Step
                operationId={operation.id}
                plan={operation.plan}
                key={step.index}
                step={step}
                run={operation.steps.find((run) => run.index === step.index) ?? null}
              />
            ))}
          </ol>
        </div>
      )}
      <span className={css('visuallyHidden')} role="status">
        {underWay ? '' : `${operation.plan.title}: ${word}`}
      </span>
    </article>
  );
}

function Elapsed({ operation }: { readonly operation: Operation }) {
  const now = useNow(operation.endedAt === null ? 1000 : 60_000);
  const end = operation.endedAt ?? (operation.state === 'interrupted' ? null : now);
  return (
    <span className={css('elapsed')} title={`Started ${formatTime(operation.startedAt)}`}>
      {formatClock(operation.startedAt)}
      {end !== null && `, ${readableDuration(end - operation.startedAt)}`}
    </span>
  );
}

function Cancel({ operation }: { readonly operation: Operation }) {
  const client = useClient();
  const [asked, setAsked] = useState(false);
  const { possible, sentence } = cancelMeaning(operation);
  return (
    <Button
      size="small"
      label="Cancel operation"
      tooltip={sentence}
      disabledReason={asked || !possible ? sentence : null}
      onPress={() => {
        setAsked(true);
        client.request('operations.cancel', { operationId: operation.id }).catch((error: unknown) => {
          setAsked(false);
          reportFailure('Not cancelled', error);
        });
      }}
    >
      {asked ? 'Cancelling…' : 'Cancel'}
    </Button>
  );
}

/** Plans what undoes an operation, where anything does. */
function Undo({ operation }: { readonly operation: Operation }) {
  const { hostId } = operation.plan;
  const inventory = useStore((state) => state.inventories[hostId]?.inventory ?? null);
  const request = useMemo(() => {
    try {
      return inventory && undoRequest(operation, inventory, new Date());
    } catch {
      return null;
    }
  }, [operation, inventory]);
  if (!request) return null;
  return (
    <Button
      size="small"
      label={`Undo ${operation.plan.title}`}
      tooltip="Plans what undoes this. Nothing is changed before you have seen the plan."
      onPress={() => {
        showDialog({ kind: 'plan', hostId, request });
      }}
    >
      Undo…
    </Button>
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

function Step({
  operationId,
  plan,
  step,
  run,
}: {
  readonly operationId: string;
  readonly plan: Plan;
  readonly step: PlanStep;
  readonly run: OperationStep | null;
}) {
  const { word, icon: Icon, tone, spins } = stepAppearance(run?.state ?? 'waiting');
  const exitCode = run?.exitCode ?? 0;
  const duration = durationOf(run);
  const output = run?.output.trimEnd() ?? '';
  return (
    <li className={css('step')}>
      <Icon size={15} aria-hidden className={`${css('stepIcon', tone)} ${css(spins && 'spinning')}`} />
      <div className={css('stepBody')}>
        <p>
          <HostText text={step.title} />{' '}
          <span className={css('quiet')}>
            · {word}
            {duration !== null && `, ${readableDuration(duration)}`}
            {exitCode !== 0 && `, exit code ${exitCode}`}
          </span>
        </p>
        {run?.state === 'running' && <Progress operationId={operationId} index={step.index} />}
        {run?.state === 'running' && <p className={css('quiet')}>If cancelled now: {stepCancelMeaning(plan, step)}</p>}
        <Command step={step} isOpen={run?.state === 'failed'} />
        {output !== '' && (
          // It scrolls, so the keyboard must get to it.
          <pre className={css('output')} tabIndex={0} role="region" aria-label={`Output of step ${step.index + 1}`}>
            <HostText text={output} lines />
          </pre>
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
