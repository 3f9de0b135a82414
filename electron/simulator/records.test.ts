/** Describing and renaming snapshots on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { recordsSuite } from '../hypervisors/libvirt/plan/records/plan-records.fixtures.ts';
import { simulatedPlannedHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed, type SimulatedVm } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const offset = 4 * 1024 ** 2;
let vm: SimulatedVm;

recordsSuite({
  ...simulatedPlannedHost(testbed),
  async createVirtualMachine() {
    vm = await testbed.createVirtualMachine({ name: 'snaptree-records', disks: [{ target: 'vda' }] });
    return vm;
  },
  deleteVirtualMachine: () => testbed.deleteVirtualMachine(vm),
  virsh: (argv) => testbed.virsh(argv),
  virshWithXml: (argv, xml) => testbed.virshWithXml(argv, xml),
  write: (byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
  holds: (byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
});
