import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { accounts, ensureAccounts, existingUsers, keyFiles, removeAccounts } from './accounts.ts';
import { applyConfiguration, hashConfiguration, restoreConfiguration } from './configuration.ts';
import {
  libvirtAnswers,
  listDaemonFiles,
  ownDaemons,
  removeDaemonFiles,
  startDaemons,
  stopDaemons,
} from './daemons.ts';
import { ensureVirtualMachines, fixtures } from './fixtures.ts';
import { ensurePackages, requiredPackages } from './packages.ts';
import { paths, testbedFolder } from './paths.ts';
import { listProcesses, readProcess } from './processes.ts';
import { waitUntil } from './run.ts';
import { openSshServer, startSshServer, stopSshServers } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';
import { readState, writeState } from './state.ts';
import type { TestbedState } from './state.ts';
import { deleteVirtualMachine, endStrayGuests, listVirtualMachines } from './virtual-machine.ts';

/** Name of the SSH server that `up` starts. */
const mainServer = 'main';

/** What one needs to connect to the testbed's host, and where things are. */
export interface TestbedConnection {
  readonly host: string;
  readonly port: number;
  /** root by key, an unprivileged user in the group libvirt, and one outside of it. */
  readonly users: typeof accounts;
  /** Of the two unprivileged users. */
  readonly password: string;
  readonly keyFile: string;
  readonly protectedKeyFile: string;
  readonly passphrase: string;
  readonly strangerKeyFile: string;
  readonly knownHosts: readonly string[];
  readonly fingerprints: Readonly<Record<string, string>>;
  readonly folder: string;
}

export interface TestbedStatus {
  readonly up: boolean;
  readonly daemons: Readonly<Record<string, number>>;
  /** 'ours', 'of the machine' (found running and used), or 'none'. */
  readonly libvirt: 'ours' | 'of the machine' | 'none';
  readonly users: readonly string[];
  readonly connection: TestbedConnection | undefined;
  readonly virtualMachines: readonly {
    readonly name: string;
    readonly uuid: string;
    readonly state: string;
    readonly about: string;
  }[];
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'The testbed starts sshd and libvirtd and makes users: it needs root. Run the same command as root.',
    );
  }
}

/** Holds a lock file while a change of the testbed is made: two test runs may start at once. */
async function withLock<T>(action: () => Promise<T>): Promise<T> {
  await waitUntil(
    `another "testbed" command to end (${paths.lock})`,
    () => {
      try {
        writeFileSync(paths.lock, String(process.pid), { flag: 'wx' });
        return true;
      } catch {
        const holder = existsSync(paths.lock) ? Number(readFileSync(paths.lock, 'utf8')) : 0;
        if (holder > 0 && readProcess(holder) === undefined) rmSync(paths.lock, { force: true });
        return false;
      }
    },
    120_000,
  );
  try {
    return await action();
  } finally {
    rmSync(paths.lock, { force: true });
  }
}

/** What `down` has to leave as it was, as lines that can be compared. */
export function footprint(): string[] {
  const names = new Set(['sshd', 'libvirtd', 'virtlogd', 'virtlockd', 'dnsmasq']);
  const ofTestbed = listProcesses().filter(
    (each) => each.pid !== process.pid && (names.has(each.name) || each.name.startsWith('qemu-system')),
  );
  return [
    ...Object.entries(hashConfiguration()).map(([file, hash]) => `${hash} ${file}`),
    ...['/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow', '/etc/subuid', '/etc/subgid'].flatMap((file) =>
      existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            // Never the password fields themselves.
            .map((line) => `${file} ${file.includes('shadow') ? (line.split(':')[0] ?? '') : line}`)
        : [],
    ),
    ...listDaemonFiles(),
    ...ofTestbed.map((each) => `process ${each.pid} ${each.commandLine}`),
    ...(existsSync(testbedFolder) ? [testbedFolder] : []),
  ];
}

/** The `footprint` from before `up`; undefined when the testbed is not up. */
export function footprintBefore(): string[] | undefined {
  return existsSync(paths.before) ? (JSON.parse(readFileSync(paths.before, 'utf8')) as string[]) : undefined;
}

