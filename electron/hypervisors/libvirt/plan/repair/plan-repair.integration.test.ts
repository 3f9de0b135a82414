/** Repairs of records and chains, on every version. */
import { vi } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { plannedHost } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { createLocalRunner } from '../../../../hosts/commands/local-runner.fixtures.ts';
import { readRecordFiles } from '../../read/record-files.ts';
import { repairSuite } from './plan-repair.fixtures.ts';

vi.setConfig({ testTimeout: 120_000 });

onEachLibvirt(
  (version) => {
    const spec = { name: 'snaptree-repair', disks: [{ target: 'vda' }], version };
    const offset = 4 * 1024 ** 2;
    const planned = plannedHost(version);
    let vm: testbed.VirtualMachine;
    repairSuite({
      planned,
      up: () => testbed.up(),
      async createVirtualMachine() {
        await testbed.deleteVirtualMachine(spec);
        vm = await testbed.createVirtualMachine(spec);
        return vm;
      },
      deleteVirtualMachine: () => testbed.deleteVirtualMachine(spec),
      virsh: (argv) => testbed.virsh(argv, { version }),
      readRecordFiles: (vmUuid, folder) =>
        readRecordFiles(createLocalRunner(testbed.placeOf(version).root), vmUuid, folder),
      run: (argv) => planned.run(argv),
      write: (byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
      holds: (byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
    });
  },
  { sampled: { oneIn: 3 } },
);
