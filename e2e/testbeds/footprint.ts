/** What the testbed leaves on the machine, as lines that can be compared, and which differences are the testbed's own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { accounts } from './accounts.ts';
import { changedCaches, mountsBelow } from './chroots.ts';
import { hashConfiguration, withoutBlock } from './configuration.ts';
import { listDaemonFiles } from './daemons.ts';
import { paths, testbedFolder } from './paths.ts';
import { listProcesses } from './processes.ts';
import type { ProcessInfo } from './processes.ts';

const accountFiles = ['/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow', '/etc/subuid', '/etc/subgid'];
const madeAccounts: readonly string[] = [accounts.operator, accounts.outsider];

/** What `down` has to leave as it was, as lines that can be compared. */
export function footprint(): string[] {
  return [
    ...Object.entries(hashConfiguration()).map(([file, hash]) => `${hash} ${file}`),
    ...accountFiles
      .filter((file) => existsSync(file))
      .flatMap((file) => accountLines(file, readFileSync(file, 'utf8'))),
    ...listDaemonFiles(),
    ...processesOfTestbed(listProcesses()).map(({ pid, commandLine }) => `process ${pid} ${commandLine}`),
    ...testbedEntries(),
    ...mountsBelow(testbedFolder).map((point) => `mount ${point}`),
    ...changedCaches().map((folder) => `changed ${folder}`),
  ];
}

/** The lines of a file of users or groups that name an account of the testbed, be it as a member only. Never passwords. */
export function accountLines(file: string, text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.split(/[:,]/).some((word) => madeAccounts.includes(word)))
    .map((line) => `${file} ${file.includes('shadow') ? (line.split(':')[0] ?? '') : line}`);
}

/**
 * The testbed's daemons, what they started, and what its users run. An sshd is the testbed's unless it belongs to one
 * that listens and is not: what is left of a connection does not say any more who took it.
 */
export function processesOfTestbed(all: readonly ProcessInfo[]): ProcessInfo[] {
  const byId = new Map(all.map((each) => [each.pid, each]));
  const names = new Set(['sshd', 'sshd-session', 'sshd-auth', 'libvirtd', 'virtlogd', 'virtlockd', 'dnsmasq']);
  // `sshd: /usr/sbin/sshd -D [listener] …`; that of a connection is `sshd: root@notty` and the like.
  const isListener = ({ name, commandLine }: ProcessInfo): boolean =>
    name === 'sshd' && /^(sshd: )?\/\S*sshd( |$)/.test(commandLine);
  const hasForeignListener = (each: ProcessInfo | undefined): boolean =>
    each !== undefined &&
    ((isListener(each) && !each.commandLine.includes(testbedFolder)) || hasForeignListener(byId.get(each.parent)));
  return all.filter((each) => {
    const { pid, name, commandLine } = each;
    if (pid === process.pid || !(names.has(name) || name.startsWith('qemu-system'))) return false;
    if (commandLine.includes(testbedFolder)) return true;
    return name.startsWith('sshd') && !hasForeignListener(each);
  });
}

/** What is in the testbed's folder, without the root file systems that stay for the next time. */
function testbedEntries(): string[] {
  if (!existsSync(testbedFolder)) return [];
  const entries = readdirSync(testbedFolder).map((name) => join(testbedFolder, name));
  const left = entries.filter((entry) => entry !== paths.cache);
  return entries.length > 0 && left.length === 0 ? [] : [testbedFolder, ...left];
}

/** What is needed to tell the testbed's traces from what else happened on the machine meanwhile. */
export interface Machine {
  /** Whether the daemons of libvirt were the testbed's. */
  readonly startedLibvirt: boolean;
  /** Hashes of /etc/libvirt right after these daemons had started. */
  readonly configurationAfterStart: Readonly<Record<string, string>>;
  readonly exists: (file: string) => boolean;
  /** The text of a file that is there. */
  readonly read: (file: string) => string;
  /** Whether an installed package has the file or folder. */
  readonly isOfPackage: (file: string) => boolean;
}

/**
 * What the testbed did not put back, in words. What others did meanwhile is none of it: packages that were installed or
 * upgraded, with their users and groups and files; edits; other daemons.
 */
export function leftBehind(before: readonly string[], after: readonly string[], machine: Machine): string[] {
  const [known, present] = [new Set(before), new Set(after)];
  const added = after.filter((line) => !known.has(line) && isAddedByTestbed(line, before, machine));
  const gone = before.filter((line) => !present.has(line) && isTakenByTestbed(line, machine));
  return [...added.map((line) => `left behind: ${line}`), ...gone.map((line) => `missing:     ${line}`)];
}

const libvirtFiles = /^\/(etc|run|var\/(cache|log|lib))\/libvirt/;
const hashLine = /^[0-9a-f]{64} (\/.*)$/s;

function isAddedByTestbed(line: string, before: readonly string[], machine: Machine): boolean {
  const [, configuration] = hashLine.exec(line) ?? [];
  if (configuration !== undefined) {
    const isNew = !before.some((other) => hashLine.exec(other)?.[1] === configuration);
    // A new one is told by its name.
    if (isNew) return false;
    const text = machine.read(configuration);
    if (withoutBlock(text) !== text) return true;
    return machine.startedLibvirt && line.startsWith(`${machine.configurationAfterStart[configuration] ?? '-'} `);
  }
  if (accountFiles.some((file) => line.startsWith(`${file} `)))
    return accountLines('', line.replace(/^\S+ /, '')).length > 0;
  // A libvirtd of the machine's own goes on writing its cache and logs.
  if (libvirtFiles.test(line)) return machine.startedLibvirt && !machine.isOfPackage(line);
  if (line.startsWith('/run/sshd')) return !machine.isOfPackage(line);
  return true;
}

function isTakenByTestbed(line: string, machine: Machine): boolean {
  const file = hashLine.exec(line)?.[1] ?? line;
  // Definitions and disks are data. Sockets, caches and logs come and go, and so do others' accounts and processes.
  return machine.startedLibvirt && /^\/(etc|var\/lib)\/libvirt/.test(file) && !machine.exists(file);
}

/** The machine as it is. */
export function thisMachine(state: Pick<Machine, 'startedLibvirt' | 'configurationAfterStart'>): Machine {
  return {
    ...state,
    exists: existsSync,
    read: (file) => readFileSync(file, 'utf8'),
    isOfPackage: (file) => spawnSync('dpkg-query', ['-S', file], { stdio: 'ignore' }).status === 0,
  };
}
