/** Running everything through `sudo -n`, and what it means when sudo refuses. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Connection } from '../../../shared/model/host.ts';

export type SudoRefusal = 'password' | 'notAllowed' | 'missing' | 'terminal' | 'other';

const patterns: readonly (readonly [SudoRefusal, RegExp])[] = [
  // `exec` of a shell, whichever it is, when there is no such program.
  ['missing', /sudo: (command )?not found|sudo: No such file or directory/i],
  ['terminal', /must have a tty|no tty present/i],
  ['notAllowed', /is not allowed to (execute|run)|is not in the sudoers file|may not run sudo/i],
  [
    'password',
    /a password is required|a terminal is required to read the password|interactive authentication is required/i,
  ],
];

/** Why sudo ran nothing, from what it wrote to stderr under LC_ALL=C; null where sudo says nothing there. */
export function sudoRefusal(stderr: string): SudoRefusal | null {
  const found = patterns.find(([, pattern]) => pattern.test(stderr));
  if (found !== undefined) return found[0];
  return /^sudo: /m.test(stderr) ? 'other' : null;
}

/** The user who logs in, as far as the settings tell. @param own the user of this computer */
export function userOf(connection: Connection, own: string): string | null {
  switch (connection.transport) {
    case 'local':
      return own;
    case 'ssh':
    case 'openssh':
      return connection.user;
    case 'demo':
      return 'root';
    case 'unknown':
      return null;
  }
}

/** The line that lets a user in without a password; in a place of its own, so that nothing else is touched. */
function sudoersAdvice(user: string): string {
  return `Let an administrator run “visudo -f /etc/sudoers.d/snaptree” there and add the line: ${user} ALL=(root) NOPASSWD: ALL`;
}

/** The error where sudo ran nothing. @param user who logs in; null where the settings leave it open */
export function sudoRefused(hostName: string, user: string | null, kind: SudoRefusal, stderr: string): SnaptreeError {
  const who = user ?? 'the user';
  const line = sudoersAdvice(user ?? 'USER');
  const orGroup = 'or log in as root, or switch sudo off and log in as a user that may speak to the hypervisor';
  const [reason, advice] = {
    password: [`sudo wants a password for ${who}, and Snaptree gives it none`, `${line}; ${orGroup}.`],
    notAllowed: [`sudo does not allow it to ${who}`, `${line}; ${orGroup}.`],
    missing: [
      'there is no sudo',
      'Install the package sudo there, log in as root, or switch sudo off in the settings.',
    ],
    terminal: [
      'sudo wants a terminal',
      `Let an administrator run “visudo -f /etc/sudoers.d/snaptree” there and add the line: Defaults:${user ?? 'USER'} !requiretty`,
    ],
    other: [
      `sudo refused (${stderr.trim().split('\n').at(-1)?.slice(0, 500) ?? ''})`,
      'Try “sudo -n true” there in a terminal, and see what it says.',
    ],
  }[kind];
  return new SnaptreeError('sudoRefused', `Nothing was run on ${hostName}: ${reason ?? ''}.`, {
    data: { reason: kind, stderr: stderr.slice(0, 10_000) },
    untold: ['stderr'],
    advice: advice ?? '',
  });
}
