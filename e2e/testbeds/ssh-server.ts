import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { accounts, keyFiles } from './accounts.ts';
import { paths } from './paths.ts';
import { chrootEnvironment, knownVersions, placeOf } from './places.ts';
import type { LibvirtVersion, Place } from './places.ts';
import { descendantsOf, endProcess, listProcesses, pidFromFile, signal } from './processes.ts';
import { run, waitUntil } from './run.ts';

const sshd = '/usr/sbin/sshd';
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface SshServerOptions {
  /** Names the server and its folder: letters, digits and dashes. A server of that name that runs is stopped first. */
  readonly name: string;
  /** The port on 127.0.0.1; 0 or left out: any that is free. */
  readonly port?: number;
  /** Commands that this host does not have (its PATH then holds links to all others). */
  readonly without?: readonly string[];
  /** 'down': virsh on this host finds no daemon (it looks for a socket that does not exist). */
  readonly libvirt?: 'up' | 'down';
  /** Puts the fault wrapper in front of virsh, see `addFault`. */
  readonly faults?: boolean;
  /** Shell scripts that stand before the commands of these names; needs `faults`. The commands themselves are in /usr/bin. */
  readonly before?: Readonly<Record<string, string>>;
  /** Commands run where this version of libvirt is (root only); on the machine itself when left out. */
  readonly version?: LibvirtVersion | undefined;
  readonly forceCommand?: string;
  /** Private key files that the host shows instead of an ed25519 and an RSA key of its own. */
  readonly hostKeys?: readonly string[];
  /** Further lines for sshd_config. */
  readonly settings?: readonly string[];
}

export interface Fault {
  /** A virsh command, such as 'dumpxml'. */
  readonly command: string;
  /** The UUID of the VM the command has to name; any when left out. */
  readonly vm?: string;
  /**
   * fail: the real virsh is told a VM (without `vm`: a command) that does not exist;
   * hold: it waits until `release` (at most 60 s); a number: it waits that many seconds.
   */
  readonly effect: 'fail' | 'hold' | number;
}

export interface AddedFault {
  /** Resolves as soon as the fault has been met by a command. */
  reached(): Promise<void>;
  /** How often the fault has been met. */
  count(): number;
  /** Lets held commands (and all that come) go on. */
  release(): void;
  /** Takes the fault away; held commands go on. */
  remove(): void;
}

export interface SshServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  /** The host's public keys as known_hosts lines, e.g. "[127.0.0.1]:2222 ssh-ed25519 AAAA…". */
  knownHosts(): string[];
  /** SHA-256 fingerprints by key type ('ssh-ed25519', 'ssh-rsa') as OpenSSH prints them. */
  fingerprints(): Promise<Record<string, string>>;
  /** Cuts all connections: kills this sshd's per-connection processes, not the commands they started. */
  dropConnections(): void;
  /** Makes all connections silent, as a lost network does; the function that is given back ends that. */
  stallConnections(): () => void;
  /** Gives the host other keys (restarts sshd on the same port): "changed host key". */
  changeHostKeys(): Promise<SshServer>;
  /** Makes virsh commands on this host fail or wait; needs the option `faults`. */
  addFault(fault: Fault): AddedFault;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('No TCP port to be had.'));
        else resolve(address.port);
      });
    });
  });
}

/** True when something that greets as SSH listens on a loopback port. */
async function sshAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('error', () => {
      resolve(false);
    });
    socket.on('data', (data) => {
      resolve(data.toString('latin1').startsWith('SSH-2.0'));
      socket.destroy();
    });
    socket.on('close', () => {
      resolve(false);
    });
  });
}

/** The folder with all of this machine's commands except some. */
function folderWithout(folder: string, names: readonly string[]): string {
  const bin = join(folder, 'path');
  mkdirSync(bin);
  for (const source of systemPath.split(':').filter((each) => existsSync(each))) {
    for (const name of readdirSync(source)) {
      const link = join(bin, name);
      if (!names.includes(name) && !existsSync(link)) {
        rmSync(link, { force: true });
        symlinkSync(join(source, name), link);
      }
    }
  }
  return bin;
}

/** The folder of the fault wrapper of a server: seen by the commands that it starts, and by us. */
function faultFolder(place: Place, name: string): string {
  return join(place.shared, 'ssh-faults', name);
}

