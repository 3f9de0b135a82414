import { FileWarning } from 'lucide-react';
import { useId } from 'react';
import type { UnreadableOperation } from '../../shared/model/operation.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';
import styles from './OperationCard.module.css';

const css = classes(styles);

const stateWords: Readonly<Record<UnreadableOperation['state'], string>> = {
  open: 'journal cannot be used',
  forgotten: 'forgotten',
  ended: 'ended',
};

/** An operation whose journal cannot be used: what is known of it, and the way to unlock its VM. */
export function UnreadableCard({ operation }: { readonly operation: UnreadableOperation }) {
  const resolving = useRequest('operations.resolve');
  const titleId = useId();
  const { id, hostName, vmName, title, startedAt, state, message } = operation;
  return (
    <article className={css('card')} aria-labelledby={titleId}>
      <header className={css('header')}>
        <span id={titleId} className={css('title')}>
          <HostText text={title ?? `Operation ${id}`} />
        </span>
        <span className={css('where')}>
          <HostText text={vmName ?? 'a VM that is not known'} /> on{' '}
          <HostText text={hostName ?? 'a host that is not known'} />
        </span>
        <Chip tone={state === 'open' ? 'warning' : 'neutral'} icon={<FileWarning size={11} aria-hidden />}>
          {stateWords[state]}
        </Chip>
        {startedAt !== null && <span className={css('elapsed')}>{formatTime(startedAt)}</span>}
        {state === 'open' && (
          <Button
            size="small"
            label="Forget"
            tooltip="Unlocks its VM. Nothing is run or taken back."
            disabledReason={resolving.pending ? 'This is under way.' : null}
            onPress={() => {
              void resolving.send({ operationId: id, choice: 'forget' });
            }}
          >
            Forget
          </Button>
        )}
      </header>
      <div className={css('body')}>
        <p>
          <HostText text={message} />
        </p>
        {resolving.error && <ErrorCallout error={resolving.error} />}
      </div>
    </article>
  );
}
