/** The libvirt driver: QEMU and KVM through the host's own virsh and qemu-img. */
import type { HostMemory, HypervisorDriver } from '../driver.ts';
import type { HostReading } from './read/host-state.ts';
import { libvirtRemedy, libvirtStages } from './connection-test.ts';
import { planLibvirt } from './plan/plan.ts';
import { pollHost } from './watch/poll.ts';
import { askGuestAgent } from './read/guest-agent.ts';
import { readRecordFiles } from './read/record-files.ts';
import { probeLibvirt, readHost } from './read/read.ts';
import { watchLibvirt } from './watch/watch.ts';

/** What is in the memories that were given out. */
const readings = new WeakMap<HostMemory, HostReading>();

/** The driver for a host whose VMs virsh reaches at `uri`, which every command names. */
export function createLibvirtDriver(uri: string): HypervisorDriver {
  return {
    kind: 'libvirt',
    probe: (runner) => probeLibvirt(runner, uri),
    probeStages: libvirtStages(uri),
    remedyFor: libvirtRemedy,
    async read(runner, { memory, ...options }) {
      const before = memory && readings.get(memory);
      const reading = await readHost(runner, uri, options, before);
      if (memory) readings.set(memory, reading);
      return reading.inventory;
    },
    createMemory: () => ({ kind: 'libvirt' }),
    async poll(runner, memory, options) {
      const before = readings.get(memory);
      if (!before) {
        const { signal } = options;
        const reading = await readHost(runner, uri, { priority: 'poll', ...(signal && { signal }) });
        readings.set(memory, reading);
        return { inventory: reading.inventory, hasChanged: true };
      }
      const { reading, hasChanged } = await pollHost(runner, uri, before, options);
      // A full reading may have ended meanwhile, and knows better.
      if (readings.get(memory) === before) readings.set(memory, reading);
      return { inventory: reading.inventory, hasChanged };
    },
    watch: (runner, options) => watchLibvirt(runner, uri, options),
    plan: (request, inventory, begun, guestAgent) => planLibvirt(uri, request, inventory, begun, guestAgent),
    askGuestAgent: (runner, vmUuid, signal) => askGuestAgent(runner, uri, vmUuid, signal),
    readRecordFiles,
  };
}
