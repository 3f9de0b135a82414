/** What can go wrong while an SSH connection is made, in sentences. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Authentication } from '../../../shared/model/host.ts';
import type { KnownHostLine } from '../known-hosts/known-hosts-match.ts';
import { fingerprint, keyTypeOf } from '../known-hosts/known-hosts-match.ts';
import type { SshTarget } from '../ssh-target.ts';

type Named = Pick<SshTarget, 'hostName' | 'address' | 'port' | 'user'>;

function place({ address, port }: Named): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** What was tried when logging in. */
export interface Tried {
  readonly method: Authentication['method'];
  /** The methods that the host would take; null where it was not asked. */
  readonly offered: readonly string[] | null;
  readonly keysOffered: number;
  /** How many keys there are to offer. */
  readonly keys: number;
}

function describeTried({ method, offered, keysOffered, keys }: Tried): { offered: string; tried: string } {
  const ofAgent = `${keysOffered} of the ${keys === 1 ? '1 key' : `${keys} keys`} in the agent`;
  const ways = { agent: ofAgent, keyFile: 'the key file', password: 'what was typed' };
  const list = offered === null ? '(not told)' : offered.length === 0 ? '(nothing)' : offered.join(', ');
  return { offered: list, tried: ways[method] };
}

export function authenticationFailed(target: Named, reason: string, advice: string, tried?: Tried): SnaptreeError {
  const about = tried === undefined ? null : describeTried(tried);
  const ways = about === null ? '' : ` It takes: ${about.offered}.`;
  return new SnaptreeError(
    'authenticationFailed',
    `${target.hostName} did not let ${target.user} in: ${reason}.${ways} Nothing was done there.`,
    { data: { user: target.user, address: place(target), reason, ...about }, untold: ['address', 'tried'], advice },
  );
}

export function keyFileUnusable(target: Named, path: string, reason: string): SnaptreeError {
  const advice = "Choose another file in the host's settings, or correct this one.";
  return new SnaptreeError(
    'keyFileUnusable',
    `The key file ${path} for ${target.hostName} cannot be used: ${reason}. No connection was made.`,
    { data: { path, reason }, advice },
  );
}

export function agentUnavailable(target: Named, reason: string, advice: string): SnaptreeError {
  return new SnaptreeError(
    'agentUnavailable',
    `The SSH agent cannot be used for ${target.hostName}: ${reason}. No connection was made.`,
    { data: { reason }, advice },
  );
}

export function attemptCancelled(target: Named): SnaptreeError {
  return new SnaptreeError('cancelled', `The connection attempt to ${target.hostName} was given up.`);
}

function hostUnreachable(target: Named, reason: string, advice: string): SnaptreeError {
  return new SnaptreeError('hostUnreachable', `${target.hostName} cannot be reached at ${place(target)}: ${reason}.`, {
    data: { address: place(target), reason },
    advice,
    retryable: true,
  });
}

/** @param where the line or the file that says so */
export function hostKeyRevoked(target: Named, key: Buffer, where: string): SnaptreeError {
  const offered = `${keyTypeOf(key) ?? 'unknown type'} ${fingerprint(key)}`;
  const advice = "Ask the host's administrator for its new key.";
  return new SnaptreeError(
    'hostKeyChanged',
    `${target.hostName} (${place(target)}) showed a host key that is marked as revoked (${offered}, ${where}). The connection was refused and no password was sent.`,
    { data: { offered, known: `${offered} (revoked)`, where }, advice },
  );
}

export function hostKeyChanged(target: Named, key: Buffer, lines: readonly KnownHostLine[]): SnaptreeError {
  const offered = `${keyTypeOf(key) ?? 'unknown type'} ${fingerprint(key)}`;
  const known = lines.map((line) => `${line.keyType} ${fingerprint(line.key)}`).join(', ');
  const where = lines.map((line) => `${line.file}:${line.line}`).join(', ');
  const advice = "Ask the host's administrator; if the new key is right, remove that line and connect again.";
  return new SnaptreeError(
    'hostKeyChanged',
    `The host key of ${target.hostName} (${place(target)}) is not the known one. Known: ${known} (${where}). Shown now: ${offered}. Either the host was installed anew, or somebody is in between. The connection was refused and no password was sent.`,
    { data: { offered, known, where }, advice },
  );
}

export function hostKeyRejected(target: Named, key: Buffer, reason: string, advice: string): SnaptreeError {
  const offered = `${keyTypeOf(key) ?? 'unknown type'} ${fingerprint(key)}`;
  return new SnaptreeError(
    'hostKeyRejected',
    `The host key of ${target.hostName} (${place(target)}) ${reason} (${offered}). No connection was made and nothing was stored.`,
    { data: { offered }, advice },
  );
}

const checkAddress = 'Check address and port in the settings, and whether the host runs and the network leads there.';

const socketReasons: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'Check the port, and whether the SSH server runs.'],
  ENOTFOUND: ['the name is not known', 'Check the address for a typing error, and the name service.'],
  EAI_AGAIN: ['the name service does not answer', 'Check the network and try again.'],
  ETIMEDOUT: ['it does not answer', checkAddress],
  EHOSTUNREACH: ['no route leads there', checkAddress],
  ENETUNREACH: ['the network is not reachable', checkAddress],
  EHOSTDOWN: ['the host is down', checkAddress],
  ECONNRESET: [
    'it closed the connection',
    'It may refuse this computer or be overloaded; see the log of its SSH server.',
  ],
  EPIPE: ['it closed the connection', 'It may refuse this computer or be overloaded; see the log of its SSH server.'],
};

