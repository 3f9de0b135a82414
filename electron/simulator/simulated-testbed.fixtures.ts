/** A simulated host that is used like the testbed's real ones (e2e/testbeds): the same VMs, the same questions. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectSimulated } from '../hosts/connect.ts';
import { createSimulatedSshServer } from './ssh-server/simulated-ssh-server.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import {
  addVm,
  activeImageOf,
  diskHolds,
  gibibyte,
  guestCount,
  imageHolds,
  removeVm,
  uuidFor,
  writeDisk,
} from './furnish.ts';
import { newImage } from './images/disk-image.ts';
import { createMachine, type Machine } from './machine.ts';
import { virshOn } from './libvirt/virsh-under-test.fixtures.ts';
import { vmOf } from './libvirt/world.ts';

const mebibyte = 1024 ** 2;

/** As of e2e/testbeds/virtual-machine.ts. */
export interface SimulatedVmSpec {
  readonly name: string;
  readonly folder?: string;
  readonly disks?: readonly {
    readonly target: string;
    readonly file?: string;
    readonly format?: 'qcow2' | 'raw';
    readonly size?: number;
    readonly backing?: string;
  }[];
  readonly running?: boolean;
  readonly ignoresPowerButton?: true;
}

export interface SimulatedVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
  readonly images: Readonly<Record<string, string>>;
}

export interface SimulatedTestbed {
  readonly machine: Machine;
  readonly settings: HostSettings;
  /** For the options of an application: every simulated host is this one then. */
  readonly connectSimulated: ConnectSimulated;
  createVirtualMachine(spec: SimulatedVmSpec): Promise<SimulatedVm>;
  deleteVirtualMachine(vm: SimulatedVm): Promise<void>;
  createImage(path: string, backing: string): Promise<void>;
  virsh(
    argv: readonly string[],
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly exitCode: number }>;
  /** virsh whose failing is an answer. */
  tryVirsh(
    argv: readonly string[],
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly exitCode: number }>;
  /** virsh with a file as its last argument. */
  virshWithXml(argv: readonly string[], xml: string): Promise<void>;
  stateOf(uuid: string): Promise<string | undefined>;
  activeImage(vm: Pick<SimulatedVm, 'uuid'>, target: string): Promise<string>;
  internalSnapshotsOf(image: string): Promise<string[]>;
  writeGuestDisk(
    vm: Pick<SimulatedVm, 'uuid'>,
    target: string,
    byte: number,
    offset?: number,
    length?: number,
  ): Promise<void>;
  guestDiskHasPattern(
    vm: Pick<SimulatedVm, 'uuid'>,
    target: string,
    byte: number,
    offset?: number,
    length?: number,
  ): Promise<boolean>;
  hasPattern(image: string, byte: number, offset?: number, length?: number): Promise<boolean>;
  readSerialCounter(vm: Pick<SimulatedVm, 'uuid'>): number | undefined;
  readSerialCounts(vm: Pick<SimulatedVm, 'uuid'>): readonly number[];
  addFault(fault: { readonly command: string; readonly vm?: string; readonly effect: 'hold' | 'fail' }): {
    reached(): Promise<void>;
    count(): number;
    release(): void;
    remove(): void;
  };
  dropConnections(): void;
}

