import { unknownWay } from '../../shared/model/host.ts';
import { CircleCheck, CircleX, LoaderCircle, Unplug, type LucideIcon } from 'lucide-react';
import type { Connection, Host, SessionState } from '../../shared/model/host.ts';
import { titleFor } from '../design/error-words.ts';
import type { Tone } from '../design/Chip.tsx';

/** The state of a session: icon, word and tone. */
export function sessionAppearance(session: SessionState): { word: string; icon: LucideIcon; tone: Tone } {
  switch (session.state) {
    case 'connected':
      return { word: 'Connected', icon: CircleCheck, tone: 'success' };
    case 'connecting':
      return { word: 'Connecting…', icon: LoaderCircle, tone: 'accent' };
    case 'disconnected':
      return { word: 'Not connected', icon: Unplug, tone: 'neutral' };
    case 'failed':
      return { word: titleFor(session.error.code), icon: CircleX, tone: 'danger' };
  }
}

/** Where a host is: `root@kvm1.example:2222`, or `This computer`. */
export function hostAddress(host: Host): string {
  return connectionText(host.connection);
}

/** A way to reach a host, in one line. */
export function connectionText(connection: Connection): string {
  switch (connection.transport) {
    case 'local':
      return 'This computer';
    case 'demo':
      return 'Simulated, inside Snaptree';
    case 'unknown':
      return `${unknownWay(connection.written) ?? ''} (needs a newer Snaptree)`;
    case 'ssh':
      return [
        endpointText(connection.address, connection.port, connection.user),
        ...connection.jumps.map(({ address, port, user }) => `via ${endpointText(address, port, user)}`),
      ].join(' ');
    case 'openssh':
      return endpointText(connection.destination, connection.port, connection.user);
  }
}

function endpointText(address: string, port: number | null, user: string | null): string {
  return `${user === null ? '' : `${user}@`}${address}${port === null || port === 22 ? '' : `:${port}`}`;
}
