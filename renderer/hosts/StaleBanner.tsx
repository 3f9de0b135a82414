import { memo } from 'react';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { titleFor } from '../design/error-words.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatAge, formatTime } from '../design/format.ts';
import { useNow } from '../design/use-now.ts';
import { refreshHost } from '../feed/feed.ts';
import { useClient } from '../ipc/client-context.ts';
import { useStore } from '../store/store.ts';
import { ConnectButton } from './ConnectButton.tsx';
import styles from './StaleBanner.module.css';

const css = classes(styles);

/**
 * Says that what is shown is not what is: the host is not connected, or could not be read the last time. With
 * `connects`, it offers to connect; the host's own page has a button for that.
 */
export const StaleBanner = memo(function StaleBanner({
  hostId,
  connects,
}: {
  readonly hostId: string;
  readonly connects: boolean;
}) {
  const client = useClient();
  const now = useNow();
  const session = useStore((state) => state.hosts[hostId]?.session);
  const error = useStore((state) => state.inventories[hostId]?.error ?? null);
  // What is as it should be has no age to show: a reading without an error draws nothing anew.
  const readAt = useStore((state) => {
    const inventory = state.inventories[hostId];
    const isFine = state.hosts[hostId]?.session.state === 'connected' && !inventory?.error;
    return isFine ? undefined : inventory?.inventory?.readAt;
  });
  if (!session || readAt === undefined) return null;
  const lastKnown = `What is shown was read at ${formatTime(readAt)} (${formatAge(readAt, now)}) and may have changed.`;
  if (session.state !== 'connected') {
    return (
      <div className={css('banner')}>
        <Callout
          tone="warning"
          title={session.state === 'connecting' ? 'Connecting to the host' : 'The host is not connected'}
          actions={connects && <ConnectButton hostId={hostId} />}
        >
          {session.state === 'failed' && `${titleFor(session.error.code)}. `}
          {lastKnown}
        </Callout>
      </div>
    );
  }
  if (!error) return null;
  return (
    <div className={css('banner')}>
      <ErrorCallout
        error={error}
        actions={
          <Button
            onPress={() => {
              refreshHost(client, hostId);
            }}
          >
            Retry
          </Button>
        }
      />
      <p className={css('note')}>{lastKnown}</p>
    </div>
  );
});
