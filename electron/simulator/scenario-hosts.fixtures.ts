/** A simulated host for the scenarios. */
import { inventorySchema } from '../../shared/model/inventory.ts';
import { createChannelPool } from '../hosts/commands/channel-pool.ts';
import { createScriptRunner } from '../hosts/commands/script-runner.ts';
import { createSimulatedSshServer } from './ssh-server/simulated-ssh-server.ts';
import { readLibvirt } from '../hypervisors/libvirt/read/read.ts';
import { runQemuImg } from './images/qemu-img.ts';
import { qemuImgHost } from './machine.ts';
import { play, type Outcome, type Scenario } from './scenarios.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

/** Does a scenario on a simulated host, which is read over its SSH server. */
export async function playSimulated(scenario: Scenario): Promise<readonly Outcome[]> {
  const bed = createSimulatedTestbed();
  const { machine } = bed;
  const transport = await createSimulatedSshServer(machine).connect('simulated', new AbortController().signal);
  const pool = createChannelPool();
  const runner = createScriptRunner({ hostName: 'simulated', current: () => ({ transport, pool }) });
  try {
    return await play(
      {
        createVirtualMachine: (spec) => bed.createVirtualMachine({ ...spec, folder: spec.name }),
        deleteVirtualMachine: () => Promise.resolve(),
        virsh: (argv) => bed.tryVirsh(argv),
        qemuImg(argv) {
          return Promise.resolve(runQemuImg(qemuImgHost(machine), argv, '/'));
        },
        write: ({ uuid }, target, byte, offset) => bed.writeGuestDisk({ uuid }, target, byte, offset),
        holds: ({ uuid }, target, byte, offset) => bed.guestDiskHasPattern({ uuid }, target, byte, offset),
        removeFile(path) {
          machine.files.remove(path);
          return Promise.resolve();
        },
        putFile(path, text) {
          machine.files.putText(path, text);
          return Promise.resolve();
        },
        read: async () => inventorySchema.parse(await readLibvirt(runner, 'qemu:///system', { priority: 'user' })),
      },
      scenario,
    );
  } finally {
    transport.close();
  }
}
