/** Makes the transport that a host's settings ask for. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { Host } from '../../shared/model/host.ts';
import type { KnownHosts } from './known-hosts.ts';
import { createLocalTransport } from './local-transport.ts';
import type { Questions } from './questions.ts';
import { connectSsh } from './ssh-connect.ts';
import type { Secrets } from './ssh-target.ts';
import type { Transport } from './transport.ts';

export interface ConnectOptions {
  readonly host: Host;
  readonly secrets: Secrets;
  /** False: fail rather than ask the user. */
  readonly mayAsk: boolean;
  readonly signal: AbortSignal;
}

/** Throws what `connectSsh` throws. */
export type Connect = (options: ConnectOptions) => Promise<Transport>;

export function createConnect(parts: {
  readonly questions: Questions;
  readonly knownHosts: KnownHosts;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Connect {
  return async ({ host, secrets, mayAsk, signal }) => {
    const { connection } = host;
    if (connection.transport === 'local') return createLocalTransport(host.name);
    if (connection.transport !== 'ssh') {
      throw new SnaptreeError('internalError', `Connecting by ${connection.transport} is not built yet.`);
    }
    const { address, port, user, authentication } = connection;
    const ask = mayAsk ? parts.questions.ask.bind(parts.questions) : null;
    const { knownHosts, environment } = parts;
    const names = { hostId: host.id, hostName: host.name, address, port, user };
    return connectSsh({ ...names, authentication, secrets, knownHosts, ask, environment }, signal);
  };
}
