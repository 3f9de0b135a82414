/**
 * A guest that quiescing can be proven on: Debian's own kernel with QEMU's guest agent, and a process that writes into a real file
 * system without ever flushing it. Made from packages of the machine's own Debian, which are unpacked and never installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { initramfs, type InitramfsEntry } from './initramfs.ts';
import { paths } from './paths.ts';
import { run, waitUntil } from './run.ts';
import {
  createVirtualMachine,
  readSerialLines,
  virsh,
  virtualMachine,
  type VirtualMachine,
  type VirtualMachineSpec,
} from './virtual-machine.ts';

const cache = join(paths.cache, 'guest-with-agent');
/** The modules that the guest needs, besides those that they need themselves. The file system is part of the kernel. */
const modules = ['virtio_pci', 'virtio_blk', 'virtio_console'];

/**
 * The first process. `ticks` are written through the page cache, which nothing empties by itself: what is on the disk was
 * flushed by somebody. /run/at-freeze and /run/at-thaw hold what the agent's hook does then, once.
 */
const init = `#!/bin/sh
export PATH=/bin:/sbin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
ln -s /proc/mounts /etc/mtab
while read module; do insmod /modules/$module; done < /modules/order
echo 0 > /proc/sys/vm/dirty_writeback_centisecs
echo 8640000 > /proc/sys/vm/dirty_expire_centisecs
for disk in a b c; do
  [ -b /dev/vd$disk ] || continue
  mkdir -p /disks/vd$disk
  mount -t ext4 /dev/vd$disk /disks/vd$disk || echo "vd$disk mount failed"
done
for port in /sys/class/virtio-ports/*; do
  [ "$(cat $port/name)" = org.qemu.guest_agent.0 ] && agent=/dev/\${port##*/}
done
while :; do
  [ -e /run/no-agent ] || qemu-ga -m virtio-serial -p $agent -t /run -F/hook -l /run/agent.log
  sleep 1
done &
echo guest is up
count=0
while :; do
  count=$((count + 1))
  for disk in /disks/*; do echo "tick $count" >> $disk/ticks; done
  echo "tick $count"
  sleep 0.2
done
`;

const hook = `#!/bin/sh
[ -e "/run/at-$1" ] || exit 0
deed=$(cat "/run/at-$1")
rm "/run/at-$1"
eval "$deed"
`;

/** Those of busybox's commands that the guest uses. */
const tools = ['sh', 'mount', 'ln', 'insmod', 'mkdir', 'cat', 'sleep', 'kill', 'rm', 'sync', 'umount', 'poweroff'];

