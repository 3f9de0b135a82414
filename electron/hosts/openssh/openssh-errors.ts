/** What OpenSSH says when it cannot connect, as errors of the catalogue. */
import { SnaptreeError } from '../../../shared/errors.ts';

/** The host as messages name it. */
export interface Named {
  readonly hostName: string;
  readonly destination: string;
  /** What the configuration makes of it. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
}

function placeOf({ address, port }: Named): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** `ssh` in the words that a user would type to see for himself. */
function inTerminal({ destination }: Named): string {
  return `“ssh ${destination}” in a terminal shows more.`;
}

export function unreachable(named: Named, reason: string, advice: string, retryable = true): SnaptreeError {
  return new SnaptreeError(
    'hostUnreachable',
    `${named.hostName} cannot be reached at ${placeOf(named)} with OpenSSH: ${reason}.`,
    { data: { address: placeOf(named), reason }, advice, retryable },
  );
}

export function sshMissing(hostName: string): SnaptreeError {
  const advice =
    "Install it (Debian and Ubuntu: openssh-client; Fedora: openssh-clients), or choose Snaptree's own SSH in the host's settings.";
  return new SnaptreeError(
    'commandNotFound',
    `${hostName} is to be reached with the system's OpenSSH, and there is no “ssh” command on this computer. No connection was made.`,
    { data: { reason: 'there is no ssh command' }, advice },
  );
}

export function notOnWindows(hostName: string): SnaptreeError {
  const advice = "Choose Snaptree's own SSH in the host's settings.";
  return new SnaptreeError(
    'hostUnreachable',
    `${hostName} is to be reached with the system's OpenSSH. On Windows that cannot share one connection between commands (it has no ControlMaster), so Snaptree does not use it there. No connection was made.`,
    { data: { reason: 'no ControlMaster on Windows' }, advice },
  );
}

export function configurationRefused(hostName: string, destination: string, reason: string): SnaptreeError {
  const advice = 'Correct the configuration (~/.ssh/config) or the destination in the settings of the host.';
  return new SnaptreeError(
    'hostUnreachable',
    `OpenSSH cannot tell how to reach ${hostName} (${destination}): ${reason}. No connection was made.`,
    { data: { reason }, advice },
  );
}

export function attemptGivenUp(hostName: string): SnaptreeError {
  return new SnaptreeError('cancelled', `The connection attempt to ${hostName} was given up.`);
}

export function keyChanged(
  named: Named,
  about: { place: string; offered: string; where: string; revoked: boolean },
): SnaptreeError {
  const { place, offered, where, revoked } = about;
  const advice = revoked
    ? "Ask the host's administrator for its new key."
    : "Ask the host's administrator; if the new key is right, remove that line and connect again.";
  const what = revoked
    ? `${named.hostName} (${place}) showed a host key that is marked as revoked (${offered}).`
    : `The host key of ${named.hostName} (${place}) is not the known one (${where}). Shown now: ${offered}. Either the host was installed anew, or somebody is in between.`;
  return new SnaptreeError('hostKeyChanged', `${what} OpenSSH refused the connection and no password was sent.`, {
    data: { offered, where },
    advice,
  });
}

export function keyRejected(named: Named, place: string, offered: string, reason: string): SnaptreeError {
  const advice = 'Connect by hand, compare the key with what the administrator of the host says, and accept it.';
  return new SnaptreeError(
    'hostKeyRejected',
    `The host key of ${named.hostName} (${place}) ${reason}${offered === '' ? '' : ` (${offered})`}. No connection was made and nothing was stored.`,
    { data: { offered }, advice },
  );
}

function refused(named: Named, who: string, reason: string, advice: string): SnaptreeError {
  return new SnaptreeError(
    'authenticationFailed',
    `${named.hostName} did not let ${who} in: ${reason}. Nothing was done there.`,
    {
      data: { user: named.user, address: placeOf(named), reason },
      untold: ['address'],
      advice: `${advice} ${inTerminal(named)}`,
    },
  );
}

const socketAdvice: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/refused/i, 'Check the port, and whether the SSH server runs.'],
  [/timed out/i, 'Check address and port, and whether the host runs and the network leads there.'],
  [/no route|unreachable|down/i, 'Check the network, and whether the host runs.'],
];

