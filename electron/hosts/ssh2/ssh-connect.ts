/** Makes an SSH connection: host key, authentication, time limits, and every failure as a catalogue error. */
import ssh2 from 'ssh2';
import type { ClientChannel } from 'ssh2';
import { SnaptreeError } from '../../../shared/errors.ts';
import { joinSignals, whenAborted } from '../../base/abort.ts';
import { fingerprint, keyTypeOf } from '../known-hosts/known-hosts-match.ts';
import { offeredAlgorithms } from './algorithms.ts';
import { checkHostKey } from './check-host-key.ts';
import { prepareAuthentication } from './ssh-authentication.ts';
import {
  attemptCancelled,
  authenticationFailed,
  closedEarly,
  connectError,
  jumpLost,
  noAnswer,
  tunnelRefused,
} from './ssh-errors.ts';
import type { SshTarget } from '../ssh-target.ts';
import { createSshTransport } from './ssh-transport.ts';
import { WeakSignature } from './weak-signature.ts';
import type { Transport } from '../commands/transport.ts';

/** For TCP and handshake together, and again after each answer of the user. */
const stepTimeoutMs = 20_000;
/** So long a closed connection has to say goodbye. */
const goodbyeMs = 2000;

/** A connection that stands, with nothing listening to it yet. */
type Connected = ssh2.Client;

/** The servers on the way and the host itself, each with its own name for messages and its own secrets. */
function targetsOnTheWay(target: SshTarget): SshTarget[] {
  const jumps = (target.jumps ?? []).map((endpoint, index): SshTarget => {
    target.secrets.jumps ??= [];
    target.secrets.jumps[index] ??= { password: null, passphrase: null };
    const hostName = `${target.hostName} (jump host ${endpoint.address})`;
    return { ...target, ...endpoint, hostName, secrets: target.secrets.jumps[index], jumps: [] };
  });
  return [...jumps, target];
}

/**
 * Connects and logs in, through the jump hosts where there are any: each with its own host key check (under its own
 * address and port), its own login and its own questions. Throws `hostUnreachable`, `hostKeyChanged`, `hostKeyRejected`,
 * `authenticationFailed`, `keyFileUnusable`, `agentUnavailable`, `storeUnusable`, and `cancelled` when `signal` aborts or
 * the user declines to give a secret; its message names the jump host where it is one that failed. The time that a
 * question is open does not count against the host's time.
 */
export async function connectSsh(target: SshTarget, signal: AbortSignal): Promise<Transport> {
  // Ends whatever is being asked when the attempt is over, however it ended.
  const attempt = new AbortController();
  const attemptSignal = joinSignals([signal, attempt.signal]);
  const way: { server: SshTarget; client: Connected }[] = [];
  /** What became of a jump host while the hosts behind it were connected. */
  const lost: { error: SnaptreeError | null } = { error: null };
  try {
    for (const server of targetsOnTheWay(target)) {
      const last = way.at(-1);
      const socket = last === undefined ? null : await openTunnel(last.client, last.server, server, signal);
      const client = await attemptSsh(server, socket, signal, attemptSignal);
      way.push({ server, client });
      const noteLoss = (reason: string) => {
        lost.error ??= jumpLost(server, reason);
      };
      client.on('error', (error) => {
        noteLoss(error.message);
      });
      client.on('close', () => {
        noteLoss('it closed the connection');
      });
    }
    const client = way.pop()?.client;
    if (client === undefined) throw new Error('There is no host to connect to.');
    client.removeAllListeners();
    const transport = createSshTransport(target.hostName, client);
    closeTogether(transport, client, way);
    return transport;
  } catch (error) {
    for (const { client } of way.reverse()) discard(client);
    throw signal.aborted ? attemptCancelled(target) : (lost.error ?? asError(error));
  } finally {
    attempt.abort();
  }
}

/** ssh2 may still report how its socket ended. */
function discard(client: Connected): void {
  client.removeAllListeners();
  client.on('error', () => undefined);
  client.destroy();
}

/** The connection ends with any of the jump hosts, and they end with it. */
function closeTogether(
  transport: Transport,
  client: Connected,
  jumps: readonly { readonly server: SshTarget; readonly client: Connected }[],
): void {
  for (const jump of jumps) {
    jump.client.removeAllListeners();
    const end = (why: string) => {
      if (!transport.isOpen) return;
      // The transport learns of it as of a failure of its own connection.
      client.emit('error', new Error(`the jump host ${jump.server.address} ${why}`));
    };
    jump.client.on('error', (error) => {
      end(error.level === 'client-timeout' ? 'no longer answers' : `failed: ${error.message}`);
    });
    jump.client.on('close', () => {
      end('closed the connection');
    });
  }
  transport.onClose(() => {
    const all = [client, ...jumps.map((jump) => jump.client).reverse()];
    for (const each of all.slice(1)) each.end();
    // A connection that is dead, as after sleep, never says that it ended.
    setTimeout(() => {
      for (const each of all) each.destroy();
    }, goodbyeMs).unref();
  });
}

