/** The one place that knows which drivers there are. */
import type { Host } from '../../shared/model/host.ts';
import type { HypervisorDriver, HypervisorProbe } from './driver.ts';
import { createLibvirtDriver } from './libvirt/index.ts';

/** The driver for a host by its settings. */
export function driverOf({ libvirtUri }: Pick<Host, 'libvirtUri'>): HypervisorDriver {
  return createLibvirtDriver(libvirtUri);
}

/** What answers on a host, and what it cannot do, in sentences. */
export function probeInWords({ software, capabilities }: HypervisorProbe): string {
  const names = software.map(({ name, version }) => `${name} ${version ?? '(version not known)'}`);
  const limits = capabilities.filter(({ available }) => !available).map(({ explanation }) => explanation);
  return [`${names.join(' with ')}.`, ...limits].join(' ');
}