function writeWrapper(place: Place, options: SshServerOptions): string {
  const folder = faultFolder(place, options.name);
  rmSync(folder, { recursive: true, force: true });
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const socket = options.libvirt === 'down' ? 'qemu:///system?socket=/run/libvirt-is-down/libvirt-sock' : '';
  const text = readFileSync(new URL('virsh-wrapper.pl', import.meta.url), 'utf8')
    .replace('@FOLDER@', join(folder, 'faults'))
    .replace('@VIRSH@', '/usr/bin/virsh')
    .replace('@SOCKET@', socket);
  writeFileSync(join(bin, 'virsh'), text, { mode: 0o755 });
  for (const [name, script] of Object.entries(options.before ?? {}))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const faults = join(folder, 'faults');
  mkdirSync(faults);
  // Every account notes there that it met a fault.
  chmodSync(faults, 0o1777);
  return bin;
}

async function makeHostKeys(folder: string): Promise<void> {
  for (const type of ['ed25519', 'rsa']) {
    const file = join(folder, `host_${type}`);
    rmSync(file, { force: true });
    rmSync(`${file}.pub`, { force: true });
    const bits = type === 'rsa' ? ['-b', '2048'] : [];
    await run('ssh-keygen', ['-q', '-t', type, ...bits, '-N', '', '-C', 'Snaptree testbed', '-f', file]);
  }
}

/** sshd with UsePAM off refuses an account whose password field says locked ("!"). */
function rootIsLocked(): boolean {
  return readFileSync('/etc/shadow', 'utf8')
    .split('\n')
    .some((line) => line.startsWith('root:!'));
}

