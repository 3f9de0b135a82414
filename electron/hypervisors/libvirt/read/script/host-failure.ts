/** Why a whole host cannot be read, from what virsh said. */
import { SnaptreeError } from '../../../../../shared/errors.ts';

/** The error for a host without virsh. */
export function virshNotFound(hostName: string): SnaptreeError {
  return new SnaptreeError(
    'commandNotFound',
    `There is no virsh on ${hostName}, so its VMs cannot be read. Install it there (Debian: libvirt-clients, Fedora and its kin: libvirt-client), or choose another kind of hypervisor for this host.`,
  );
}

/** The error for what `virsh -c uri` said (under LC_ALL=C) when it could not even list the VMs. */
export function virshFailure(hostName: string, uri: string, said: string): SnaptreeError {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^error: /, '').trim())
    .filter((line) => line !== '');
  const reason = lines.at(-1) ?? 'it gave no reason';
  const data = { stderr: said.slice(0, 10_000), uri };
  const untold = lines.length > 1 ? ['stderr'] : [];
  if (/permission denied|authentication (unavailable|failed)|access denied|not authorized/i.test(said)) {
    return new SnaptreeError(
      'permissionDenied',
      `The user on ${hostName} may not use libvirt at ${uri}: ${reason}. Put the user into the group libvirt there (usermod -aG libvirt USER, then connect again), or connect as root.`,
      { data, untold },
    );
  }
  if (
    /No such file or directory|Connection refused|Connection reset|server closed|end of file while reading/i.test(said)
  ) {
    return new SnaptreeError(
      'daemonUnavailable',
      `libvirt does not answer on ${hostName} at ${uri}: ${reason}. Start it there (systemctl start libvirtd, or virtqemud), or correct the URI of this host.`,
      { data, untold, retryable: true },
    );
  }
  return new SnaptreeError('commandFailed', `virsh on ${hostName} could not list the VMs at ${uri}: ${reason}.`, {
    data,
    untold,
  });
}
