/** Polls and events of a real libvirt, of every version that is up. */
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { pollingSuite } from './polling.fixtures.ts';
import type { LibvirtUnderTest } from '../read/reading.fixtures.ts';

onEachLibvirt((version) => {
  pollingSuite(realHost(version));
});

function realHost(version: testbed.LibvirtVersion): LibvirtUnderTest {
  const runner = createLocalRunner(testbed.placeOf(version).root);
  const specOf = (name: string) => ({ name, disks: [{ target: 'vda' }], version });
  return {
    async up() {
      await testbed.up();
    },
    down: () => Promise.resolve(),
    runner: () => runner,
    createVirtualMachine: (name) => testbed.createVirtualMachine(specOf(name)),
    deleteVirtualMachine: (name) => testbed.deleteVirtualMachine(specOf(name)),
    virsh: (argv) => testbed.virsh(argv, { version }),
  };
}
