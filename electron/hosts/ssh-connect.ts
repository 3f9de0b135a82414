/** Makes an SSH connection: host key, authentication, time limits, and every failure as a catalogue error. */
import ssh2 from 'ssh2';
import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';
import { SnaptreeError } from '../../shared/errors.ts';
import { fingerprint, judgeHostKey, keyTypeOf, knownKeyTypes } from './known-hosts-match.ts';
import type { KnownHostLine } from './known-hosts-match.ts';
import { prepareAuthentication } from './ssh-authentication.ts';
import {
  attemptCancelled,
  closedEarly,
  connectError,
  hostKeyChanged,
  hostKeyRejected,
  hostUnreachable,
} from './ssh-errors.ts';
import type { SshTarget } from './ssh-target.ts';
import { createSshTransport } from './ssh-transport.ts';
import type { Transport } from './transport.ts';

/** For TCP and handshake together, and again after each answer of the user. */
const stepTimeoutMs = 20_000;

const hostKeyAlgorithms: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

/**
 * What is offered to the host, best first. Key types that are known for it come first, as in OpenSSH: a host with
 * several keys then shows the one that can be checked. No chacha20 (Electron's BoringSSL has none), no large
 * Diffie-Hellman groups (20 s there).
 */
export function offeredAlgorithms(knownTypes: readonly string[]): Algorithms {
  const types = new Set([...knownTypes, ...Object.keys(hostKeyAlgorithms)]);
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group14-sha256',
    ],
    serverHostKey: [...types].flatMap((type) => hostKeyAlgorithms[type] ?? []),
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
    hmac: [
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
      'hmac-sha1',
    ],
    compress: ['none'],
  };
}

/** Returns where the key may be trusted; asks where the host is unknown. Throws `hostKeyChanged`, `hostKeyRejected`. */
async function checkHostKey(
  target: SshTarget,
  lines: readonly KnownHostLine[],
  key: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { address, port, hostId, hostName } = target;
  const verdict = judgeHostKey(lines, address, port, key);
  if (verdict.kind === 'known') return;
  if (verdict.kind !== 'unknown') throw hostKeyChanged(target, key, verdict);
  if (target.ask === null) {
    throw hostKeyRejected(target, key, 'is not known any more', 'Connect by hand and check it.');
  }
  const about = { kind: 'unknownHostKey', hostId, hostName, address, port } as const;
  const keyType = keyTypeOf(key) ?? 'unknown';
  const answer = await target.ask({ ...about, keyType, fingerprint: fingerprint(key) }, signal);
  if (answer.kind !== 'accept') {
    throw hostKeyRejected(target, key, 'was not accepted', 'Connect again to be asked again.');
  }
  await target.knownHosts.remember(address, port, key);
}

/**
 * Connects and logs in. Throws `hostUnreachable`, `hostKeyChanged`, `hostKeyRejected`, `authenticationFailed`,
 * `keyFileUnusable`, `agentUnavailable`, `storeUnusable`, and `cancelled` when `signal` aborts or the user declines
 * to give a secret. The time that a question is open does not count against the host's time.
 */
export async function connectSsh(target: SshTarget, signal: AbortSignal): Promise<Transport> {
  // Ends whatever is being asked when the attempt is over, however it ended.
  const attempt = new AbortController();
  const forward = () => {
    attempt.abort();
  };
  signal.addEventListener('abort', forward, { once: true });
  try {
    return await attemptSsh(target, signal, attempt);
  } catch (error) {
    throw signal.aborted ? attemptCancelled(target) : asError(error);
  } finally {
    signal.removeEventListener('abort', forward);
    attempt.abort();
  }
}

async function attemptSsh(target: SshTarget, signal: AbortSignal, attempt: AbortController): Promise<Transport> {
  let asking = 0;
  let timer: NodeJS.Timeout | undefined;
  let rejectAttempt: (error: SnaptreeError) => void = () => undefined;
  const asked: SshTarget = { ...target, ask: target.ask === null ? null : askPaused };
  const authenticator = await prepareAuthentication(asked, attempt.signal);
  const lines = await target.knownHosts.read();
  if (signal.aborted) throw attemptCancelled(target);

  const client = new ssh2.Client();
  const startTimer = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const advice = 'Check address and port in the settings, and whether the host runs and the network leads there.';
      rejectAttempt(hostUnreachable(target, `it did not answer within ${stepTimeoutMs / 1000} seconds`, advice));
    }, stepTimeoutMs);
  };
  async function askPaused(question: Parameters<NonNullable<SshTarget['ask']>>[0]) {
    if (target.ask === null) throw attemptCancelled(target);
    clearTimeout(timer);
    asking += 1;
    try {
      return await target.ask(question, attempt.signal);
    } finally {
      asking -= 1;
      if (!attempt.signal.aborted) startTimer();
    }
  }
  let accepted: Buffer | null = null;
  const verifyHostKey = (key: Buffer, verify: (valid: boolean) => void): void => {
    // Called at every key exchange: later ones must show the key that was checked.
    if (accepted !== null) {
      verify(accepted.equals(key));
      return;
    }
    const copy = Buffer.from(key);
    checkHostKey(asked, lines, copy, attempt.signal).then(
      () => {
        accepted = copy;
        verify(true);
      },
      (error: unknown) => {
        rejectAttempt(asError(error));
        verify(false);
      },
    );
  };

  const onAbort = () => {
    rejectAttempt(attemptCancelled(target));
  };
  try {
    await new Promise<void>((resolve, reject) => {
      rejectAttempt = reject;
      signal.addEventListener('abort', onAbort, { once: true });
      client.on('ready', resolve);
      client.on('error', (error) => {
        reject(connectError(target, error, asking > 0));
      });
      client.on('close', () => {
        reject(closedEarly(target, 'it closed the connection', asking > 0));
      });
      client.on('change password', () => {
        const reason = 'the password has expired';
        reject(
          new SnaptreeError(
            'authenticationFailed',
            `${target.hostName} did not let ${target.user} in: ${reason}. Log in with ssh in a terminal, set a new one and connect again.`,
          ),
        );
      });
      startTimer();
      client.connect({
        host: target.address,
        port: target.port,
        username: target.user,
        algorithms: offeredAlgorithms(knownKeyTypes(lines, target.address, target.port)),
        hostVerifier: verifyHostKey,
        authHandler: (offered: readonly string[] | null, partial: boolean | null, next) => {
          authenticator.next(offered, partial === true).then(next, (error: unknown) => {
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
    return createSshTransport(target.hostName, client);
  } catch (error) {
    client.removeAllListeners();
    // ssh2 may still report how its socket ended.
    client.on('error', () => undefined);
    client.destroy();
    throw asError(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
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
