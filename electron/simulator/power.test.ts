/** Starting, ending and pausing VMs on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { powerSuite } from '../hypervisors/libvirt/plan/power/plan-power.fixtures.ts';
import { simulatedPlannedHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed, type SimulatedVm } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const offset = 4 * 1024 ** 2;
let made: readonly SimulatedVm[] = [];

async function create(spec: Parameters<typeof testbed.createVirtualMachine>[0]): Promise<SimulatedVm> {
  const vm = await testbed.createVirtualMachine(spec);
  made = [...made, vm];
  return vm;
}

powerSuite({
  ...simulatedPlannedHost(testbed),
  virsh: (argv) => testbed.virsh(argv),
  createVirtualMachine: (obeys) =>
    create({ name: 'snaptree-power', disks: [{ target: 'vda' }], ...(!obeys && { ignoresPowerButton: true }) }),
  createInstanceOf: ({ images }) =>
    create({ name: 'snaptree-power-instance', disks: [{ target: 'vda', backing: images['vda'] ?? '' }] }),
  async deleteVirtualMachines() {
    for (const vm of made) await testbed.deleteVirtualMachine(vm);
    made = [];
  },
  write: (vm, byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
  holds: (vm, byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
  readSerialCounts: (vm) => testbed.readSerialCounts(vm),
});
