/** What the connection test tries of libvirt, and what to do where it fails. Data and pure functions. */
import type { SnaptreeError } from '../../../shared/errors.ts';
import type { Login, ProbeStage } from '../driver.ts';

export function libvirtStages(uri: string): readonly ProbeStage[] {
  return [
    { stage: 'virsh', title: 'virsh', failsWith: ['commandNotFound'], passed: () => 'virsh is installed.' },
    {
      stage: 'socket',
      title: 'Access to libvirt',
      failsWith: ['permissionDenied', 'daemonUnavailable', 'commandFailed', 'commandTimedOut'],
      passed: (user) => `libvirt answers ${user} at ${uri}.`,
    },
  ];
}

function ofPermission(said: string, { user, sudo }: Login): string {
  if (sudo) return 'Even root is refused: see the log of libvirt there (journalctl -u libvirtd, or -u virtqemud).';
  const join = `As root there: usermod -aG libvirt ${user ?? 'USER'}, then connect again (the group counts from the next login). Or switch on “sudo” in the settings, or log in as root.`;
  return /polkit|authentication unavailable/i.test(said)
    ? `polkit decides who may use libvirt, and there is nobody whom it could ask over SSH. ${join}`
    : join;
}

/** What to do about an error of probing libvirt; null where it has nothing to do with libvirt. */
export function libvirtRemedy({ code, data }: SnaptreeError, login: Login): string | null {
  switch (code) {
    case 'permissionDenied':
      return ofPermission(data['stderr'] ?? '', login);
    case 'daemonUnavailable':
      return 'Start it there: systemctl enable --now libvirtd.socket (or virtqemud.socket where libvirt runs as several daemons), and see its log (journalctl -u libvirtd). If libvirt is not installed: libvirt-daemon-system (Debian), libvirt-daemon-kvm (Fedora and its kin). Or correct the libvirt URI in the settings.';
    case 'commandNotFound':
      return 'Install it there: libvirt-clients (Debian, Ubuntu), libvirt-client (Fedora, RHEL and their kin).';
    default:
      return null;
  }
}