/** A script that runs what a client asks for in another root file system; gives its path. */
function writeEntrance(folder: string, root: string, path: string): string {
  const file = join(folder, 'enter');
  const shell = `/usr/sbin/chroot '${root}' /usr/bin/env -u SSH_ORIGINAL_COMMAND PATH='${path}' HOME=${chrootEnvironment.HOME} /bin/bash`;
  const lines = [
    '#!/bin/sh',
    'cd /',
    `[ -z "$SSH_ORIGINAL_COMMAND" ] && exec ${shell} -l`,
    `exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o755 });
  return file;
}

function configuration(folder: string, port: number, path: string, options: SshServerOptions): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...(options.hostKeys ?? ['host_ed25519', 'host_rsa'].map((name) => join(folder, name))).map(
      (file) => `HostKey ${file}`,
    ),
    `PidFile ${join(folder, 'sshd.pid')}`,
    `UsePAM ${rootIsLocked() ? 'yes' : 'no'}`,
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    'PubkeyAuthentication yes',
    `AuthorizedKeysFile ${keyFiles.authorized}`,
    // The keys lie below /var/tmp, which everybody may write to: StrictModes would refuse them.
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    `AllowUsers ${Object.values(accounts).join(' ')}`,
    'MaxStartups 50:30:100',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    ...(options.forceCommand === undefined ? [] : [`ForceCommand ${options.forceCommand}`]),
    ...(options.settings ?? []),
    // Another home, so that neither root's own dot files have a say nor anything is left in them.
    `Match User ${accounts.administrator}`,
    `SetEnv PATH=${path} HOME=${join(paths.homes, accounts.administrator)}`,
    `Match User ${accounts.operator},${accounts.outsider}`,
    `SetEnv PATH=${path}`,
    '',
  ].join('\n');
}

async function launch(folder: string, port: number): Promise<void> {
  const log = openSync(join(folder, 'sshd.log'), 'a');
  const child = spawn(sshd, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: systemPath },
  });
  closeSync(log);
  let ended = false;
  child.on('exit', () => {
    ended = true;
  });
  child.unref();
  await waitUntil(`sshd to listen on port ${port} (see ${join(folder, 'sshd.log')})`, async () => {
    if (ended) throw new Error(`sshd ended at once:\n${readFileSync(join(folder, 'sshd.log'), 'utf8')}`);
    return existsSync(join(folder, 'sshd.pid')) && (await sshAnswers(port));
  });
}

/** Starts an sshd of our own on a loopback port and waits until it answers. Needs root. */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  if (!/^[\w-]+$/.test(options.name)) throw new Error(`Not a name for an SSH server: ${options.name}`);
  const folder = join(paths.ssh, options.name);
  await openSshServer(options.name)?.stop();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(paths.homes, accounts.administrator), { recursive: true });
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  await makeHostKeys(folder);
  let path = options.without === undefined ? systemPath : folderWithout(folder, options.without);
  const place = placeOf(options.version);
  if (options.faults === true || options.libvirt === 'down') path = `${writeWrapper(place, options)}:${path}`;
  const entrance = place.root === '' ? {} : { forceCommand: writeEntrance(folder, place.root, path) };
  const port = options.port === undefined || options.port === 0 ? await freePort() : options.port;
  writeFileSync(join(folder, 'port'), String(port));
  writeFileSync(join(folder, 'sshd_config'), configuration(folder, port, path, { ...options, ...entrance }));
  if (options.version !== undefined) writeFileSync(join(folder, 'version'), options.version);
  await launch(folder, port);
  const server = openSshServer(options.name);
  if (server === undefined) throw new Error(`sshd ended:\n${readFileSync(join(folder, 'sshd.log'), 'utf8')}`);
  return server;
}

/** The version of libvirt that the server in a folder was started for. */
function versionOf(folder: string): LibvirtVersion | undefined {
  const file = join(folder, 'version');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return knownVersions.find((version) => version === text);
}

/** The SSH server of that name, if it runs; also one that another process started. */
export function openSshServer(name: string): SshServer | undefined {
  const folder = join(paths.ssh, name);
  const pid = pidFromFile(join(folder, 'sshd.pid'), join(folder, 'sshd_config'));
  if (pid === undefined) return undefined;
  const port = Number(readFileSync(join(folder, 'port'), 'utf8'));
  const place = placeOf(versionOf(folder));
  const keys = ['host_ed25519', 'host_rsa'].map((file) => join(folder, `${file}.pub`));
  const connections = () => descendantsOf(pid).filter((each) => each.executable === sshd);
  const stop = async (): Promise<void> => {
    // Before the listener: its children have another parent afterwards.
    for (const each of connections()) signal(each.pid, 'SIGKILL');
    await endProcess(pid);
  };
  return {
    name,
    host: '127.0.0.1',
    port,
    pid,
    logFile: join(folder, 'sshd.log'),
    knownHosts: () =>
      keys.map((file) => `[127.0.0.1]:${port} ${readFileSync(file, 'utf8').split(' ').slice(0, 2).join(' ')}`),
    fingerprints: async () => {
      const result: Record<string, string> = {};
      for (const file of keys) {
        const type = readFileSync(file, 'utf8').split(' ')[0] ?? '';
        result[type] = (await run('ssh-keygen', ['-lf', file])).stdout.split(' ')[1] ?? '';
      }
      return result;
    },
    dropConnections: () => {
      for (const each of connections()) signal(each.pid, 'SIGKILL');
    },
    stallConnections: () => {
      const stalled = connections();
      for (const each of stalled) signal(each.pid, 'SIGSTOP');
      return () => {
        for (const each of stalled) signal(each.pid, 'SIGCONT');
      };
    },
    changeHostKeys: async () => {
      await stop();
      await makeHostKeys(folder);
      await launch(folder, port);
      const server = openSshServer(name);
      if (server === undefined) throw new Error(`sshd did not start again, see ${folder}`);
      return server;
    },
    addFault: (fault) => addFault(join(faultFolder(place, name), 'faults'), fault),
    stop,
  };
}

function addFault(folder: string, fault: Fault): AddedFault {
  if (!existsSync(folder)) throw new Error('This SSH server was started without the option "faults".');
  const rules = join(folder, 'faults');
  const lines = (): string[] =>
    existsSync(rules)
      ? readFileSync(rules, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  // Renamed into place: a virsh that starts meanwhile reads all of it or none.
  const write = (all: readonly string[]): void => {
    writeFileSync(`${rules}.new`, all.map((line) => `${line}\n`).join(''));
    renameSync(`${rules}.new`, rules);
  };
  const id = crypto.randomUUID();
  const effect = typeof fault.effect === 'number' ? 'delay' : fault.effect;
  const seconds = typeof fault.effect === 'number' ? fault.effect : 0;
  write([...lines(), [id, effect, seconds, fault.command, fault.vm ?? ''].join('\t')]);
  const noted = join(folder, `reached-${id}`);
  const release = (): void => {
    writeFileSync(join(folder, `release-${id}`), '');
  };
  return {
    reached: () => waitUntil(`virsh ${fault.command} to meet the fault`, () => existsSync(noted), 30_000),
    count: () => (existsSync(noted) ? readFileSync(noted, 'utf8').split('\n').length - 1 : 0),
    release,
    remove: () => {
      write(lines().filter((line) => !line.startsWith(id)));
      release();
    },
  };
}

/** Stops every SSH server of the testbed, also those that a test left behind, and those whose folder is gone. */
export async function stopSshServers(): Promise<void> {
  if (existsSync(paths.ssh)) {
    for (const name of readdirSync(paths.ssh)) await openSshServer(name)?.stop();
  }
  // The configuration file in our folder says that it is ours.
  for (const each of listProcesses()) {
    if (each.executable === sshd && each.commandLine.includes(` -f ${paths.ssh}/`)) await endProcess(each.pid);
  }
}
