/** What to do about an error that a connection test met. Pure. */
import type { SnaptreeError } from '../../shared/errors.ts';
import type { Connection } from '../../shared/model/host.ts';

interface Situation {
  /** Who logs in; null where the settings leave it open. */
  readonly user: string | null;
  readonly sudo: boolean;
  readonly transport: Connection['transport'];
}

/** The error's message without what it says to do, which stands by itself in a connection test. */
export function withoutAdvice({ message, data }: SnaptreeError): string {
  const advice = data['advice'] ?? '';
  return advice !== '' && message.endsWith(advice) ? message.slice(0, -advice.length).trim() : message;
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

function ofPermission(said: string, { user, sudo }: Situation): string {
  if (sudo) return 'Even root is refused: see the log of libvirt there (journalctl -u libvirtd, or -u virtqemud).';
  const who = user ?? 'USER';
  const join = `As root there: usermod -aG libvirt ${who}, then connect again (the group counts from the next login). Or switch on “sudo” in the settings, or log in as root.`;
  return /polkit|authentication unavailable/i.test(said)
    ? `polkit decides who may use libvirt, and there is nobody whom it could ask over SSH. ${join}`
    : join;
}

/** What to do, in a sentence or more; never empty. */
export function diagnose(error: SnaptreeError, situation: Situation): string {
  const { code, data, message } = error;
  const user = situation.user ?? 'USER';
  switch (code) {
    case 'unexpectedOutput':
      return ofShell(`${message} ${data['stderr'] ?? ''} ${data['stdout'] ?? ''}`, user);
    case 'permissionDenied':
      return ofPermission(data['stderr'] ?? '', situation);
    case 'daemonUnavailable':
      return 'Start it there: systemctl enable --now libvirtd.socket (or virtqemud.socket where libvirt runs as several daemons), and see its log (journalctl -u libvirtd). If libvirt is not installed: libvirt-daemon-system (Debian), libvirt-daemon-kvm (Fedora and its kin). Or correct the libvirt URI in the settings.';
    case 'commandNotFound':
      return situation.transport === 'openssh' && /\bssh\b/.test(data['command'] ?? '')
        ? 'Install the OpenSSH client on this computer.'
        : 'Install it there: libvirt-clients (Debian, Ubuntu), libvirt-client (Fedora, RHEL and their kin).';
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
