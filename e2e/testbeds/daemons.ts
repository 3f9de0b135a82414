import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { placeOf, runAt } from './places.ts';
import type { Place } from './places.ts';
import { endProcess, pidFromFile } from './processes.ts';
import { waitUntil } from './run.ts';

const names = ['virtlogd', 'libvirtd'] as const;
/** As the daemon sees it. */
const pidFile = (place: Place, name: string): string => join(place.daemons, `${name}.pid`);

/** Folders in which libvirt's daemons keep what they make at run time. */
const daemonFolders = [
  '/etc/libvirt',
  '/run/libvirt',
  '/run/sshd',
  '/var/cache/libvirt',
  '/var/lib/libvirt',
  '/var/log/libvirt',
] as const;

/** True when `virsh -c qemu:///system` gets an answer. */
export async function libvirtAnswers(place = placeOf()): Promise<boolean> {
  const asked = await runAt(place, 'virsh', ['-c', 'qemu:///system', 'uri'], { expect: [0, 1, 127] });
  return asked.exitCode === 0;
}

/** The process ids of the daemons that we started and that live. */
export function ownDaemons(place = placeOf()): Record<string, number> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const file = pidFile(place, name);
      const pid = pidFromFile(join(place.root, file), file);
      return pid === undefined ? [] : [[name, pid]];
    }),
  );
}

/**
 * The folder of the sockets, open to every account as systemd makes it. virtlogd, which comes first, makes it for itself alone,
 * and the sockets' own modes then count for nothing.
 */
function openRunFolder({ root }: Place): void {
  const folder = join(root, '/run/libvirt');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

/** Starts virtlogd and libvirtd (those of ours that do not run) and waits until libvirt answers. */
export async function startDaemons(place = placeOf()): Promise<void> {
  const folder = join(place.root, place.daemons);
  mkdirSync(folder, { recursive: true });
  // One that lives and does not answer (its socket is gone) never will.
  if ('libvirtd' in ownDaemons(place) && !(await libvirtAnswers(place))) await stopDaemons(place);
  openRunFolder(place);
  for (const name of names) {
    if (name in ownDaemons(place)) continue;
    const log = openSync(join(folder, `${name}.output`), 'a');
    const command = [`/usr/sbin/${name}`, '--pid-file', pidFile(place, name)];
    const [program = '', ...rest] = place.root === '' ? command : ['/usr/sbin/chroot', place.root, ...command];
    const child = spawn(program, rest, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      // Nothing of the test runner's environment may reach the VMs.
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LIBVIRT_LOG_OUTPUTS: `3:file:${join(place.daemons, `${name}.log`)}`,
      },
    });
    child.unref();
    closeSync(log);
    await waitUntil(`${name} to write its pid file (see ${folder})`, () => name in ownDaemons(place), 30_000);
  }
  await waitUntil(`libvirtd to answer (see ${folder})`, () => libvirtAnswers(place), 30_000);
}

/** Stops the daemons that we started, libvirtd first. */
export async function stopDaemons(place = placeOf()): Promise<void> {
  for (const name of [...names].reverse()) {
    const file = pidFile(place, name);
    const pid = pidFromFile(join(place.root, file), file);
    if (pid !== undefined) await endProcess(pid);
  }
}

/** All files and folders in the daemons' own folders (or in some of them). */
export function listDaemonFiles(folders: readonly string[] = daemonFolders): string[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [
      folder,
      ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    ])
    .sort();
}

/** Where files that were not there before are the daemons' and worth nothing. */
const disposable: readonly string[] = [
  '/run/',
  '/var/cache/',
  '/var/log/',
  // Run-time data of a VM; a libvirtd that was killed leaves it.
  '/var/lib/libvirt/qemu/domain-',
];

/**
 * Removes what our daemons left in their folders: sockets, pid files, caches and logs, and empty folders. Other files
 * in /etc/libvirt and /var/lib/libvirt (a disk that somebody put there meanwhile) are never touched.
 * @param before the list from before the daemons were started
 * @param startedLibvirt false when libvirt's daemons were not ours: then only what sshd left is removed
 */
export function removeDaemonFiles(before: readonly string[], startedLibvirt: boolean): void {
  const known = new Set(before);
  // Longest first: what is in a folder goes before the folder.
  const added = listDaemonFiles(startedLibvirt ? daemonFolders : ['/run/sshd']).filter((file) => !known.has(file));
  for (const file of added.sort((a, b) => b.length - a.length)) {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
      if (readdirSync(file).length === 0) rmdirSync(file);
    } else if (disposable.some((start) => file.startsWith(start))) {
      rmSync(file, { force: true });
    }
  }
}