async function begin(): Promise<TestbedState> {
  // What a testbed whose folder was deleted left behind would count as the machine's own.
  restoreConfiguration({});
  const before = footprint();
  const filesBefore = listDaemonFiles();
  const startedLibvirt = !(await libvirtAnswers());
  mkdirSync(testbedFolder, { recursive: true });
  chmodSync(testbedFolder, 0o755);
  const state: TestbedState = {
    version: 1,
    startedLibvirt,
    password: randomBytes(12).toString('base64url'),
    passphrase: randomBytes(12).toString('base64url'),
    configurationAfterStart: {},
    filesBefore,
  };
  writeFileSync(paths.before, JSON.stringify(before));
  writeState(state);
  return state;
}

/**
 * Brings the testbed up: packages, daemons, users, an SSH server and the VMs. What is up already stays as it is.
 * @param options.yes installs missing Debian packages (also done when CI is set)
 * @throws when not root, when packages are missing, or when a daemon does not start: says what to do
 */
export async function up(options: { yes?: boolean; port?: number } = {}): Promise<TestbedConnection> {
  requireRoot();
  ensurePackages(requiredPackages, options.yes === true);
  return withLock(async () => {
    let state = readState() ?? (await begin());
    if (state.startedLibvirt && !('libvirtd' in ownDaemons() && (await libvirtAnswers()))) {
      applyConfiguration();
      await startDaemons();
      await endStrayGuests();
      // The first start of a libvirtd rewrites files; remembered once, for `down`.
      if (Object.keys(state.configurationAfterStart).length === 0) {
        state = { ...state, configurationAfterStart: hashConfiguration() };
        writeState(state);
      }
    }
    await ensureAccounts(state.password, state.passphrase);
    const server = openSshServer(mainServer) ?? (await startSshServer({ name: mainServer, port: options.port ?? 0 }));
    await ensureVirtualMachines();
    return describeConnection(state, server);
  });
}

async function describeConnection(state: TestbedState, server: SshServer): Promise<TestbedConnection> {
  return {
    host: server.host,
    port: server.port,
    users: accounts,
    password: state.password,
    keyFile: keyFiles.plain,
    protectedKeyFile: keyFiles.protected,
    passphrase: state.passphrase,
    strangerKeyFile: keyFiles.stranger,
    knownHosts: server.knownHosts(),
    fingerprints: await server.fingerprints(),
    folder: testbedFolder,
  };
}

/** Connection data of the testbed that is up; throws when none is. */
export async function connection(): Promise<TestbedConnection> {
  const state = readState();
  const server = openSshServer(mainServer);
  if (state === undefined || server === undefined) {
    throw new Error('The testbed is not up. Run: npm run testbed -- up libvirt');
  }
  return describeConnection(state, server);
}

async function removeVirtualMachines(): Promise<void> {
  const known = new Map(fixtures.map(({ spec }) => [spec.name, spec]));
  for (const { name } of await listVirtualMachines()) await deleteVirtualMachine(known.get(name) ?? { name });
}

/** Takes the testbed down and puts everything back. Does nothing when it is not up. */
export async function down(): Promise<void> {
  requireRoot();
  await withLock(async () => {
    const state = readState();
    await stopSshServers();
    if (state !== undefined) {
      // After a crash or a restart of the machine our VMs are still defined: only libvirt can take them out.
      if (state.startedLibvirt && !('libvirtd' in ownDaemons() && (await libvirtAnswers()))) {
        applyConfiguration();
        await startDaemons();
      }
      await removeVirtualMachines();
      await endStrayGuests();
      if (state.startedLibvirt) await stopDaemons();
    }
    await removeAccounts();
    restoreConfiguration(state?.configurationAfterStart ?? {});
    if (state !== undefined) removeDaemonFiles(state.filesBefore, state.startedLibvirt);
    // Again: a test that still ran may have started one meanwhile.
    await stopSshServers();
    rmSync(testbedFolder, { recursive: true, force: true });
  });
}

/** What is up now. Changes nothing. */
export async function status(): Promise<TestbedStatus> {
  const state = readState();
  const server = openSshServer(mainServer);
  const answers = await libvirtAnswers().catch(() => false);
  const daemons = ownDaemons();
  const about = new Map(fixtures.map((fixture) => [fixture.spec.name, fixture.about]));
  const machines = answers ? await listVirtualMachines() : [];
  return {
    up: state !== undefined && server !== undefined && answers,
    daemons: server === undefined ? daemons : { ...daemons, sshd: server.pid },
    libvirt: 'libvirtd' in daemons ? 'ours' : answers ? 'of the machine' : 'none',
    users: existingUsers(),
    connection: state !== undefined && server !== undefined ? await describeConnection(state, server) : undefined,
    virtualMachines: machines.map((each) => ({ ...each, about: about.get(each.name) ?? 'made by a test' })),
  };
}
