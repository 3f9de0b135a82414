/** New VMs on a simulated host: the same tests that real hosts must pass. */
import { beforeAll, afterAll, vi } from 'vitest';
import { cloneSuite } from '../hypervisors/libvirt/plan/clone/clone-suite.fixtures.ts';
import { uuidFor } from './furnish.ts';
import { simulatedPlannedHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const host = simulatedPlannedHost(testbed);
const [oldName, newName] = ['clone-of', 'clone <&> new'];
const uuidOf = (name: string) => uuidFor(testbed.machine, name);
const folderOf = (name: string) => `/var/lib/libvirt/images/${name}`;
const offset = 4 * 1024 ** 2;

beforeAll(() => host.up());
afterAll(() => host.down());

cloneSuite({
  planned: () => host.planned,
  newVm: { uuid: uuidOf(newName), name: newName },
  createVirtualMachine: () =>
    testbed.createVirtualMachine({ name: oldName, disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw' }] }),
  async deleteVirtualMachines() {
    for (const name of [newName, oldName]) {
      await testbed.deleteVirtualMachine({ name, uuid: uuidOf(name), folder: folderOf(name), images: {} });
    }
  },
  virsh: (argv) => testbed.virsh(argv),
  async startNew() {
    await testbed.virsh(['start', uuidOf(newName)]);
  },
  write: (uuid, target, byte) => testbed.writeGuestDisk({ uuid }, target, byte, offset),
  reads: (uuid, target, byte) => testbed.guestDiskHasPattern({ uuid }, target, byte, offset),
  imageReads: (image, byte) => testbed.hasPattern(image, byte, offset),
});
