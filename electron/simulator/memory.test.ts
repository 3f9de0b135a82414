/** External snapshots with memory on a simulated host: the same tests that real hosts must pass. */
import { posix } from 'node:path';
import { vi } from 'vitest';
import { memorySuite } from '../hypervisors/libvirt/plan/plan-memory.fixtures.ts';
import { simulatedPlannedHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const { files } = testbed.machine;
const spec = { name: 'snaptree-memory', running: true };
const offset = 4 * 1024 ** 2;

memorySuite({
  ...testbed,
  ...simulatedPlannedHost(testbed),
  createVirtualMachine: () => testbed.createVirtualMachine(spec),
  async redefine({ uuid }, change) {
    const { stdout } = await testbed.virsh(['dumpxml', '--inactive', '--security-info', uuid]);
    await testbed.virshWithXml(['define'], change(stdout));
  },
  writeGuestDisk: (vm, target, byte) => testbed.writeGuestDisk(vm, target, byte, offset),
  guestDiskHasPattern: (vm, target, byte) => testbed.guestDiskHasPattern(vm, target, byte, offset),
  files: {
    read(path) {
      const file = files.fileAt(path);
      return file === null ? null : Buffer.from(file.bytes).toString('latin1');
    },
    put: (path, text) => {
      files.putText(path, text);
    },
    remove: (path) => {
      files.remove(path);
    },
    names: (folder) =>
      files.files().flatMap(({ path }) => (posix.dirname(path) === folder ? [posix.basename(path)] : [])),
  },
});
