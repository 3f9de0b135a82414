import { run } from './run.ts';
import { stateOf, virsh } from './virtual-machine.ts';
import type { VirtualMachine } from './virtual-machine.ts';

const mebibyte = 1024 ** 2;

function pattern(verb: 'write' | 'read', byte: number, offset: number, length: number): string {
  return `${verb} -P ${byte} ${offset} ${length}`;
}

interface ImageInfo {
  readonly format: string;
  readonly 'backing-filename'?: string;
  readonly snapshots?: readonly { readonly id: string; readonly name: string; readonly 'vm-state-size': number }[];
}

/** What `qemu-img info -U` says of one image (not of its chain). */
export async function imageInfo(image: string): Promise<ImageInfo> {
  const result = await run('qemu-img', ['info', '-U', '--output=json', '--', image]);
  return JSON.parse(result.stdout) as ImageInfo;
}

/** The names of the internal snapshots in an image, in the image's order. */
export async function internalSnapshotsOf(image: string): Promise<string[]> {
  return ((await imageInfo(image)).snapshots ?? []).map((snapshot) => snapshot.name);
}

/** Fills a part of an image that no running VM uses with one byte. Offset and length in bytes. */
export async function writePattern(image: string, byte: number, offset = 0, length = mebibyte): Promise<void> {
  const { format } = await imageInfo(image);
  await run('qemu-io', ['-f', format, '-c', pattern('write', byte, offset, length), image]);
}

/**
 * True when a part of an image (with the chain below it) holds only this byte. Read-only and without locking, so that
 * it works beside a running VM; what that VM has not flushed is not seen: `guestDiskHasPattern` asks QEMU itself.
 */
export async function hasPattern(image: string, byte: number, offset = 0, length = mebibyte): Promise<boolean> {
  const { format } = await imageInfo(image);
  const result = await run('qemu-io', ['-r', '-U', '-f', format, '-c', pattern('read', byte, offset, length), image], {
    expect: [0, 1],
  });
  if (/verification failed/i.test(result.stdout)) return false;
  if (result.exitCode === 0 && result.stdout.includes(`read ${length}/${length} bytes`)) return true;
  throw new Error(`qemu-io could not read ${image}: ${result.stdout}${result.stderr}`);
}

/** The file that a VM's disk writes to now: the active layer. */
export async function activeImage(vm: VirtualMachine, target: string): Promise<string> {
  const { stdout } = await virsh(['domblklist', vm.uuid], vm);
  const line = stdout.split('\n').find((each) => each.trim().startsWith(`${target} `));
  if (line === undefined) throw new Error(`VM ${vm.name} has no disk ${target}:\n${stdout}`);
  return line.trim().slice(target.length).trim();
}

/** Runs a qemu-io command on a disk inside the VM's own QEMU. What it prints goes to QEMU's output, not to us. */
async function guestCommand(vm: VirtualMachine, target: string, command: string): Promise<void> {
  const device = `/machine/peripheral/ua-${target}/virtio-backend`;
  const line = `qemu-io -d ${device} "${command}"`;
  const { stdout } = await virsh(['qemu-monitor-command', vm.uuid, '--hmp', line], vm);
  if (stdout.includes('Error')) throw new Error(`QEMU of ${vm.name} refused "${command}" on ${target}: ${stdout}`);
}

/**
 * Fills a part of a VM's disk with one byte, as the guest would: through QEMU when the VM runs, else in its active
 * image. Flushed, and read back, when it returns.
 */
export async function writeGuestDisk(
  vm: VirtualMachine,
  target: string,
  byte: number,
  offset = 0,
  length = mebibyte,
): Promise<void> {
  if ((await stateOf(vm.uuid, vm.version)) === 'shut off') {
    await writePattern(await activeImage(vm, target), byte, offset, length);
  } else {
    await guestCommand(vm, target, pattern('write', byte, offset, length));
  }
  if (!(await guestDiskHasPattern(vm, target, byte, offset, length))) {
    throw new Error(`Writing to ${target} of ${vm.name} had no effect.`);
  }
}

/** True when a part of a VM's disk, as the guest sees it now, holds only this byte. */
export async function guestDiskHasPattern(
  vm: VirtualMachine,
  target: string,
  byte: number,
  offset = 0,
  length = mebibyte,
): Promise<boolean> {
  // qcow2 metadata of a running VM may be in QEMU's memory only.
  if ((await stateOf(vm.uuid, vm.version)) !== 'shut off') await guestCommand(vm, target, 'flush');
  return hasPattern(await activeImage(vm, target), byte, offset, length);
}
