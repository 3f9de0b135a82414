/** Root file systems with other versions of libvirt: built by debootstrap, kept as built, and run as copies. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { accounts } from './accounts.ts';
import { daemonSettings, withBlock } from './configuration.ts';
import { debianSource } from './debian-source.ts';
import { chrootPackages } from './packages.ts';
import { paths } from './paths.ts';
import { chrootEnvironment, placeOf, suites } from './places.ts';
import type { LibvirtVersion, Place } from './places.ts';
import { endProcess } from './processes.ts';
import { run } from './run.ts';

/** Fewer files and no waiting for the disk: nobody reads manuals there, and a build that was cut off is begun anew. */
const dpkgSettings = ['doc', 'man', 'info', 'locale', 'lintian', 'bug'].map(
  (name) => `path-exclude=/usr/share/${name}/*`,
);

const cached = (version: LibvirtVersion): string => join(paths.cache, version);
/** Written when a root file system is complete: the hash of its listing. */
const mark = (version: LibvirtVersion): string => join(paths.cache, `${version}.complete`);

/** Mount points at or below a folder, the deepest first. */
export function mountsBelow(folder: string): string[] {
  const real = existsSync(folder) ? realpathSync(folder) : folder;
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .map((point) => point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter((point) => point === real || point.startsWith(`${real}/`))
    .reverse();
}

/** Ends the processes whose root file system a folder is: nobody else's can be there. */
async function endProcessesIn(root: string): Promise<void> {
  if (!existsSync(root)) return;
  const real = realpathSync(root);
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    let at = '';
    try {
      at = readlinkSync(`/proc/${name}/root`);
    } catch {
      // Gone meanwhile, or a thread of the kernel.
    }
    if (at === real) await endProcess(Number(name));
  }
}

/**
 * Deletes a root file system: ends what runs in it, takes its mounts away, and deletes nothing while one is left, so
 * that the machine's own files can never be met.
 */
async function removeTree(root: string): Promise<void> {
  await endProcessesIn(root);
  for (const point of mountsBelow(root)) {
    const done = await run('umount', [point], { expect: [0, 32] });
    if (done.exitCode !== 0) await run('umount', ['--lazy', point]);
  }
  const left = mountsBelow(root);
  if (left.length > 0) throw new Error(`${root} is not deleted: ${left.join(', ')} is still mounted.`);
  rmSync(root, { recursive: true, force: true });
}

async function mountIn(root: string, type: 'proc' | 'sysfs', point: string): Promise<void> {
  const target = join(root, point);
  if (!mountsBelow(target).includes(realpathSync(target))) {
    const options = type === 'proc' ? 'nosuid,nodev,noexec' : 'ro,nosuid,nodev,noexec';
    await run('mount', ['-t', type, '-o', options, type, target]);
  }
}

/** All that a folder holds. (Node's own recursive listing follows links, such as /dev/fd.) */
function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    yield path;
    if (entry.isDirectory()) yield* walk(path);
  }
}

/** A hash over names, sizes, modes and times of all that a folder holds: says whether it was changed. */
function listingHash(folder: string): string {
  const hash = createHash('sha256');
  for (const path of [...walk(folder)].sort()) {
    const found = lstatSync(path);
    const size = found.isDirectory() ? 0 : found.size;
    hash.update(`${path.slice(folder.length)}\0${found.mode}\0${size}\0${Math.trunc(found.mtimeMs)}\n`);
  }
  return hash.digest('hex');
}

/** True when the root file system of a version is there and needs no building. */
export function isBuilt(version: LibvirtVersion): boolean {
  return existsSync(mark(version));
}

/** Root file systems that were changed since they were built (they are run as copies: nothing may change them). */
export function changedCaches(): string[] {
  if (!existsSync(paths.cache)) return [];
  return readdirSync(paths.cache)
    .filter((name) => name in suites)
    .filter((name) => {
      const file = join(paths.cache, `${name}.complete`);
      return existsSync(file) && readFileSync(file, 'utf8') !== listingHash(join(paths.cache, name));
    })
    .map((name) => join(paths.cache, name));
}

