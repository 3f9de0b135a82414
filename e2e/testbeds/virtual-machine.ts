import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bootSector } from './boot-sector.ts';
import { paths } from './paths.ts';
import { placeOf, runAt } from './places.ts';
import type { LibvirtVersion } from './places.ts';
import { endProcess, listProcesses } from './processes.ts';
import { run } from './run.ts';
import type { CommandResult, RunOptions } from './run.ts';

export interface DiskSpec {
  /** Target in the guest: 'vda', 'vdb' … */
  readonly target: string;
  /** File name in the VM's folder; `<target>.<format>` when left out. */
  readonly file?: string;
  readonly format?: 'qcow2' | 'raw';
  /** Size in bytes; 1 GiB when left out (sparse). Not used with `backing`. */
  readonly size?: number;
  /** Makes the image an overlay on this qcow2 image (absolute path). */
  readonly backing?: string;
  /** Writes the counting boot sector; true for vda without backing when left out. */
  readonly bootable?: boolean;
}

export interface VirtualMachineSpec {
  /** Any name that libvirt takes. The UUID follows from it, and with it that the VM belongs to the testbed. */
  readonly name: string;
  /** Name of the VM's folder below the testbed's images; the VM's name when left out. */
  readonly folder?: string;
  /** vda (bootable) and vdb, both qcow2 of 1 GiB, when left out. */
  readonly disks?: readonly DiskSpec[];
  /** Linux instead of a boot sector, from these files, and a channel for a guest agent in it. */
  readonly linux?: { readonly kernel: string; readonly initramfs: string };
  /** Starts the VM (false when left out). */
  readonly running?: boolean;
  /** The libvirt it belongs to; the machine's own when left out. */
  readonly version?: LibvirtVersion | undefined;
}

export interface VirtualMachine {
  readonly name: string;
  readonly uuid: string;
  /** The libvirt it belongs to; undefined for the machine's own. */
  readonly version: LibvirtVersion | undefined;
  /** The folder with its images; overlays that libvirt makes land there too. */
  readonly folder: string;
  /** Serial log, appended over restarts and reverts: the count of the guest, one a line. */
  readonly serialLog: string;
  /** The images at definition time by target. Snapshots move the active layer: see `activeImage`. */
  readonly images: Readonly<Record<string, string>>;
}

/** Which libvirt a command is for; the machine's own when left out. */
export interface ForVersion {
  readonly version?: LibvirtVersion | undefined;
}

/** Runs virsh on qemu:///system of the machine, or of another version. */
export async function virsh(args: readonly string[], options: RunOptions & ForVersion = {}): Promise<CommandResult> {
  return runAt(placeOf(options.version), 'virsh', ['-c', 'qemu:///system', ...args], options);
}

/** Runs virsh with XML as its next argument, which becomes a file: Node's pipes are sockets, and /dev/stdin cannot open those. */
export async function virshWithXml(
  args: readonly string[],
  xml: string,
  more: readonly string[] = [],
  { version }: ForVersion = {},
): Promise<void> {
  const file = join(placeOf(version).images, `xml-${randomUUID()}`);
  writeFileSync(file, xml);
  try {
    await virsh([...args, file, ...more], { version });
  } finally {
    rmSync(file);
  }
}

/** Changes the definition by which a VM starts the next time, as `virsh edit` does. */
export async function redefineVirtualMachine(
  { uuid }: Pick<VirtualMachine, 'uuid'>,
  change: (xml: string) => string,
  where: ForVersion = {},
): Promise<void> {
  const { stdout } = await virsh(['dumpxml', '--inactive', '--security-info', uuid], where);
  await virshWithXml(['define'], change(stdout), [], where);
}