/** The packages as folders: what is in them below a new folder, which the caller deletes. */
function unpackedPackages(): string {
  const folder = mkdtempSync(join(cache, 'packages-'));
  const kernel = dependencyOf('linux-image-cloud-amd64', /^linux-image-\d/);
  download(folder, [kernel, 'busybox-static', 'qemu-guest-agent']);
  const files = join(folder, 'files');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    const { status, stderr } = spawnSync('dpkg-deb', ['-x', join(folder, file), files], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${file} could not be unpacked: ${stderr}`);
  }
  return folder;
}

/** The package that stands for another one in this release. */
function dependencyOf(name: string, pattern: RegExp): string {
  const ask = () =>
    words(spawnSync('apt-cache', ['depends', '--no-recommends', '--no-suggests', name], { encoding: 'utf8' }).stdout);
  let found = ask().find((word) => pattern.test(word));
  if (found === undefined) {
    // A machine that was just set up has no lists.
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    found = ask().find((word) => pattern.test(word));
  }
  if (found === undefined) throw new Error(`The package sources of this machine have no ${name}: it needs Debian.`);
  return found;
}

const words = (text: string): string[] => text.split(/\s+/);

function download(folder: string, names: readonly string[]): void {
  const get = () =>
    spawnSync('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
      cwd: folder,
      encoding: 'utf8',
    });
  let result = get();
  if (result.status !== 0) {
    // Lists that are older than the archive name files that are gone.
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    result = get();
  }
  if (result.status !== 0) throw new Error(`apt-get download ${names.join(' ')} failed:\n${result.stderr}`);
}

/** All files below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The modules and those that they need, in the order in which they are loaded, by file. */
function modulesInOrder(files: readonly string[]): string[] {
  const byName = new Map(
    files.flatMap((file) => {
      const name = /^([\w-]+)\.ko$/.exec(basename(file))?.[1];
      return name === undefined ? [] : [[name.replaceAll('-', '_'), file] as const];
    }),
  );
  const order: string[] = [];
  const load = (name: string): void => {
    const file = byName.get(name);
    // Part of this kernel, or not there: then the guest says that a disk is missing.
    if (file === undefined || order.includes(file)) return;
    const needed = /\0depends=([\w,-]*)\0/.exec(readFileSync(file, 'latin1'))?.[1] ?? '';
    for (const each of needed.split(',')) load(each.replaceAll('-', '_'));
    order.push(file);
  };
  for (const name of modules) load(name);
  return order;
}

/** The shared libraries of a program, as this machine has them: they come with QEMU. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]);
  const missing = /(\S+) => not found/.exec(stdout)?.[1];
  if (missing !== undefined) throw new Error(`The library ${missing}, which the guest agent needs, is not installed.`);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

async function entriesOf(files: string): Promise<InitramfsEntry[]> {
  const agent = join(files, 'usr/sbin/qemu-ga');
  const all = filesBelow(files);
  const order = modulesInOrder(all.filter((file) => file.includes('/modules/')));
  const busybox = all.find((file) => file.endsWith('/bin/busybox'));
  if (busybox === undefined) throw new Error('The package busybox-static holds no busybox.');
  const file = (path: string, from: string, executable = true): InitramfsEntry => ({
    kind: 'file',
    path,
    content: readFileSync(from),
    executable,
  });
  const script = (path: string, text: string): InitramfsEntry => ({
    kind: 'file',
    path,
    content: Buffer.from(text),
    executable: true,
  });
  return [
    ...['proc', 'sys', 'dev', 'run', 'etc', 'disks'].map((path): InitramfsEntry => ({ kind: 'folder', path })),
    file('bin/busybox', busybox),
    ...tools.map((name): InitramfsEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' })),
    file('usr/sbin/qemu-ga', agent),
    ...(await librariesOf(agent)).map((path) => file(path.slice(1), path)),
    ...order.map((path) => file(`modules/${basename(path)}`, path, false)),
    script('modules/order', order.map((path) => `${basename(path)}\n`).join('')),
    script('init', init),
    script('hook', hook),
  ];
}

/** Named after what is in it, so that a change of the recipe makes it again. */
const recipe = createHash('sha256')
  .update([init, hook, ...modules, ...tools].join('\n'))
  .digest('hex')
  .slice(0, 12);

/** Kernel and initramfs of such guests: made once (about a quarter of a minute), and kept as the root file systems are. */
async function kernelAndInitramfs(): Promise<{ readonly kernel: string; readonly initramfs: string }> {
  const made = join(cache, recipe);
  const result = { kernel: join(made, 'kernel'), initramfs: join(made, 'initramfs') };
  if (existsSync(made)) return result;
  mkdirSync(cache, { recursive: true });
  const folder = unpackedPackages();
  try {
    const files = join(folder, 'files');
    const kernel = filesBelow(join(files, 'boot')).find((file) => basename(file).startsWith('vmlinuz-'));
    if (kernel === undefined) throw new Error('The package of the kernel holds no kernel.');
    const complete = join(folder, 'complete');
    mkdirSync(complete);
    renameSync(kernel, join(complete, 'kernel'));
    writeFileSync(join(complete, 'initramfs'), gzipSync(initramfs(await entriesOf(files)), { level: 1 }));
    chmodSync(join(complete, 'kernel'), 0o644);
    // Two test runs may make it at once: the second finds that it is there.
    if (existsSync(made)) return result;
    for (const older of readdirSync(cache).filter((name) => !name.startsWith('packages-')))
      rmSync(join(cache, older), { recursive: true });
    renameSync(complete, made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

/** A VM whose disks (64 MiB, qcow2) hold an ext4 file system each, running, with its agent answering. */
export async function createGuestWithAgent(
  spec: Omit<VirtualMachineSpec, 'linux' | 'running'>,
): Promise<VirtualMachine> {
  const source = await kernelAndInitramfs();
  const { folder } = virtualMachine(spec);
  mkdirSync(folder, { recursive: true });
  const linux = { kernel: join(folder, 'kernel'), initramfs: join(folder, 'initramfs') };
  linkSync(source.kernel, linux.kernel);
  linkSync(source.initramfs, linux.initramfs);
  const disks = spec.disks ?? [{ target: 'vda' }];
  const vm = await createVirtualMachine({ ...spec, disks: disks.map((disk) => ({ ...disk, bootable: false })), linux });
  for (const image of Object.values(vm.images)) await makeFileSystem(image);
  await virsh(['start', vm.uuid], { version: vm.version });
  await guestAnswers(vm);
  return vm;
}

async function makeFileSystem(image: string): Promise<void> {
  const raw = `${image}.ext4`;
  await run('/usr/sbin/mkfs.ext4', ['-q', raw, '64M']);
  await run('qemu-img', ['convert', '-O', image.endsWith('.raw') ? 'raw' : 'qcow2', raw, image]);
  rmSync(raw);
}

/** Waits until the agent of a guest answers. */
export async function guestAnswers({ uuid, name, version }: VirtualMachine): Promise<void> {
  const ping = ['qemu-agent-command', uuid, '--timeout', '1', '{"execute":"guest-ping"}'];
  await waitUntil(
    `the agent in ${name} to answer`,
    async () => (await virsh(ping, { version, expect: [0, 1] })).exitCode === 0,
    300_000,
  );
}

/** The counts that the guest has printed after it wrote them to its file systems. */
export function guestTicks(vm: VirtualMachine): number[] {
  return readSerialLines(vm).flatMap((line) => {
    const tick = /^tick (\d+)$/.exec(line)?.[1];
    return tick === undefined ? [] : [Number(tick)];
  });
}

/** Waits until the guest has counted on: it runs, and its file systems take what it writes. */
export async function guestWritesOn(vm: VirtualMachine): Promise<void> {
  const before = guestTicks(vm).at(-1) ?? 0;
  await waitUntil(`${vm.name} to write on`, () => (guestTicks(vm).at(-1) ?? 0) > before + 1, 60_000);
}

/** Runs a line of shell in the guest through its agent, without waiting for its end. */
export async function tellGuest({ uuid, version }: VirtualMachine, line: string): Promise<void> {
  const command = { execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', line] } };
  await virsh(['qemu-agent-command', uuid, JSON.stringify(command)], { version });
}

/** What a file system in an image (of a chain that nothing writes to) is like. */
export interface FileSystemFindings {
  /** Whether its journal has to be played back before it can be used. */
  readonly needsRecovery: boolean;
  /** The counts in its file `ticks`. */
  readonly ticks: readonly number[];
}

/** Looks into the ext4 file system of an image. Changes nothing. */
export async function lookIntoFileSystem(image: string): Promise<FileSystemFindings> {
  const raw = `${image}.looked-into`;
  try {
    await run('qemu-img', ['convert', '-U', '-O', 'raw', image, raw]);
    const about = (await run('/usr/sbin/dumpe2fs', ['-h', raw])).stdout;
    const ticks = (await run('/usr/sbin/debugfs', ['-R', 'cat /ticks', raw])).stdout;
    return {
      needsRecovery: /^Filesystem features:.*needs_recovery/m.test(about),
      ticks: [...ticks.matchAll(/^tick (\d+)$/gm)].map(([, count]) => Number(count)),
    };
  } finally {
    rmSync(raw, { force: true });
  }
}
