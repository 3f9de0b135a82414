/** Repairs of records and chains on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { readRecordFiles } from '../hypervisors/libvirt/read/record-files.ts';
import { repairSuite } from '../hypervisors/libvirt/plan/repair/plan-repair.fixtures.ts';
import { simulatedPlannedHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed, type SimulatedVm } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const host = simulatedPlannedHost(testbed);
const offset = 4 * 1024 ** 2;
let vm: SimulatedVm;

repairSuite({
  ...host,
  lacksWaiting: true,
  async createVirtualMachine() {
    vm = await testbed.createVirtualMachine({ name: 'snaptree-repair', disks: [{ target: 'vda' }] });
    return vm;
  },
  deleteVirtualMachine: () => testbed.deleteVirtualMachine(vm),
  virsh: (argv) => testbed.virsh(argv),
  readRecordFiles: (vmUuid, folder) => readRecordFiles(host.runner(), vmUuid, folder),
  run: (argv) => host.planned.run(argv),
  write: (byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
  holds: (byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
});
