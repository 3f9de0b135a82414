/** External snapshots with memory in a file, on every version. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { vi } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { plannedHost } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { memorySuite, type MemoryHost } from './plan-memory.fixtures.ts';

vi.setConfig({ testTimeout: 240_000 });

onEachLibvirt(
  (version) => {
    memorySuite(realHost(version));
  },
  { sampled: { oneIn: 2 } },
);

function realHost(version: testbed.LibvirtVersion): MemoryHost {
  const spec = { name: 'snaptree-memory', disks: [{ target: 'vda' }, { target: 'vdb' }], running: true, version };
  const offset = 4 * 1024 ** 2;
  let made: testbed.VirtualMachine;
  return {
    planned: plannedHost(version),
    up: () => testbed.up(),
    down: () => Promise.resolve(),
    async createVirtualMachine() {
      await testbed.deleteVirtualMachine(spec);
      made = await testbed.createVirtualMachine(spec);
      return made;
    },
    deleteVirtualMachine: () => testbed.deleteVirtualMachine(spec),
    virsh: (argv) => testbed.virsh(argv, { version }),
    redefine: (vm, change) => testbed.redefineVirtualMachine(vm, change, { version }),
    writeGuestDisk: (_vm, target, byte) => testbed.writeGuestDisk(made, target, byte, offset),
    guestDiskHasPattern: (_vm, target, byte) => testbed.guestDiskHasPattern(made, target, byte, offset),
    readSerialCounts: () => testbed.readSerialCounts(made),
    readSerialCounter: () => testbed.readSerialCounter(made),
    files: {
      read: (path) => (existsSync(path) ? readFileSync(path, 'latin1') : null),
      put: (path, text) => {
        writeFileSync(path, text);
      },
      remove: (path) => {
        rmSync(path);
      },
      names: (folder) => readdirSync(folder),
    },
  };
}
