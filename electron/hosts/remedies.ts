/** What to do about an error that a connection test met, whichever the hypervisor. Pure. */
import type { SnaptreeError } from '../../shared/errors.ts';
import type { Connection } from '../../shared/model/host.ts';

interface Situation {
  /** Who logs in; null where the settings leave it open. */
  readonly user: string | null;
  readonly transport: Connection['transport'];
}

/** The error's message without what it says to do, which stands by itself in a connection test. */
export function withoutAdvice({ message, data }: SnaptreeError): string {
  return data['happened'] ?? message;
}

function ofShell(said: string, user: string): string {
  if (/not available|nologin/i.test(said)) {
    return `The account has no login shell: give it one (as root there: usermod --shell /bin/bash ${user}), or choose another user.`;
  }
  if (/restricted|rbash|rksh|rssh|lshell/i.test(said)) {
    return `The account has a restricted shell: give it an ordinary one (as root there: usermod --shell /bin/bash ${user}), or choose another user.`;
  }
  return "The host runs something else than it is asked to: see whether ForceCommand (sshd_config) or command= (the user's authorized_keys) is set for this user or key, and take it out or use another key.";
}

/** What to do, in a sentence or more; never empty. */
export function diagnose(error: SnaptreeError, situation: Situation): string {
  const { code, data, message } = error;
  const user = situation.user ?? 'USER';
  switch (code) {
    case 'unexpectedOutput':
      return ofShell(`${message} ${data['stderr'] ?? ''} ${data['stdout'] ?? ''}`, user);
    case 'commandNotFound':
      return situation.transport === 'openssh' && /\bssh\b/.test(data['command'] ?? '')
        ? 'Install the OpenSSH client on this computer.'
        : 'Install it there; then test again.';
    case 'channelRefused':
      return "Raise MaxSessions in the host's sshd_config: it must be 1 or more, and 10 is the default.";
    case 'commandTimedOut':
      return 'Look at the host: it may be overloaded, or its storage may hang.';
    case 'storeUnusable':
      return 'Correct the file that is named, or its rights.';
    default:
      return data['advice'] ?? 'See the message; then test again.';
  }
}