/** The UUID of a VM of the testbed (version 5 layout over its name): the same on every machine. */
function uuidOf(name: string, version?: LibvirtVersion): string {
  // Two libvirts of the testbed may have a VM of the same name.
  const place = placeOf(version).version;
  const hash = createHash('sha1')
    .update(`snaptree testbed\n${name}${place === undefined ? '' : `\n${place}`}`)
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** The lock that Snaptree keeps on the host while an operation on a VM is not ended (docs/decisions/0003). */
export const snaptreeLock = (uuid: string, version?: LibvirtVersion): string =>
  join(placeOf(version).root, `/var/tmp/snaptree-${uuid}.lock`);

/** Escapes text for XML content and attributes; newlines too, which an attribute would turn into spaces. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function describe(spec: VirtualMachineSpec): VirtualMachine & { readonly disks: readonly Required<DiskPlan>[] } {
  // A handle of a VM has its folder as an absolute path: it may be given where a spec is wanted.
  const place = placeOf(spec.version);
  const folder = resolve(place.images, spec.folder ?? spec.name);
  const disks = (spec.disks ?? [{ target: 'vda' }, { target: 'vdb' }]).map((disk) => {
    const format = disk.format ?? 'qcow2';
    return {
      target: disk.target,
      path: join(folder, disk.file ?? `${disk.target}.${format}`),
      format,
      size: disk.size ?? 1024 ** 3,
      backing: disk.backing ?? '',
      bootable: disk.bootable ?? (disk.target === 'vda' && disk.backing === undefined),
    };
  });
  return {
    name: spec.name,
    uuid: uuidOf(spec.name, spec.version),
    version: place.version,
    folder,
    serialLog: join(folder, 'serial.log'),
    images: Object.fromEntries(disks.map((disk) => [disk.target, disk.path])),
    disks,
  };
}

interface DiskPlan {
  target: string;
  path: string;
  format: string;
  size: number;
  backing: string;
  bootable: boolean;
}

/** The handle of a VM of that spec; makes nothing. */
export function virtualMachine(spec: VirtualMachineSpec): VirtualMachine {
  const { name, uuid, version, folder, serialLog, images } = describe(spec);
  return { name, uuid, version, folder, serialLog, images };
}

/** Makes a qcow2 or raw image. With `backing` an overlay on it, which takes its size from there. */
export async function createImage(path: string, format: 'qcow2' | 'raw', size: number, backing = ''): Promise<void> {
  const base = backing === '' ? [] : ['-b', backing, '-F', 'qcow2'];
  const bytes = backing === '' ? [String(size)] : [];
  await run('qemu-img', ['create', '-q', '-f', format, ...base, '--', path, ...bytes]);
}

/** Writes the boot sector into an image that no VM uses. */
export async function writeBootSector(image: string, format: string, sector = bootSector()): Promise<void> {
  // qemu-io splits its commands at spaces and knows no quotes: the file cannot lie in a folder with a hostile name.
  const file = join(paths.images, `boot-${randomUUID()}`);
  writeFileSync(file, sector);
  await run('qemu-io', ['-f', format, '-c', `write -q -s ${file} 0 512`, image]);
  rmSync(file);
}

function domainXml(vm: ReturnType<typeof describe>, linux: VirtualMachineSpec['linux']): string {
  const disks = vm.disks.map(
    (disk) => `
    <disk type='file' device='disk'>
      <driver name='qemu' type='${disk.format}'/>
      <source file='${escapeXml(disk.path)}'/>
      <target dev='${disk.target}' bus='virtio'/>
      <alias name='ua-${disk.target}'/>
    </disk>`,
  );
  const start = linux
    ? `<kernel>${escapeXml(linux.kernel)}</kernel><initrd>${escapeXml(linux.initramfs)}</initrd><cmdline>console=ttyS0 quiet panic=1</cmdline>`
    : `<boot dev='hd'/>`;
  const channel = linux
    ? `\n    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`
    : '';
  // type='qemu' is TCG. Never kvm: guests hang where /dev/kvm exists but is not usable.
  return `<domain type='qemu'>
  <name>${escapeXml(vm.name)}</name>
  <uuid>${vm.uuid}</uuid>
  <memory unit='MiB'>${linux ? 160 : 32}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>${start}</os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>${disks.join('')}
    <serial type='file'><source path='${escapeXml(vm.serialLog)}' append='on'/><target port='0'/></serial>${channel}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}

/** Makes images, defines the VM (it must not exist) and starts it if the spec says so. */
export async function createVirtualMachine(spec: VirtualMachineSpec): Promise<VirtualMachine> {
  const vm = describe(spec);
  // UUIDs are the same in every run: a test that was cut off may have left the VM of this name locked.
  rmSync(snaptreeLock(vm.uuid, vm.version), { force: true });
  mkdirSync(vm.folder, { recursive: true });
  for (const disk of vm.disks) {
    await createImage(disk.path, disk.format === 'raw' ? 'raw' : 'qcow2', disk.size, disk.backing);
    if (disk.bootable) await writeBootSector(disk.path, disk.format);
  }
  await virshWithXml(['define'], domainXml(vm, spec.linux), [], vm);
  if (spec.running === true) await virsh(['start', vm.uuid], vm);
  return virtualMachine(spec);
}

/** The state that libvirt reports ('running', 'shut off' …), or undefined when there is no such VM. */
export async function stateOf(uuid: string, version?: LibvirtVersion): Promise<string | undefined> {
  const result = await virsh(['domstate', uuid], { expect: [0, 1], version });
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}

/** Destroys and undefines a VM of the testbed with its snapshots' records, and deletes its folder and its log. */
export async function deleteVirtualMachine(spec: VirtualMachineSpec): Promise<void> {
  const vm = virtualMachine(spec);
  const { version } = vm;
  const state = await stateOf(vm.uuid, version);
  if (state !== undefined) {
    if (state !== 'shut off') await virsh(['destroy', vm.uuid], { expect: [0, 1], version });
    // A transient VM is gone after destroy.
    if ((await stateOf(vm.uuid, version)) !== undefined) {
      const all = ['--snapshots-metadata', '--checkpoints-metadata', '--managed-save', '--nvram'];
      await virsh(['undefine', vm.uuid, ...all], { version });
    }
  }
  rmSync(vm.folder, { recursive: true, force: true });
  rmSync(`${placeOf(version).root}/var/log/libvirt/qemu/${vm.name}.log`, { force: true });
}

/** The VMs of the testbed that libvirt knows (by UUID), running or not, also those that tests made. */
export async function listVirtualMachines(
  version?: LibvirtVersion,
): Promise<{ name: string; uuid: string; state: string }[]> {
  const at = { version };
  const uuids = (await virsh(['list', '--all', '--uuid'], at)).stdout.split('\n').filter((line) => line !== '');
  const found = [];
  for (const uuid of uuids) {
    const name = (await virsh(['domname', uuid], at)).stdout.replace(/\n+$/, '');
    if (uuidOf(name, version) === uuid) found.push({ name, uuid, state: (await stateOf(uuid, version)) ?? 'gone' });
  }
  return found;
}

/**
 * Ends QEMU processes of the testbed's VMs that libvirt does not know as running: those that a libvirtd which was killed
 * or lost its files left behind, and which hold the locks of their images.
 */
export async function endStrayGuests(version?: LibvirtVersion): Promise<void> {
  const { images } = placeOf(version);
  const guests = listProcesses().filter(
    (each) => each.executable.includes('qemu-system') && each.commandLine.includes(`${images}/`),
  );
  for (const { pid, commandLine } of guests) {
    const uuid = / -uuid ([0-9a-f-]{36}) /.exec(commandLine)?.[1] ?? '';
    const state = await stateOf(uuid, version);
    if (state === undefined || state === 'shut off') await endProcess(pid);
  }
}

/** The process of a VM that runs. */
export function guestProcess({ uuid, name }: VirtualMachine): number {
  const guest = listProcesses().find(
    ({ executable, commandLine }) => executable.includes('qemu-system') && commandLine.includes(` -uuid ${uuid} `),
  );
  if (!guest) throw new Error(`VM ${name} has no QEMU.`);
  return guest.pid;
}

/** The last number that the guest of a VM printed on its serial port; undefined when it has printed none yet. */
export function readSerialCounter(vm: VirtualMachine): number | undefined {
  if (!existsSync(vm.serialLog)) return undefined;
  return readSerialCounts(vm).at(-1);
}

/** All numbers that the guest of a VM printed, first to last: a revert of memory is seen as a step back. */
export function readSerialCounts(vm: VirtualMachine): number[] {
  return readSerialLines(vm).flatMap((line) => (/^[0-9A-F]{4}$/.test(line) ? [parseInt(line, 16)] : []));
}

/** The lines that the guest of a VM printed. */
export function readSerialLines(vm: VirtualMachine): string[] {
  if (!existsSync(vm.serialLog)) return [];
  // The last line may be half written.
  return readFileSync(vm.serialLog, 'latin1')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/\r$/, ''));
}
