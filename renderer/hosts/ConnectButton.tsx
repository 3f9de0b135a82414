import { Plug, Unplug } from 'lucide-react';
import { reportFailure } from '../feed/messages.ts';
import { Button } from '../design/Button.tsx';
import { useClient } from '../ipc/client-context.ts';
import { useStore } from '../store/store.ts';

/** Connects, tries again, stops trying, or disconnects: what there is to do about the session now. */
export function ConnectButton({ hostId, primary = false }: { readonly hostId: string; readonly primary?: boolean }) {
  const client = useClient();
  const session = useStore((state) => state.hosts[hostId]?.session);
  if (!session) return null;
  const tone = primary ? 'primary' : 'normal';
  switch (session.state) {
    case 'connected':
    case 'connecting':
      return (
        <Button
          onPress={() => {
            client.request('hosts.disconnect', { hostId }).catch((error: unknown) => {
              reportFailure('Not disconnected', error);
            });
          }}
        >
          <Unplug size={15} aria-hidden />
          {session.state === 'connected' ? 'Disconnect' : 'Stop connecting'}
        </Button>
      );
    case 'disconnected':
    case 'failed':
      return (
        <Button
          tone={tone}
          onPress={() => {
            // Why it failed is shown with the host: the session's state says it.
            client.request('hosts.connect', { hostId }).catch(() => undefined);
          }}
        >
          <Plug size={15} aria-hidden />
          {session.state === 'failed' ? 'Retry' : 'Connect'}
        </Button>
      );
  }
}