interface Rule {
  readonly pattern: RegExp;
  readonly make: (named: Named, match: RegExpExecArray, text: string) => SnaptreeError;
}

/** The first match of `pattern` in what was said, or what stands for it. */
function find(text: string, pattern: RegExp, otherwise = ''): string {
  return pattern.exec(text)?.slice(1).join(' ') ?? otherwise;
}

function changedKey(named: Named, text: string, revoked: boolean): SnaptreeError {
  const place = find(
    text,
    revoked ? /^The \S+ host key for (\S+) is marked as revoked/m : /^Host key for (\S+) has changed/m,
    placeOf(named),
  );
  const type = find(text, revoked ? /^The (\S+) host key for/m : /^The fingerprint for the (\S+) key/m, 'unknown type');
  // With DEBUG1 OpenSSH says the fingerprint in every case, before it judges.
  const fingerprint = find(text, /Server host key: \S+ (SHA256:\S+)/, find(text, /^(SHA256:[^\s.]+)\.?$/m));
  const where = find(text, /^Offending \S+ key in (.+)$/m, 'see known_hosts');
  return keyChanged(named, { place, offered: `${type} ${fingerprint}`.trim(), where, revoked });
}

/** In order: what comes first says more than what follows from it. */
const rules: readonly Rule[] = [
  {
    pattern: /ssh_askpass: exec\((.*?)\): (.+)$/m,
    make: (named, [, path = '', reason = '']) =>
      refused(
        named,
        named.user,
        `OpenSSH wanted to ask something and could not run ${path} (${reason})`,
        'Start Snaptree with TMPDIR set to a folder in which programs may be run.',
      ),
  },
  {
    pattern: /^Host key (\S+) (\S+) revoked by file (.+)$/m,
    make: (named, [, type = '', fingerprint = '', where = '']) =>
      keyChanged(named, { place: placeOf(named), offered: `${type} ${fingerprint}`, where, revoked: true }),
  },
  { pattern: /REVOKED HOST KEY DETECTED/, make: (named, _match, text) => changedKey(named, text, true) },
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|^Host key for \S+ has changed and you have requested strict/m,
    make: (named, _match, text) => changedKey(named, text, false),
  },
  {
    pattern: /^No (\S+) host key is known for (\S+) and you have requested strict checking/m,
    make: (named, [, type = '', place = ''], text) =>
      keyRejected(
        named,
        place,
        `${type} ${find(text, /Server host key: \S+ (SHA256:\S+)/m)}`.trim(),
        'is not known, and nobody was asked whether it is right',
      ),
  },
  {
    pattern: /Host key verification failed/,
    make: (named, _match, text) =>
      keyRejected(
        named,
        placeOf(named),
        find(text, /Server host key: (\S+ SHA256:\S+)/m),
        'could not be verified, and nobody accepted it',
      ),
  },
  {
    pattern: /Could not resolve hostname (\S+): (.+)$/m,
    make: (named, [, name = '', reason = '']) =>
      unreachable(
        named,
        `the name ${name} is not known (${reason})`,
        'Check the address for a typing error, and the name service.',
      ),
  },
  {
    pattern: /connect to host (\S+) port (\d+): (.+)$/m,
    make: (named, [, host = '', port = '', reason = '']) =>
      unreachable(
        named,
        `nothing answers at ${host} port ${port} (${reason})`,
        socketAdvice.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Check address and port in the configuration.',
      ),
  },
  {
    pattern:
      /(Bad configuration option: .*|terminating, \d+ bad configuration options|Bad owner or permissions on .*)$/m,
    make: (named, [, reason = '']) => configurationRefused(named.hostName, named.destination, reason),
  },
  {
    pattern: /UNPROTECTED PRIVATE KEY FILE/,
    make: (named, _match, text) =>
      new SnaptreeError(
        'keyFileUnusable',
        `A key file for ${named.hostName} cannot be used: ${find(text, /^(Permissions \S+ for .* are too open)/m, 'others may read it')}. Nothing was done on the host. Let only yourself read it (chmod 600) and connect again.`,
        { data: { reason: 'others may read it' } },
      ),
  },
  {
    pattern: /Too many authentication failures/i,
    make: (named) =>
      refused(
        named,
        named.user,
        'it ended the connection after too many attempts',
        'If your agent holds many keys, name the right one in the configuration (IdentityFile and IdentitiesOnly yes).',
      ),
  },
  {
    pattern: /^(\S+): Permission denied \(([^)]*)\)\.?$/m,
    make: (named, [, who = '', methods = ''], text) => {
      // `alias@host` of a jump host that refused stands here as well.
      const signing = find(text, /(sign_and_send_pubkey: signing failed for .*|Load key ".*": .*)$/m);
      if (signing !== '') {
        return refused(
          named,
          who,
          `a key could not be used (${signing})`,
          'See that the key, or the device that holds it, is there and unlocked.',
        );
      }
      const agent = find(text, /get_agent_identities: ssh_get_authentication_socket: (.+)$/m);
      const offered = /Offering public key|Next authentication method: (?:gssapi|password|keyboard)/.test(text);
      if (agent !== '' && !offered) {
        const advice = 'Start an agent and add a key (ssh-add), or name a key file in the configuration.';
        return new SnaptreeError(
          'agentUnavailable',
          `The SSH agent cannot be used for ${named.hostName}: ${agent}; and there was no other key. The host takes: ${methods}. Nothing was done there.`,
          { data: { reason: agent }, advice },
        );
      }
      return refused(
        named,
        who,
        offered
          ? `nothing that OpenSSH offered was accepted (the host takes: ${methods})`
          : `OpenSSH had nothing to offer (the host takes: ${methods})`,
        'Check the user name, and that a key, certificate or ticket that the host accepts is there.',
      );
    },
  },
  {
    pattern: /^Unable to negotiate with .*: (no matching .*)$/m,
    make: (named, [, reason = '']) =>
      unreachable(
        named,
        `no encryption is accepted by both sides (${reason})`,
        "Update the host's SSH server, or allow the algorithm for it in the configuration.",
        false,
      ),
  },
  {
    pattern: /(too long for Unix domain socket|ControlPath too long).*$/m,
    make: (named) =>
      unreachable(
        named,
        'the path of the control socket is too long',
        'Start Snaptree with TMPDIR set to a shorter path.',
        false,
      ),
  },
  {
    pattern: /Connection timed out|Operation timed out|Timeout, server/i,
    make: (named) =>
      unreachable(
        named,
        'it did not answer in time',
        'Check address and port, and whether the host runs and the network leads there.',
      ),
  },
];

/** The last thing that was said, without what is said for debugging. */
export function lastSaid(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^debug\d: |^Authenticated to /.test(line));
  const telling = lines.findLast((line) => !line.includes('UNKNOWN port 65535')) ?? lines.at(-1);
  return telling?.trim().replace(/\.$/, '').slice(0, 500) ?? '';
}

/** The error for what OpenSSH said (at LogLevel DEBUG1) before it ended without a connection. */
export function connectFailure(named: Named, log: string): SnaptreeError {
  const text = log.replaceAll('\r', '');
  for (const { pattern, make } of rules) {
    const match = pattern.exec(text);
    if (match !== null) return make(named, match, text);
  }
  const reason = lastSaid(text);
  return unreachable(
    named,
    reason === '' ? 'OpenSSH gave no reason' : `it says “${reason}”`,
    `See the log of the SSH server there. ${inTerminal(named)}`,
  );
}

/** Why a connection that stood has ended, as a clause. */
export function lostReason(log: string): string {
  if (/Timeout, server .* not responding/.test(log)) return 'the host no longer answers';
  if (log.includes('closed by remote host')) return 'the host closed it';
  const said = lastSaid(log);
  return said === '' ? 'OpenSSH ended it without a reason' : said;
}
