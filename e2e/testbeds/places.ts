import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { paths, testbedFolder } from './paths.ts';
import { run } from './run.ts';
import type { CommandResult, RunOptions } from './run.ts';

/**
 * The versions of libvirt that the testbed can have, and the Debian release each of them is in. What `newest` is changes from day to
 * day; it may be impossible to install, so nothing may need it.
 */
export const suites = { '7.0': 'bullseye', '9.0': 'bookworm', '11.3': 'trixie', newest: 'sid' } as const;
export type LibvirtVersion = keyof typeof suites;
/** Those that the product is held to. */
export const allVersions: readonly LibvirtVersion[] = ['7.0', '9.0', '11.3'];
export const knownVersions: readonly LibvirtVersion[] = [...allVersions, 'newest'];

/** Where a libvirt of the testbed runs: on the machine itself, or in a root file system of its own (a chroot). */
export interface Place {
  /** Undefined: the machine's own libvirt, whatever its version is. */
  readonly version: LibvirtVersion | undefined;
  /** The root file system; '' for the machine itself. */
  readonly root: string;
  /** The folder of the VMs: the same path inside the root file system and (by a link) outside. */
  readonly images: string;
  /** A folder for what both sides need, as `images`. */
  readonly shared: string;
  /** The folder of the daemons' pid files and logs, as seen inside. */
  readonly daemons: string;
}

const machine: Place = {
  version: undefined,
  root: '',
  images: paths.images,
  shared: testbedFolder,
  daemons: paths.daemons,
};

let ownVersionRead: string | undefined;

/** "9.0": the version of the machine's own libvirt, or '' where it has none. */
export function ownVersion(): string {
  ownVersionRead ??= /^\d+\.\d+/.exec(spawnSync('virsh', ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? '';
  return ownVersionRead;
}

/** The versions that need a root file system of their own on this machine. */
export function otherVersions(): LibvirtVersion[] {
  return knownVersions.filter((version) => version !== ownVersion());
}

/** The place of a version; that of the machine itself when left out or when it has that version. */
export function placeOf(version?: LibvirtVersion): Place {
  if (version === undefined || version === ownVersion()) return machine;
  const shared = join(testbedFolder, version);
  return {
    version,
    root: join(paths.chroots, version),
    images: join(shared, 'images'),
    shared,
    daemons: join('/run', `snaptree-testbed-${version}`),
  };
}

/** The environment of what runs in a root file system: that of the machine does not hold there. */
export const chrootEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  TMPDIR: '/tmp',
} as const;

/** Runs a command in a place, as root. */
export async function runAt(
  place: Place,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  if (place.root === '') return run(command, args, options);
  const environment = { ...chrootEnvironment, ...options.environment };
  return run('/usr/sbin/chroot', [place.root, command, ...args], { ...options, environment });
}