/** A connection from `from` to the next server, as a stream. Throws `hostUnreachable`. */
function openTunnel(client: Connected, from: SshTarget, to: SshTarget, signal: AbortSignal): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      stopListening();
    };
    const fail = (error: SnaptreeError) => {
      settle();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(noAnswer(to, stepTimeoutMs));
    }, stepTimeoutMs);
    client.once('close', () => {
      fail(jumpLost(from, 'it closed the connection'));
    });
    client.forwardOut('127.0.0.1', 0, to.address, to.port, (error, channel) => {
      if (error === undefined) {
        settle();
        resolve(channel);
      } else {
        fail(tunnelRefused(to, `the jump host ${from.address}`, error));
      }
    });
    const stopListening = whenAborted(signal, () => {
      fail(attemptCancelled(to));
    });
  });
}

/**
 * @param socket the way to the server through a jump host; null where it is reached directly
 * @param signal the user's wish to give up
 * @param attempt ends what is being asked: with `signal`, and when the attempt is over
 */
async function attemptSsh(
  target: SshTarget,
  socket: ClientChannel | null,
  signal: AbortSignal,
  attempt: AbortSignal,
): Promise<Connected> {
  let asking = 0;
  let timer: NodeJS.Timeout | undefined;
  let rejectAttempt: (error: SnaptreeError) => void = () => undefined;
  const asked: SshTarget = { ...target, ask: target.ask === null ? null : askPaused };
  const authenticator = await prepareAuthentication(asked, attempt, (error) => {
    rejectAttempt(asError(error));
  });
  const known = await target.knownHosts.read(target.address, target.port);
  if (signal.aborted) throw attemptCancelled(target);

  const client = new ssh2.Client();
  const startTimer = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      rejectAttempt(noAnswer(target, stepTimeoutMs));
    }, stepTimeoutMs);
  };
  async function askPaused(question: Parameters<NonNullable<SshTarget['ask']>>[0]) {
    if (target.ask === null) throw attemptCancelled(target);
    clearTimeout(timer);
    asking += 1;
    try {
      return await target.ask(question, attempt);
    } finally {
      asking -= 1;
      if (!attempt.aborted) startTimer();
    }
  }
  let accepted: Buffer | null = null;
  // ssh2 throws where it is answered when its connection is gone, which it may be as soon as somebody is asked.
  let isGone = false;
  const verifyHostKey = (key: Buffer, answer: (valid: boolean) => void): void => {
    const verify = (valid: boolean) => {
      if (!isGone) answer(valid);
    };
    // Called at every key exchange: later ones must show the key that was checked.
    if (accepted !== null) {
      verify(accepted.equals(key));
      return;
    }
    const copy = Buffer.from(key);
    checkHostKey(asked, known, copy, attempt).then(
      () => {
        accepted = copy;
        const shown = `${keyTypeOf(copy) ?? 'unknown type'} ${fingerprint(copy)}`;
        target.onProgress?.({
          stage: 'hostKey',
          message: `${target.hostName} showed a key that is trusted: ${shown}.`,
        });
        verify(true);
      },
      (error: unknown) => {
        rejectAttempt(asError(error));
        verify(false);
      },
    );
  };

  let stopListening: () => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      rejectAttempt = reject;
      stopListening = whenAborted(signal, () => {
        rejectAttempt(attemptCancelled(target));
      });
      client.on('ready', resolve);
      client.on('error', (error) => {
        if (error instanceof WeakSignature) return;
        reject(connectError(target, error, asking > 0, authenticator.tried()));
      });
      client.on('close', () => {
        isGone = true;
        reject(closedEarly(target, 'it closed the connection', asking > 0));
      });
      client.on('change password', () => {
        const advice = 'Log in with ssh in a terminal, set a new one and connect again.';
        reject(authenticationFailed(target, 'the password has expired', advice, authenticator.tried()));
      });
      startTimer();
      client.connect({
        ...(socket === null ? { host: target.address, port: target.port } : { sock: socket }),
        username: target.user,
        algorithms: offeredAlgorithms(known),
        hostVerifier: verifyHostKey,
        authHandler: (offered: readonly string[] | null, partial: boolean | null, next) => {
          authenticator
            .next(offered, partial === true)
            .then((method) => {
              if (!isGone) next(method);
            })
            .catch((error: unknown) => {
              reject(asError(error));
            });
        },
        // The time limit is ours: ssh2's would run on while the user is asked.
        readyTimeout: 0,
        keepaliveInterval: 15_000,
        keepaliveCountMax: 3,
      });
    });
    client.setNoDelay(true);
    client.removeAllListeners();
    target.onProgress?.({ stage: 'authentication', message: `${target.hostName} let ${target.user} in.` });
    return client;
  } catch (error) {
    isGone = true;
    discard(client);
    socket?.destroy();
    throw asError(error);
  } finally {
    clearTimeout(timer);
    stopListening();
    rejectAttempt = () => undefined;
  }
}

function asError(error: unknown): SnaptreeError {
  if (error instanceof SnaptreeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SnaptreeError('internalError', `Connecting failed in a way that Snaptree does not know: ${message}.`, {
    cause: error,
  });
}
