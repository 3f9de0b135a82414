/** The libvirt driver: QEMU and KVM through the host's own virsh and qemu-img. */
import type { HypervisorDriver } from '../driver.ts';
import { planLibvirt } from './plan.ts';
import { probeLibvirt, readLibvirt } from './read.ts';

/** The driver for a host whose VMs virsh reaches at `uri`, which every command names. */
export function createLibvirtDriver(uri: string): HypervisorDriver {
  return {
    kind: 'libvirt',
    probe: (runner) => probeLibvirt(runner, uri),
    read: (runner, options) => readLibvirt(runner, uri, options),
    plan: (request, inventory) => planLibvirt(uri, request, inventory),
  };
}
