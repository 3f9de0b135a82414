import { ChevronDown, ChevronRight } from 'lucide-react';
import { useId, useMemo, useState } from 'react';
import type { Operation } from '../../shared/model/operation.ts';
import { cancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { reportFailure } from '../feed/messages.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { classes } from '../design/classes.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatClock, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { useNow } from '../design/use-now.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog, useStore } from '../store/store.ts';
import { undoRequest } from '../../shared/rules/snapshots/undo.ts';
import { readableDuration } from '../../shared/rules/text/units.ts';
import { Interruption } from './Interruption.tsx';
import { OperationSteps } from './OperationSteps.tsx';
import styles from './OperationCard.module.css';
import { operationAppearance, progressOf } from './operation-words.ts';

const css = classes(styles);

/** One operation: how far it is, and opened, its steps with what they printed. */
export function OperationCard({
  operation,
  isOneOfMany = false,
}: {
  readonly operation: Operation;
  /** Of a batch, which says when it is through: it is opened only where somebody has to look at it. */
  readonly isOneOfMany?: boolean;
}) {
  const underWay = isUnderWay(operation);
  const needsAttention = operation.state === 'failed' || isInterrupted(operation);
  // Until somebody opens or closes it, it is open while there is something to see.
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (needsAttention || (underWay && !isOneOfMany));
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
          <OperationSteps operation={operation} />
        </div>
      )}
      <span className={css('visuallyHidden')} role="status">
        {underWay || isOneOfMany ? '' : `${operation.plan.title}: ${word}`}
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
