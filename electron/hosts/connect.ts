/** Makes the transport that a host's settings ask for. */
import { assertNever } from '../../shared/assert-never.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import { unknownWay } from '../../shared/model/host.ts';
import type { Connection, Host } from '../../shared/model/host.ts';
import type { KnownHosts } from './known-hosts/known-hosts.ts';
import { createLocalTransport } from './commands/local-transport.ts';
import { connectOpenssh } from './openssh/connect-openssh.ts';
import type { Questions } from './questions.ts';
import { connectSsh } from './ssh2/ssh-connect.ts';
import type { ConnectProgress, Secrets } from './ssh-target.ts';
import type { Transport } from './commands/transport.ts';

export interface ConnectOptions {
  readonly host: Host;
  readonly secrets: Secrets;
  /** False: fail rather than ask the user. */
  readonly mayAsk: boolean;
  readonly signal: AbortSignal;
  /** Told what was reached, where connecting takes more than one step. */
  readonly onProgress?: (progress: ConnectProgress) => void;
}

type SimulatedMachine = Extract<Connection, { transport: 'demo' }>['machine'];

/** Connects to a simulated host. Throws `cancelled` when `signal` aborts, and `hostUnreachable`. */
export type ConnectSimulated = (machine: SimulatedMachine, hostName: string, signal: AbortSignal) => Promise<Transport>;

/** Throws what `connectSsh` and `connectOpenssh` throw. */
export type Connect = (options: ConnectOptions) => Promise<Transport>;

export function createConnect(parts: {
  readonly questions: Questions;
  readonly knownHosts: KnownHosts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For the system's OpenSSH, instead of the user's and the system's configuration. */
  readonly sshConfigFile?: string;
  /** Where there are simulated hosts: without it they cannot be reached. */
  readonly connectSimulated?: ConnectSimulated;
}): Connect {
  return async ({ host, secrets, mayAsk, signal, onProgress }) => {
    const { connection } = host;
    const ask = mayAsk ? parts.questions.ask.bind(parts.questions) : null;
    const { knownHosts, environment } = parts;
    const progress = onProgress === undefined ? {} : { onProgress };
    switch (connection.transport) {
      case 'local':
        return createLocalTransport(host.name);
      case 'ssh': {
        const { address, port, user, authentication, jumps } = connection;
        const names = { hostId: host.id, hostName: host.name, address, port, user };
        const target = { ...names, authentication, jumps, secrets, knownHosts, ask, environment, ...progress };
        return connectSsh(target, signal);
      }
      case 'openssh': {
        const { destination, port, user } = connection;
        const about = { hostId: host.id, hostName: host.name, destination, port, user, knownHosts, ask, environment };
        return connectOpenssh({ ...about, configFile: parts.sshConfigFile ?? null, ...progress }, signal);
      }
      case 'demo':
        if (parts.connectSimulated === undefined) {
          throw new SnaptreeError(
            'hostUnreachable',
            `${host.name} is a simulated host, and there are none here. Remove it from the host book.`,
          );
        }
        return parts.connectSimulated(connection.machine, host.name, signal);
      case 'unknown': {
        const way = unknownWay(connection.written) ?? '';
        throw new SnaptreeError(
          'connectionUnknown',
          `${host.name} is entered as reached by “${way}”, which this Snaptree does not know. Nothing was connected to, and the host stays in the host book as it was written. Start the Snaptree that wrote it, or a newer one.`,
          { data: { way } },
        );
      }
      default:
        return assertNever(connection);
    }
  };
}