/** The error for what ssh2 said before the connection stood. `waiting`: a question to the user was open. */
export function connectError(
  target: Named,
  error: Error & { level?: string },
  waiting: boolean,
  tried: Tried,
): SnaptreeError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  const known = code !== null && Object.hasOwn(socketReasons, code) ? socketReasons[code] : undefined;
  if (known !== undefined) return hostUnreachable(target, ...known);
  if (/too many authentication failures/i.test(error.message)) {
    const { method, keysOffered, keys } = tried;
    return method === 'agent'
      ? authenticationFailed(
          target,
          `it ended the connection after ${keysOffered} of the ${keys} keys in your agent (too many authentication failures)`,
          'Choose the right key as a key file in the settings (the same as IdentitiesOnly in ~/.ssh/config), keep fewer keys in the agent (ssh-add -l, ssh-add -d), or raise MaxAuthTries on the host.',
          tried,
        )
      : authenticationFailed(
          target,
          'it ended the connection after too many authentication failures',
          'Check user name, key and password; its administrator can raise MaxAuthTries.',
          tried,
        );
  }
  if (error.level === 'agent') {
    return agentUnavailable(
      target,
      `it would not sign (${error.message})`,
      'It may want your consent, or its key was taken out meanwhile.',
    );
  }
  const [, what = ''] = (error.level === 'handshake' ? /no matching (.{1,40})/i.exec(error.message) : null) ?? [];
  if (what !== '') return nothingInCommon(target, what);
  return closedEarly(target, error.message, waiting);
}

/** What ssh2 found no common algorithm for, in our words, and the keyword of ssh_config(5) that widens it for one host. */
const algorithmKinds: readonly (readonly [pattern: RegExp, what: string, keyword: string, example: string])[] = [
  [/host key/i, 'way to prove who it is', 'HostKeyAlgorithms', '+ssh-rsa'],
  [/key exchange/i, 'way to exchange keys', 'KexAlgorithms', '+diffie-hellman-group14-sha1'],
  [/cipher/i, 'encryption', 'Ciphers', '+aes256-cbc'],
  [/MAC/i, 'protection against changes on the way', 'MACs', '+hmac-sha1'],
];

/** The host has only algorithms that Snaptree's own SSH does not offer: those with SHA-1, and others that are weak. */
function nothingInCommon(target: Named, said: string): SnaptreeError {
  const [, what = 'encryption', keyword = 'HostKeyAlgorithms', example = '+ssh-rsa'] =
    algorithmKinds.find(([pattern]) => pattern.test(said)) ?? [];
  return hostUnreachable(
    target,
    `it has no ${what} that Snaptree's own SSH accepts (no matching ${said}), such as a host whose SSH server is many years old and only has what counts as broken today (SHA-1)`,
    `Update its SSH server. Until then, choose the system's OpenSSH in the settings, and allow the old algorithm for this host alone in ~/.ssh/config: under “Host ${target.address}”, “${keyword} ${example}”.`,
  );
}

/** The host takes the key, but only with a signature that is not safe. */
export function signatureTooWeak(target: Named, tried: Tried): SnaptreeError {
  return authenticationFailed(
    target,
    'it takes this RSA key only with a signature made with SHA-1, which is not safe any more and was not given',
    `Use a key of type ed25519 (ssh-keygen -t ed25519) or update its SSH server. Until then, choose the system's OpenSSH in the settings, with “PubkeyAcceptedAlgorithms +ssh-rsa” for this host alone in ~/.ssh/config.`,
    tried,
  );
}

/** The connection ended before it stood. */
export function closedEarly(target: Named, reason: string, waiting: boolean): SnaptreeError {
  return waiting
    ? hostUnreachable(
        target,
        `it closed the connection while Snaptree waited for your answer (${reason})`,
        'Connect again and answer within its time limit (two minutes by default).',
      )
    : hostUnreachable(target, reason, 'See whether an SSH server listens there, and its log.');
}

/** @param from the jump host, as its messages name it */
export function tunnelRefused(target: Named, from: string, error: Error): SnaptreeError {
  const number = 'reason' in error && typeof error.reason === 'number' ? error.reason : null;
  // RFC 4254, 5.1: 1 is "administratively prohibited".
  return number === 1
    ? hostUnreachable(
        target,
        `${from} does not let connections through (${error.message})`,
        'Allow it there (AllowTcpForwarding and PermitOpen in its sshd_config), or go through another host.',
      )
    : hostUnreachable(
        target,
        `${from} cannot reach it (${error.message})`,
        'Check address and port as that host sees them, and whether the host runs.',
      );
}

/** A jump host was lost while a host behind it was being connected. */
export function jumpLost(target: Named, reason: string): SnaptreeError {
  return hostUnreachable(target, `its connection ended (${reason})`, 'Connect again.');
}

export function noAnswer(target: Named, milliseconds: number): SnaptreeError {
  return hostUnreachable(target, `it did not answer within ${milliseconds / 1000} seconds`, checkAddress);
}
