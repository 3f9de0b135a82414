/** The first procedures on a real libvirt, over a real sshd. */
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import { proceduresSuite, type ProceduresHost, type ProceduresVm } from './procedures.fixtures.ts';

onEachLibvirt(
  (version) => {
    proceduresSuite(realHost(version));
  },
  { sampled: true },
);

function realHost(version: testbed.LibvirtVersion): ProceduresHost {
  const made = new Map<string, testbed.VirtualMachine>();
  let server: testbed.SshServer;
  const handle = ({ uuid }: ProceduresVm): testbed.VirtualMachine => {
    const vm = made.get(uuid);
    if (!vm) throw new Error(`No VM ${uuid} was made.`);
    return vm;
  };
  return {
    async up() {
      const { users, keyFile } = await testbed.up();
      server = await testbed.startSshServer({
        name: `procedures-${version.replace('.', '-')}`,
        faults: true,
        version,
      });
      return {
        ...hostSettings(),
        name: 'real host',
        connection: sshConnection({
          address: server.host,
          port: server.port,
          user: users.administrator,
          authentication: { method: 'keyFile', path: keyFile },
        }),
      };
    },
    down: () => server.stop(),
    async createVirtualMachine(spec) {
      const vm = await testbed.createVirtualMachine({ ...spec, version });
      made.set(vm.uuid, vm);
      return vm;
    },
    deleteVirtualMachine: (vm) => testbed.deleteVirtualMachine(handle(vm)),
    virsh: (argv) => testbed.virsh(argv, { version }),
    stateOf: (uuid) => testbed.stateOf(uuid, version),
    activeImage: (vm, target) => testbed.activeImage(handle(vm), target),
    internalSnapshotsOf: testbed.internalSnapshotsOf,
    writeGuestDisk: (vm, target, byte, offset) => testbed.writeGuestDisk(handle(vm), target, byte, offset),
    guestDiskHasPattern: (vm, target, byte, offset) => testbed.guestDiskHasPattern(handle(vm), target, byte, offset),
    hasPattern: (image, byte, offset) => testbed.hasPattern(image, byte, offset),
    readSerialCounts: (vm) => testbed.readSerialCounts(handle(vm)),
    readSerialCounter: (vm) => testbed.readSerialCounter(handle(vm)),
    addFault: (fault) => server.addFault(fault),
    dropConnections: () => {
      server.dropConnections();
    },
  };
}