/** Makes an empty host. Work takes no time on it. @param clockRate how fast its clock is */
export function createSimulatedTestbed(clockRate = 1): SimulatedTestbed {
  const name = 'alder';
  const machine = createMachine({
    name,
    pace: 0,
    clockRate,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: 100 * gibibyte, otherBytes: 10 * gibibyte }],
  });
  const server = createSimulatedSshServer(machine);
  const serialLogs = new Map<string, { readonly countingSince: number | null; readonly counts: readonly number[] }>();
  const range = (byte: number, offset: number, length: number) => ({ start: offset, end: offset + length, byte });

  const virsh: SimulatedTestbed['virsh'] = (argv) => virshOn(machine, argv, () => sleep(0));

  const orThrow: SimulatedTestbed['virsh'] = async (argv) => {
    const result = await virsh(argv);
    if (result.exitCode !== 0) throw new Error(`virsh ${argv.join(' ')}: ${result.stderr}`);
    return result;
  };

  return {
    machine,
    connectSimulated: (_machine, hostName, signal) => server.connect(hostName, signal),
    settings: {
      name: 'simulated host',
      connection: { transport: 'demo', machine: name },
      hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
      sudo: false,
      readOnly: false,
    },
    createVirtualMachine(spec) {
      const folder = `/var/lib/libvirt/images/${spec.folder ?? spec.name}`;
      const uuid = uuidFor(machine, spec.name);
      const disks = (spec.disks ?? [{ target: 'vda' }, { target: 'vdb' }]).map((disk) => ({
        target: disk.target,
        format: disk.format ?? ('qcow2' as const),
        path: `${folder}/${disk.file ?? `${disk.target}.${disk.format ?? 'qcow2'}`}`,
        virtualBytes: disk.size ?? gibibyte,
        ...(disk.backing === undefined ? {} : { backing: disk.backing }),
      }));
      const { name: vmName, running = false, ignoresPowerButton } = spec;
      const guest = ignoresPowerButton === true ? { ignoresPowerButton } : {};
      addVm(machine, { name: vmName, uuid, memoryMiB: 32, cpus: 1, disks, running, ...guest });
      const images = Object.fromEntries(disks.map(({ target, path }) => [target, path]));
      return Promise.resolve({ name: vmName, uuid, folder, images });
    },
    deleteVirtualMachine({ uuid, folder }) {
      removeVm(machine, uuid, folder);
      return Promise.resolve();
    },
    createImage(path, backing) {
      machine.files.putImage(path, newImage({ virtualBytes: gibibyte, backing: { file: backing, format: 'qcow2' } }));
      return Promise.resolve();
    },
    virsh: orThrow,
    async virshWithXml(argv, xml) {
      const file = '/tmp/of-a-test.xml';
      machine.files.putText(file, xml);
      await orThrow([...argv, file]);
      machine.files.remove(file);
    },
    tryVirsh: virsh,
    async stateOf(uuid) {
      const { exitCode, stdout } = await virsh(['domstate', uuid]);
      return exitCode === 0 ? stdout.trim() : undefined;
    },
    activeImage: ({ uuid }, target) => Promise.resolve(activeImageOf(machine, uuid, target)),
    internalSnapshotsOf: (image) =>
      Promise.resolve((machine.files.imageAt(image)?.snapshots ?? []).map(({ name: snapshot }) => snapshot)),
    writeGuestDisk({ uuid }, target, byte, offset = 0, length = mebibyte) {
      writeDisk(machine, uuid, target, range(byte, offset, length));
      return Promise.resolve();
    },
    guestDiskHasPattern: ({ uuid }, target, byte, offset = 0, length = mebibyte) =>
      Promise.resolve(diskHolds(machine, uuid, target, range(byte, offset, length))),
    hasPattern: (image, byte, offset = 0, length = mebibyte) =>
      Promise.resolve(imageHolds(machine, image, range(byte, offset, length))),
    readSerialCounter: ({ uuid }) => guestCount(machine, uuid) ?? undefined,
    readSerialCounts({ uuid }) {
      const memory = vmOf(machine.world, uuid).live?.memory;
      const count = guestCount(machine, uuid);
      const log = serialLogs.get(uuid) ?? { countingSince: null, counts: [] };
      if (memory && count !== null) {
        // A memory that counts from another time on is another one: the guest prints from where that was.
        const goesOn = memory.countingSince === log.countingSince;
        const first = goesOn ? (log.counts.at(-1) ?? 0) + 1 : memory.count;
        const counts = Array.from({ length: Math.max(0, count - first + 1) }, (_, index) => first + index);
        serialLogs.set(uuid, { countingSince: memory.countingSince, counts: [...log.counts, ...counts] });
      }
      return serialLogs.get(uuid)?.counts ?? [];
    },
    addFault: (fault) => machine.faults.addToVirsh(fault),
    dropConnections: () => {
      server.dropConnections();
    },
  };
}
