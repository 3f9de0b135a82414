import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { paths } from './paths.ts';

const root = '/etc/libvirt';
const begin = '# begin snaptree testbed';
const end = '# end snaptree testbed\n';

/**
 * Settings without which libvirt's daemons do not work as root without systemd. libvirt takes the first of two equal
 * settings in a file, so the block stands before everything else.
 */
export const daemonSettings: Readonly<Record<string, readonly string[]>> = {
  'qemu.conf': [
    'user = "root"',
    'group = "root"',
    'security_driver = "none"',
    'remember_owner = 0',
    'namespaces = []',
    'cgroup_controllers = []',
    // A VM start takes 4.3 s instead of 0.3 s with the sandbox.
    'seccomp_sandbox = 0',
  ],
  // Without these a user other than root gets "Unable to get system bus connection".
  'libvirtd.conf': [
    'unix_sock_group = "libvirt"',
    'unix_sock_ro_perms = "0777"',
    'unix_sock_rw_perms = "0770"',
    'auth_unix_ro = "none"',
    'auth_unix_rw = "none"',
  ],
};

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** SHA-256 of every file below /etc/libvirt. */
export function hashConfiguration(): Record<string, string> {
  return Object.fromEntries(
    listFiles(root)
      .sort()
      .map((file) => [file, hashOf(file)]),
  );
}

/** Text without our block; the same text when it has none. */
export function withoutBlock(text: string): string {
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  return start < 0 || stop < 0 ? text : text.slice(0, start) + text.slice(stop + end.length);
}

/** Text with our block of settings in front (once). */
export function withBlock(text: string, settings: readonly string[]): string {
  return `${begin}: taken out again by "npm run testbed -- down libvirt"\n${settings.join('\n')}\n${end}${withoutBlock(text)}`;
}

/** Copies every file of /etc/libvirt aside, then adds our settings to the daemons' files. */
export function applyConfiguration(): void {
  // Once only: after a crash the copies are the originals, while the files at hand may have our block.
  for (const file of existsSync(paths.backups) ? [] : listFiles(root)) {
    const copy = join(paths.backups, relative(root, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
  for (const [name, settings] of Object.entries(daemonSettings)) {
    const file = join(root, name);
    // Written in place: owner and mode stay.
    writeFileSync(file, withBlock(readFileSync(file, 'utf8'), settings));
  }
}

/**
 * Puts /etc/libvirt back. Our blocks are taken out (edits that somebody made beside them stay), and files that the
 * daemons rewrote when we started them (libvirtd adds UUIDs to network filters and networks) get their old content,
 * unless they were changed again later.
 * @param afterStart hashes of the files right after our daemons had started
 */
export function restoreConfiguration(afterStart: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(daemonSettings)) {
    const file = join(root, name);
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const restored = withoutBlock(text);
    if (restored !== text) writeFileSync(file, restored);
  }
  for (const copy of listFiles(paths.backups)) {
    const name = relative(paths.backups, copy);
    const file = join(root, name);
    if (name in daemonSettings || !existsSync(file) || !statSync(file).isFile()) continue;
    if (hashOf(file) === afterStart[file] && hashOf(copy) !== hashOf(file)) copyFileSync(copy, file);
  }
}
