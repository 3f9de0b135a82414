/** Makes the transport that a host's settings ask for. */
import { assertNever } from '../../shared/assert-never.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Host } from '../../shared/model/host.ts';
import type { KnownHosts } from './known-hosts.ts';
import { createLocalTransport } from './local-transport.ts';
import type { Questions } from './questions.ts';
import { connectSsh } from './ssh-connect.ts';
import type { ConnectProgress, Secrets } from './ssh-target.ts';
import type { Transport } from './transport.ts';

export interface ConnectOptions {
  readonly host: Host;
  readonly secrets: Secrets;
  /** False: fail rather than ask the user. */
  readonly mayAsk: boolean;
  readonly signal: AbortSignal;
  /** Told what was reached, where connecting takes more than one step. */
  readonly onProgress?: (progress: ConnectProgress) => void;
}

/** Throws what `connectSsh` throws. */
export type Connect = (options: ConnectOptions) => Promise<Transport>;

export function createConnect(parts: {
  readonly questions: Questions;
  readonly knownHosts: KnownHosts;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Connect {
  return async ({ host, secrets, mayAsk, signal, onProgress }) => {
    const { connection } = host;
    const ask = mayAsk ? parts.questions.ask.bind(parts.questions) : null;
    switch (connection.transport) {
      case 'local':
        return createLocalTransport(host.name);
      case 'ssh': {
        const { address, port, user, authentication, jumps } = connection;
        const { knownHosts, environment } = parts;
        const names = { hostId: host.id, hostName: host.name, address, port, user };
        const progress = onProgress === undefined ? {} : { onProgress };
        const target = { ...names, authentication, jumps, secrets, knownHosts, ask, environment, ...progress };
        return connectSsh(target, signal);
      }
      case 'openssh':
      case 'demo':
        throw new SnaptreeError('internalError', `Connecting by ${connection.transport} is not built yet.`);
      default:
        return assertNever(connection);
    }
  };
}
