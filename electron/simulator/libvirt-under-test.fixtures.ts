/** A simulated host for the suites of reading and polling that real hosts must pass. */
import { createChannelPool } from '../hosts/commands/channel-pool.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import { createScriptRunner } from '../hosts/commands/script-runner.ts';
import { createSimulatedSshServer } from './ssh-server/simulated-ssh-server.ts';
import type { Transport } from '../hosts/commands/transport.ts';
import type { PlannedHost } from '../hypervisors/libvirt/plan/carry-out.fixtures.ts';
import type { OneDiskHost } from '../hypervisors/libvirt/plan/one-disk-host.fixtures.ts';
import { readLibvirt } from '../hypervisors/libvirt/read/read.ts';
import type { LibvirtUnderTest, ReadingHost } from '../hypervisors/libvirt/read/reading.fixtures.ts';
import { uuidFor } from './furnish.ts';
import { runQemuImg } from './images/qemu-img.ts';
import { qemuImgHost } from './machine.ts';
import { createSimulatedTestbed, type SimulatedTestbed, type SimulatedVm } from './simulated-testbed.fixtures.ts';
import {
  furnishTestbed,
  hostileName,
  hostileSnapshotNames,
  resetTestbedVm,
  testbedVmNames,
  thinBase,
  treeDescription,
} from './testbed-vms.fixtures.ts';

/** An empty simulated host, read over its SSH server. */
export function simulatedLibvirt(bed: SimulatedTestbed = createSimulatedTestbed()): LibvirtUnderTest {
  let transport: Transport | undefined;
  let runner: CommandRunner | undefined;
  return {
    async up() {
      const connected = await createSimulatedSshServer(bed.machine).connect('simulated', new AbortController().signal);
      const pool = createChannelPool();
      transport = connected;
      runner = createScriptRunner({ hostName: 'simulated', current: () => ({ transport: connected, pool }) });
    },
    down() {
      transport?.close();
      return Promise.resolve();
    },
    runner() {
      if (!runner) throw new Error('The simulated host is not up.');
      return runner;
    },
    createVirtualMachine: (name) => bed.createVirtualMachine({ name, disks: [{ target: 'vda' }] }),
    deleteVirtualMachine: (name) =>
      bed.deleteVirtualMachine({
        name,
        uuid: uuidFor(bed.machine, name),
        folder: `/var/lib/libvirt/images/${name}`,
        images: {},
      }),
    virsh: (argv, options) => (options?.mayFail === true ? bed.tryVirsh(argv) : bed.virsh(argv)),
  };
}

/** A simulated host that plans are carried out on, step by step. */
export function simulatedPlannedHost(bed: SimulatedTestbed): {
  readonly planned: PlannedHost;
  runner(): CommandRunner;
  up(): Promise<void>;
  down(): Promise<void>;
} {
  const libvirt = simulatedLibvirt(bed);
  return {
    planned: {
      read: () => readLibvirt(libvirt.runner(), 'qemu:///system', { priority: 'user' }),
      run: (argv) => libvirt.runner().run({ argv }),
    },
    runner: () => libvirt.runner(),
    up: () => libvirt.up(),
    down: () => libvirt.down(),
  };
}

/** A simulated host with one VM of that name. */
export function simulatedOneDiskHost(
  bed: SimulatedTestbed,
  name: string,
): OneDiskHost & Pick<ReturnType<typeof simulatedPlannedHost>, 'runner'> {
  const offset = 4 * 1024 ** 2;
  let vm: SimulatedVm;
  return {
    ...simulatedPlannedHost(bed),
    async createVirtualMachine() {
      vm = await bed.createVirtualMachine({ name, disks: [{ target: 'vda' }] });
      return vm;
    },
    deleteVirtualMachine: () => bed.deleteVirtualMachine(vm),
    virsh: (argv) => bed.virsh(argv),
    write: (byte) => bed.writeGuestDisk(vm, 'vda', byte, offset),
    holds: (byte) => bed.guestDiskHasPattern(vm, 'vda', byte, offset),
  };
}

/** A simulated host with the testbed's VMs. */
export function simulatedReadingHost(): ReadingHost {
  const bed = createSimulatedTestbed();
  const { machine } = bed;
  const libvirt = simulatedLibvirt(bed);
  let made: Awaited<ReturnType<typeof furnishTestbed>> = new Map();
  return {
    ...libvirt,
    async up() {
      made = await furnishTestbed(bed);
      await libvirt.up();
    },
    fixtures: {
      names: testbedVmNames,
      hostileName,
      hostileSnapshotNames,
      treeDescription,
      treeName: (name) => name,
      thinBase: () => thinBase,
    },
    fixture(name) {
      const vm = made.get(name);
      if (!vm) throw new Error(`The simulated host has no VM ${name}.`);
      return vm;
    },
    resetFixture: (name) => resetTestbedVm(bed, name),
    virshWithXml: (argv, xml) => bed.virshWithXml(argv, xml),
    qemuImg(argv) {
      const { exitCode, stderr } = runQemuImg(qemuImgHost(machine), argv, '/');
      return exitCode === 0 ? Promise.resolve() : Promise.reject(new Error(stderr));
    },
    rename: (from, to) => machine.files.mv(from, to),
    stateOf: (uuid) => bed.stateOf(uuid),
    activeImage: (vm, target) => bed.activeImage(vm, target),
    internalSnapshotsOf: (image) => bed.internalSnapshotsOf(image),
    withoutVirsh() {
      const runner = libvirt.runner();
      return {
        ...runner,
        async runScript(script) {
          // Most of the interpreter's own commands are looked for along PATH, which must stay.
          await machine.files.mv('/usr/bin/virsh', '/root/virsh');
          try {
            return await runner.runScript(script);
          } finally {
            await machine.files.mv('/root/virsh', '/usr/bin/virsh');
          }
        },
      };
    },
    accounts: { lacking: 'simulated hosts have one user, root' },
    testDriver: { lacking: 'simulated hosts have no libvirt but that of QEMU' },
  };
}
