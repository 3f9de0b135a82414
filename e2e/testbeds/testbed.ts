import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
import { ensureVirtualMachines, fixtures } from './scenes.ts';
import { footprint } from './footprint.ts';
import { mountsBelow, purge } from './chroots.ts';
import { ensurePackages, requiredPackages } from './packages.ts';
import { paths, testbedFolder } from './paths.ts';
import { readProcess } from './processes.ts';
import { waitUntil } from './run.ts';
import { otherVersions } from './places.ts';
import type { LibvirtVersion } from './places.ts';
import { openSshServer, startSshServer, stopSshServers } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';
import { readState, writeState } from './state.ts';
import type { TestbedState } from './state.ts';
import { downVersions, upVersions, versionServer, versionStatus } from './versions.ts';
import type { VersionStatus } from './versions.ts';
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
  /** Other versions of libvirt that are up. */
  readonly versions: readonly VersionStatus[];
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
    // Other versions are built under it.
    600_000,
  );
  try {
    return await action();
  } finally {
    rmSync(paths.lock, { force: true });
  }
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
 * @param options.versions also these versions of libvirt, where they are not the machine's own
 * @throws when not root, when packages are missing, or when a daemon does not start: says what to do
 */
export async function up(
  options: { yes?: boolean; port?: number; versions?: readonly LibvirtVersion[] } = {},
): Promise<TestbedConnection> {
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
    await upVersions(options.versions ?? [], options.yes === true);
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

/** Connection data of the testbed that is up, or of another version of libvirt (root by key only); throws when it is not up. */
export async function connection(version?: LibvirtVersion): Promise<TestbedConnection> {
  const state = readState();
  const other = version !== undefined && otherVersions().includes(version);
  const server = other ? versionServer(version) : openSshServer(mainServer);
  if (state === undefined || server === undefined) {
    throw new Error(`The testbed is not up. Run: npm run testbed -- up libvirt${other ? ' --all-versions' : ''}`);
  }
  return describeConnection(state, server);
}

async function removeVirtualMachines(): Promise<void> {
  const known = new Map(fixtures.map(({ spec }) => [spec.name, spec]));
  for (const { name } of await listVirtualMachines()) await deleteVirtualMachine(known.get(name) ?? { name });
}

function removeTestbedFolder(): void {
  if (!existsSync(testbedFolder)) return;
  for (const name of readdirSync(testbedFolder)) {
    const entry = join(testbedFolder, name);
    if (entry === paths.cache) continue;
    // A root file system whose mounts could not be taken away.
    if (mountsBelow(entry).length > 0) throw new Error(`${entry} is not deleted: something is mounted there.`);
    rmSync(entry, { recursive: true, force: true });
  }
}

/**
 * Takes the testbed down and puts everything back. Does nothing when it is not up.
 * @param options.purge deletes the root file systems of other versions too, which otherwise stay for the next time
 * @param options.versions takes down only these
 */
export async function down(options: { purge?: boolean; versions?: readonly LibvirtVersion[] } = {}): Promise<void> {
  requireRoot();
  const { versions } = options;
  if (versions !== undefined) {
    await withLock(() => downVersions(versions));
    return;
  }
  await withLock(async () => {
    const state = readState();
    await downVersions(otherVersions());
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
    removeTestbedFolder();
    if (options.purge === true) await purge();
    if (existsSync(testbedFolder) && readdirSync(testbedFolder).length === 0) rmdirSync(testbedFolder);
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
    versions: await versionStatus(),
  };
}
