/** The one place that knows which drivers there are. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import type { HypervisorDriver } from './driver.ts';
import { createLibvirtDriver } from './libvirt/index.ts';

/** The driver for a host by its settings. Throws `hypervisorUnknown` where there is none. */
export function driverOf({ name, hypervisor }: Pick<HostSettings, 'name' | 'hypervisor'>): HypervisorDriver {
  switch (hypervisor.kind) {
    case 'libvirt':
      return createLibvirtDriver(hypervisor.uri);
    case 'unknown': {
      const { kind } = hypervisor.written;
      throw new SnaptreeError(
        'hypervisorUnknown',
        `${name} is entered as a host of the hypervisor “${kind}”, which this Snaptree does not know. Nothing was connected to, and the host stays in the host book as it was written. Start the Snaptree that wrote it, or a newer one.`,
        { data: { hypervisor: kind } },
      );
    }
  }
}
