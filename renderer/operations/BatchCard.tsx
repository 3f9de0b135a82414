import { memo, useState } from 'react';
import type { Batch, BatchResolution } from '../../shared/model/batch.ts';
import {
  batchCancelMeaning,
  batchCounts,
  batchResolutionMeaning,
  isBatchUnderWay,
} from '../../shared/rules/operations/batch-words.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { reportFailure } from '../feed/messages.ts';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import { batchProgress, groupsOf } from './batch-entries.ts';
import { Card } from './Card.tsx';
import { BatchItems } from './BatchItems.tsx';
import { batchAppearance } from './operation-words.ts';

/** One batch: how far it is, and opened, its changes by what became of them, each with its operation. */
export const BatchCard = memo(function BatchCard({ batch }: { readonly batch: Batch }) {
  const { title, state } = batch;
  const underWay = isBatchUnderWay(batch);
  const appearance = batchAppearance(state);
  const counts = batchCounts(batch);
  return (
    <Card
      title={title}
      where={counts}
      whereTitle={counts}
      appearance={appearance}
      progress={{ ...batchProgress(batch), label: 'Changes that are through' }}
      life={batch}
      isOpenAtFirst={underWay || state === 'interrupted' || state === 'incomplete'}
      actions={underWay && <Cancel batch={batch} />}
      announcement={underWay ? '' : `${title}: ${appearance.word}, ${counts}`}
    >
      {state === 'interrupted' && <Interrupted batch={batch} />}
      {groupsOf(batch).map((group) => (
        <BatchItems key={group.state} group={group} />
      ))}
    </Card>
  );
});

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
