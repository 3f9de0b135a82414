/** Describing and renaming snapshots, on every version. */
import { vi } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { plannedHost } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { recordsSuite } from './plan-records.fixtures.ts';

vi.setConfig({ testTimeout: 120_000 });

onEachLibvirt(
  (version) => {
    const spec = { name: 'snaptree-records', disks: [{ target: 'vda' }], version };
    const offset = 4 * 1024 ** 2;
    let vm: testbed.VirtualMachine;
    recordsSuite({
      planned: plannedHost(version),
      up: () => testbed.up(),
      async createVirtualMachine() {
        await testbed.deleteVirtualMachine(spec);
        vm = await testbed.createVirtualMachine(spec);
        return vm;
      },
      deleteVirtualMachine: () => testbed.deleteVirtualMachine(spec),
      virsh: (argv) => testbed.virsh(argv, { version }),
      virshWithXml: (argv, xml) => testbed.virshWithXml(argv, xml, [], { version }),
      write: (byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
      holds: (byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
    });
  },
  { sampled: { oneIn: 3 } },
);
