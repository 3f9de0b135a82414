import { ChevronDown, ChevronRight } from 'lucide-react';
import { memo, useId, useState } from 'react';
import type { Batch, BatchResolution } from '../../shared/model/batch.ts';
import {
  batchCancelMeaning,
  batchCounts,
  batchResolutionMeaning,
  isBatchUnderWay,
} from '../../shared/rules/operations/batch-words.ts';
import { readableDuration } from '../../shared/rules/text/units.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatClock, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useNow } from '../design/use-now.ts';
import { reportFailure } from '../feed/messages.ts';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import { batchProgress, groupsOf } from './batch-entries.ts';
import { BatchItems } from './BatchItems.tsx';
import styles from './OperationCard.module.css';
import { batchAppearance } from './operation-words.ts';

const css = classes(styles);

/** One batch: how far it is, and opened, its changes by what became of them, each with its operation. */
export const BatchCard = memo(function BatchCard({ batch }: { readonly batch: Batch }) {
  const underWay = isBatchUnderWay(batch);
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (underWay || batch.state === 'interrupted' || batch.state === 'incomplete');
  const titleId = useId();
  const { word, icon: Icon, tone, spins } = batchAppearance(batch.state);
  const { done, all } = batchProgress(batch);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <article className={css('card')} aria-labelledby={titleId}>
      <header className={css('header')}>
        <button
          type="button"
          className={css('toggle')}
          // From its buttons, when they go with the end of the batch.
          data-takes-focus=""
          aria-expanded={open}
          onClick={() => {
            setChosen(!open);
          }}
        >
          <Chevron size={14} aria-hidden />
          <span id={titleId} className={css('title')} title={visibleString(batch.title)}>
            <HostText text={batch.title} />
          </span>
        </button>
        <span className={css('where')} title={batchCounts(batch)}>
          {batchCounts(batch)}
        </span>
        <Chip tone={tone} icon={<Icon size={11} aria-hidden className={css(spins && 'spinning')} />}>
          {word}
        </Chip>
        <span className={css('progress')}>
          <progress value={done} max={all} aria-label="Changes that are through" />
          {done} of {all}
        </span>
        <Elapsed batch={batch} />
        {underWay && <Cancel batch={batch} />}
      </header>
      {open && (
        <div className={css('body')}>
          {batch.state === 'interrupted' && <Interrupted batch={batch} />}
          {groupsOf(batch).map((group) => (
            <BatchItems key={group.state} group={group} />
          ))}
        </div>
      )}
      <span className={css('visuallyHidden')} role="status">
        {underWay ? '' : `${batch.title}: ${word}, ${batchCounts(batch)}`}
      </span>
    </article>
  );
});

function Elapsed({ batch: { startedAt, endedAt, state } }: { readonly batch: Batch }) {
  const now = useNow(endedAt === null ? 1000 : 60_000);
  const end = endedAt ?? (state === 'interrupted' ? null : now);
  return (
    <span className={css('elapsed')} title={`Started ${formatTime(startedAt)}`}>
      {formatClock(startedAt)}
      {end !== null && `, ${readableDuration(end - startedAt)}`}
    </span>
  );
}

function Cancel({ batch: { id, state } }: { readonly batch: Batch }) {
  const client = useClient();
  const [asked, setAsked] = useState(false);
  const isStopping = asked || state === 'stopping';
  return (
    <Button
      size="small"
      label="Cancel batch"
      tooltip={batchCancelMeaning}
      disabledReason={isStopping ? 'Nothing more is begun. What runs is waited for.' : null}
      onPress={() => {
        setAsked(true);
        client.request('batches.cancel', { batchId: id }).catch((error: unknown) => {
          setAsked(false);
          reportFailure('Not cancelled', error);
        });
      }}
    >
      {isStopping ? 'Cancelling…' : 'Cancel'}
    </Button>
  );
}

const choices = ['resume', 'forget'] as const satisfies readonly BatchResolution[];
const choiceWords = { resume: 'Resume', forget: 'Forget' } as const;

/** What to do about a batch that was cut off. */
function Interrupted({ batch }: { readonly batch: Batch }) {
  const resolving = useRequest('batches.resolve');
  const cutOff = batch.items.filter(({ state }) => state === 'interrupted').length;
  const left = batch.items.filter(({ state }) => state === 'waiting').length;
  return (
    <>
      <Callout
        tone="warning"
        title="It was cut off, and does not go on by itself"
        actions={choices.map((choice) => (
          <Button
            key={choice}
            tone={choice === 'resume' ? 'primary' : 'normal'}
            label={`${choiceWords[choice]} batch`}
            disabledReason={resolving.pending ? 'This is under way.' : null}
            onPress={() => {
              void resolving.send({ batchId: batch.id, choice });
            }}
          >
            {choiceWords[choice]}
          </Button>
        ))}
        live
      >
        <p>
          {left === 0 ? 'Nothing is left to begin' : `${left} of ${batch.items.length} are still to be begun`}
          {cutOff > 0 && `, and the outcome of ${cutOff === 1 ? 'one' : cutOff} is not known`}.
        </p>
        <p>{choices.map(batchResolutionMeaning).join(' ')}</p>
      </Callout>
      {resolving.error && <ErrorCallout error={resolving.error} />}
    </>
  );
}
