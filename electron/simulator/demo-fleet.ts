/** The demo fleet: three simulated hosts that anybody can try Snaptree on. */
import type { HostSettings } from '../../shared/model/host.ts';

const machines = ['alder', 'birch', 'cedar'] as const;

/** The settings under which the hosts of the demo fleet stand in the host book. */
export const demoHosts: readonly HostSettings[] = machines.map((machine) => ({
  name: `Demo ${machine}`,
  connection: { transport: 'demo', machine },
  hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
  sudo: false,
  readOnly: false,
}));
