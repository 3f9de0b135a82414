import { useMemo, useState } from 'react';
import type { Operation } from '../../shared/model/operation.ts';
import { cancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { reportFailure } from '../feed/messages.ts';
import { Button } from '../design/Button.tsx';
import { isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { HostText } from '../design/HostText.tsx';
import { useClient } from '../ipc/client-context.ts';
import { showDialog, useStore } from '../store/store.ts';
import { undoRequest } from '../../shared/rules/snapshots/undo.ts';
import { Card } from './Card.tsx';
import { Interruption } from './Interruption.tsx';
import { OperationSteps } from './OperationSteps.tsx';
import { operationAppearance, progressOf } from './operation-words.ts';

/** One operation: how far it is, and opened, its steps with what they printed. */
export function OperationCard({
  operation,
  isOneOfMany = false,
}: {
  readonly operation: Operation;
  /** Of a batch, which says when it is through: it is opened only where somebody has to look at it. */
  readonly isOneOfMany?: boolean;
}) {
  const { plan, state, error } = operation;
  const underWay = isUnderWay(operation);
  const needsAttention = state === 'failed' || isInterrupted(operation);
  const appearance = operationAppearance(state);
  return (
    <Card
      title={plan.title}
      where={
        <>
          <HostText text={plan.vmName} /> on <HostText text={plan.hostName} />
        </>
      }
      whereTitle={`${plan.vmName} on ${plan.hostName}`}
      appearance={appearance}
      progress={{ ...progressOf(operation), label: 'Steps done' }}
      life={operation}
      isOpenAtFirst={needsAttention || (underWay && !isOneOfMany)}
      actions={
        <>
          {underWay && <Cancel operation={operation} />}
          {operation.endedAt !== null && <Undo operation={operation} />}
        </>
      }
      announcement={underWay || isOneOfMany ? '' : `${plan.title}: ${appearance.word}`}
    >
      {error && <ErrorCallout error={error} live={false} />}
      {state === 'interrupted' && <Interruption operation={operation} />}
      <OperationSteps operation={operation} />
    </Card>
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
