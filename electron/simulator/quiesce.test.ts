/** Freezing the file systems of guests on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { ApplicationUnderTest } from '../application/application-under-test.fixtures.ts';
import { quiesceSuite } from '../application/quiesce.fixtures.ts';
import { addVm, uuidFor } from './furnish.ts';
import type { Guest } from './libvirt/model.ts';
import { changeVm, vmOf } from './libvirt/world.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();
const { machine } = testbed;
const uuid = uuidFor(machine, 'snaptree-quiesce');

function letAgent(agent: Guest['agent']): Promise<void> {
  changeVm(machine.world, uuid, { guest: { agent, writes: [] } });
  return Promise.resolve();
}

quiesceSuite({
  up() {
    const disks = [{ target: 'vda' }, { target: 'vdb' }];
    addVm(machine, { name: 'snaptree-quiesce', uuid, disks, running: true, agent: 'answers' });
    return Promise.resolve({ uuid, fileSystems: ['/', '/srv/vdb'] });
  },
  open: () =>
    ApplicationUnderTest.openOn(testbed.settings, {
      shell: 'commandLine',
      connectSimulated: testbed.connectSimulated,
    }),
  down: () => Promise.resolve(),
  async settle() {
    await letAgent('answers');
    const { live } = vmOf(machine.world, uuid);
    if (live) changeVm(machine.world, uuid, { live: { ...live, agentHangsFor: 0 } });
  },
  virsh: (argv) => testbed.tryVirsh(argv),
  activeImage: (target) => testbed.activeImage({ uuid }, target),
  isClean: null,
  failures: [
    { inWords: 'refuses', begin: () => letAgent('refuses') },
    { inWords: 'hangs for a while', begin: () => letAgent('stuck') },
  ],
  silenceAgent: () => letAgent('silent'),
  addFault: (fault) => testbed.addFault(fault),
  killStep() {
    machine.processes.killDetached(({ words }) => words.includes('snaptree-quiesce'));
    return Promise.resolve();
  },
});
