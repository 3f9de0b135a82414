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

/** A part of an image, in bytes, and the byte that fills it. */
export interface Pattern {
  readonly byte: number;
  readonly offset: number;
  readonly length: number;
}

/** `writePattern` for many at once. */
export async function writePatterns(image: string, patterns: readonly Pattern[]): Promise<void> {
  const { format } = await imageInfo(image);
  const commands = patterns.flatMap(({ byte, offset, length }) => ['-c', pattern('write', byte, offset, length)]);
  await run('qemu-io', ['-f', format, ...commands, image]);
}

/** Those that an image (with the chain below it) does not hold; as `hasPattern`, and by one command. */
export async function missingPatterns(image: string, patterns: readonly Pattern[]): Promise<readonly Pattern[]> {
  const { format } = await imageInfo(image);
  const commands = patterns.flatMap(({ byte, offset, length }) => ['-c', pattern('read', byte, offset, length)]);
  const { stdout, stderr } = await run('qemu-io', ['-r', '-U', '-f', format, ...commands, image], { expect: [0, 1] });
  const answers = [...stdout.matchAll(/^(?:Pattern verification failed at offset (\d+)|read (\d+)\/(\d+) bytes)/gm)];
  const missing = answers.flatMap(([, failedAt], index) => (failedAt === undefined ? [] : [index]));
  // A failed read is told of twice: that it failed, and then how much of it was read.
  if (answers.length - missing.length !== patterns.length)
    throw new Error(`qemu-io could not read ${image}: ${stdout}${stderr}`);
  return missing.flatMap((at, before) => patterns[at - before] ?? []);
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

/** Lets a VM that runs write down what its QEMU holds back of a disk: then an image can be read beside it. */
export async function flushGuestDisk(vm: VirtualMachine, target: string): Promise<void> {
  if ((await stateOf(vm.uuid, vm.version)) !== 'shut off') await guestCommand(vm, target, 'flush');
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
  await flushGuestDisk(vm, target);
  return hasPattern(await activeImage(vm, target), byte, offset, length);
}