/** Builds the root file system of a version with its libvirt, QEMU and the test users (about half a minute). */
export async function build(version: LibvirtVersion): Promise<void> {
  if (isBuilt(version)) return;
  const root = cached(version);
  await removeTree(root);
  mkdirSync(paths.cache, { recursive: true });
  const { mirror, keyring } = debianSource();
  const log = join(paths.cache, `${version}.log`);
  const step = async (command: string, args: readonly string[]): Promise<void> => {
    const environment = { ...chrootEnvironment, DEBIAN_FRONTEND: 'noninteractive' };
    const result = await run(command, args, { environment, expect: Array.from({ length: 256 }, (_, code) => code) });
    writeFileSync(log, result.stdout + result.stderr, { flag: 'a' });
    if (result.exitCode !== 0) {
      throw new Error(
        `${[command, ...args].join(' ')} failed (see ${log}):\n${lastLines(result.stderr || result.stdout)}`,
      );
    }
  };
  const variant = ['--variant=minbase', ...(keyring === undefined ? [] : [`--keyring=${keyring}`])];
  await step('/usr/sbin/debootstrap', [...variant, suites[version], root, mirror]);
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/snaptree'), [...dpkgSettings, 'force-unsafe-io', ''].join('\n'));
  // No daemon is started by the installation of its package.
  writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await mountIn(root, 'proc', 'proc');
  try {
    const inside = (...command: readonly string[]) => step('/usr/sbin/chroot', [root, ...command]);
    // A mirror may lag behind for longer than a list of unstable is said to be valid. It is signed all the same.
    await inside('apt-get', 'update', '-q', '-o', 'Acquire::Check-Valid-Until=false');
    await inside('apt-get', 'install', '-y', '-q', '--no-install-recommends', ...chrootPackages);
    for (const user of [accounts.operator, accounts.outsider]) {
      const groups = user === accounts.operator ? ['--groups', 'libvirt'] : [];
      await inside('useradd', '--system', '--user-group', '--no-create-home', '--shell', '/bin/bash', ...groups, user);
    }
  } finally {
    for (const point of mountsBelow(root)) await run('umount', [point]);
  }
  for (const folder of ['var/cache/apt/archives', 'var/lib/apt/lists', 'etc/libvirt/qemu/networks/autostart']) {
    rmSync(join(root, folder), { recursive: true, force: true });
  }
  for (const [name, lines] of Object.entries(daemonSettings)) {
    const file = join(root, 'etc/libvirt', name);
    writeFileSync(file, withBlock(readFileSync(file, 'utf8'), lines));
  }
  writeFileSync(mark(version), listingHash(root));
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n');
}

/**
 * Makes a place ready to start daemons in: a copy of what was built, with /proc and /sys, and its folders for VMs and
 * shared files, which have the same path inside and outside. What is there already stays.
 */
export async function prepare(place: Place): Promise<void> {
  if (place.version === undefined) return;
  const { root, version, images, shared } = place;
  const ready = join(root, '.ready');
  if (!existsSync(ready)) {
    await removeTree(root);
    mkdirSync(root, { recursive: true });
    for (const name of readdirSync(cached(version))) {
      // Nothing writes to the programs: links to them are copies enough. What daemons write to is copied.
      const how = name === 'usr' ? ['--archive', '--link'] : ['--archive'];
      await run('cp', [...how, join(cached(version), name), root]);
    }
    mkdirSync(join(root, images), { recursive: true });
    for (let folder = join(root, images); folder !== root; folder = dirname(folder)) {
      if (folder !== join(root, 'var/tmp') && folder !== join(root, 'tmp')) chmodSync(folder, 0o755);
    }
    if (!existsSync(shared)) symlinkSync(join(root, shared), shared);
    writeFileSync(ready, '');
  }
  await mountIn(root, 'proc', 'proc');
  await mountIn(root, 'sysfs', 'sys');
}

/** Deletes a place with everything in it; what was built stays. */
export async function remove(version: LibvirtVersion): Promise<void> {
  const place = placeOf(version);
  if (place.version === undefined) return;
  rmSync(place.shared, { force: true });
  await removeTree(place.root);
  if (existsSync(paths.chroots) && readdirSync(paths.chroots).length === 0) rmdirSync(paths.chroots);
}

/** Deletes what was built as well. */
export async function purge(): Promise<void> {
  for (const version of Object.keys(suites)) await removeTree(join(paths.cache, version));
  rmSync(paths.cache, { recursive: true, force: true });
}
