/**
 * Reading a large host over SSH, as the application does it, against what scripts do. All numbers are of one run on one
 * machine, which does the host's work as well; so they are given as ratios. Counts (of round trips, VMs, snapshots,
 * images) are checked, times are only printed. Needs the testbed's accounts: `npm run testbed -- up libvirt`.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoteCommand } from '../../electron/hosts/commands/quoting.ts';
import { connection, startSshServer } from '../../e2e/testbeds/index.ts';
import type { SshServer } from '../../e2e/testbeds/index.ts';
import type { ClientResult, ClientTask } from './inventory/client.ts';
import { commandsOf, makeFleet } from './inventory/fleet.ts';
import type { Fleet } from './inventory/fleet.ts';
import { compareWithLibvirtd } from './inventory/libvirtd.ts';

const vms = 200;
const snapshots = 20;
const addedRoundTripMs = 50;
/** So many ssh commands are measured, and the rest is reckoned from them: all of them would take many minutes. */
const sample = 40;
const hostsAtOnce = 10;

const source = (name: string): string => new URL(`inventory/${name}`, import.meta.url).pathname;
const say = (text: string): void => {
  console.log(`inventory: ${text}`);
};

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`inventory: ${what}`);
}

function goal(ratio: number, text: string, limit: number, direction: 'at least' | 'at most'): void {
  const met = direction === 'at least' ? ratio >= limit : ratio <= limit;
  say(`${ratio.toFixed(1)} ${text} (goal: ${direction} ${limit}): ${met ? 'met' : 'NOT MET'}`);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** A known_hosts line for each port that leads to the server. */
function writeKnownHosts(file: string, server: SshServer, ports: readonly number[]): void {
  const keys = server.knownHosts().map((line) => line.slice(line.indexOf(' ')));
  writeFileSync(file, ports.flatMap((port) => keys.map((key) => `[127.0.0.1]:${port}${key}\n`)).join(''));
}

/** Starts a process that delays what goes to a port; gives its own port. */
async function startProxy(port: number, open: ChildProcess[]): Promise<number> {
  const child = spawn(process.execPath, [source('delay-proxy.ts'), String(port), String(addedRoundTripMs / 2)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  open.push(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => {
      reject(new Error('The proxy ended at once.'));
    });
    child.stdout.once('data', (data: Buffer) => {
      resolve(Number(data.toString()));
    });
  });
}

function runClient(task: ClientTask): Promise<ClientResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [source('client.ts'), JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as ClientResult);
      else reject(new Error(`The reading process ended with ${code}.`));
    });
  });
}

/** The mean time of one `ssh HOST virsh …` over a connection that is open already, in milliseconds. */
function sshCommandMs(folder: string, port: number, keyFile: string, knownHosts: string, fleet: Fleet): number {
  const options = ['BatchMode=yes', 'LogLevel=ERROR', `UserKnownHostsFile=${knownHosts}`, 'IdentitiesOnly=yes'];
  const socket = join(folder, 'control');
  const login = ['-F', 'none', '-p', String(port), '-i', keyFile, ...options.flatMap((each) => ['-o', each])];
  const ssh = (parameters: readonly string[]) =>
    execFileSync('ssh', [...login, '-S', socket, ...parameters], { stdio: ['ignore', 'pipe', 'ignore'] });
  ssh(['-M', '-N', '-f', 'root@127.0.0.1']);
  try {
    // One VM in the file, or each virsh would spend its time on reading those of which nothing is asked.
    const commands = commandsOf({ ...fleet, uuids: fleet.uuids.slice(0, 1) }).filter(([verb]) => verb !== 'list');
    const start = performance.now();
    for (let index = 0; index < sample; index += 1) {
      const command = commands[index % commands.length] ?? [];
      ssh(['root@127.0.0.1', quoteCommand(['virsh', '-q', '-c', fleet.smallUri, ...command])]);
    }
    return (performance.now() - start) / sample;
  } finally {
    ssh(['-O', 'exit', 'root@127.0.0.1']);
  }
}

/** The same questions to one local virsh, in milliseconds. */
function oneVirshMs(fleet: Fleet): number {
  const text = commandsOf(fleet)
    .map((command) => `${command.join(' ')}\n`)
    .join('');
  return timeOf(() => execFileSync('virsh', ['-q', '-c', fleet.uri], { input: text, maxBuffer: 1024 ** 3 }));
}

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

export async function run(): Promise<void> {
  const bed = await connection();
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-bench-'));
  const open: ChildProcess[] = [];
  const servers: SshServer[] = [];
  try {
    const fleet = makeFleet(folder, vms, snapshots);
    const server = await startSshServer({ name: 'bench' });
    servers.push(server);
    const port = await startProxy(server.port, open);
    const knownHosts = join(folder, 'known_hosts');
    writeKnownHosts(knownHosts, server, [port]);
    const task: ClientTask = { ports: [port], keyFile: bed.keyFile, knownHosts, uri: fleet.uri, polls: 5 };

    say(
      `${vms} VMs with ${snapshots} snapshots and one real qcow2 image each, of libvirt's test driver, over sshd with ${addedRoundTripMs} ms of added round trip`,
    );
    // Twice, and the faster one counts: what else runs on the machine only ever makes it slower.
    const [first, second] = [await runClient(task), await runClient(task)];
    const result = first.readMs < second.readMs ? first : second;
    check(result.vms === vms && result.unreadable === 0, `read ${result.vms} VMs, ${result.unreadable} unreadable`);
    check(result.snapshots === vms * snapshots, `read ${result.snapshots} snapshots`);
    check(result.images === vms, `read ${result.images} images`);
    check(result.readRoundTrips <= 2, `a reading took ${result.readRoundTrips} round trips`);
    check(result.pollRoundTrips <= 2 && !result.pollsChanged, `a poll took ${result.pollRoundTrips} round trips`);
    say(
      `read in ${(result.readMs / 1000).toFixed(2)} s and ${result.readRoundTrips} round trips (${megabytes(result.readBytes)}; ${(result.readCpuMs / 1000).toFixed(2)} s of it the client's processor)`,
    );

    const commands = commandsOf(fleet).length;
    const perCommand = sshCommandMs(folder, port, bed.keyFile, knownHosts, fleet);
    say(
      `${commands} multiplexed ssh commands at ${perCommand.toFixed(0)} ms: measured ${sample} of them, the rest reckoned`,
    );
    goal(
      (perCommand * commands) / result.readMs,
      'times as fast as one multiplexed ssh a VM and snapshot',
      20,
      'at least',
    );
    const local = Math.min(oneVirshMs(fleet), oneVirshMs(fleet));
    const connecting = timeOf(() => execFileSync('virsh', ['-c', fleet.uri, 'uri']));
    say(
      `the same ${commands} questions to one local virsh: ${(local / 1000).toFixed(2)} s, of which ${(connecting / 1000).toFixed(2)} s for the test driver to read its file, which it does in every virsh (a daemon does not)`,
    );
    goal(result.libvirtMs / local, 'times as long over SSH as those in one local process', 3, 'at most');
    say(`${(result.readMs / local).toFixed(1)} times with the images, which the local process does not examine`);
    const poll = median(result.pollMs);
    say(
      `a poll without changes: ${poll.toFixed(0)} ms, ${result.pollRoundTrips} round trips, ${megabytes(result.pollBytes)}`,
    );
    goal(result.readMs / poll, 'times as cheap as a reading is a poll without changes', 10, 'at least');
    goal(result.peakBytes / 1e6, 'MB at most were used by a process that only reads', 400, 'at most');
    writeKnownHosts(knownHosts, server, [port, server.port]);
    await compareWithLibvirtd({
      imagesFolder: join(bed.folder, 'images'),
      ports: { delayed: port, direct: server.port },
      keyFile: bed.keyFile,
      knownHosts,
      say,
      readWithSnaptree: (at) => runClient({ ...task, ports: [at], uri: 'qemu:///system', polls: 0 }),
    });
    await compareHosts(folder, task, open, servers);
  } finally {
    for (const child of open) child.stdin?.end();
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Many hosts at once, each of which answers what the host answered before, after the time that it took. */
async function compareHosts(
  folder: string,
  task: ClientTask,
  open: ChildProcess[],
  servers: SshServer[],
): Promise<void> {
  const replies = join(folder, 'replies');
  mkdirSync(replies);
  const forceCommand = `/usr/bin/perl ${source('replay.pl')} ${replies}`;
  const server = await startSshServer({ name: 'bench-replay', forceCommand });
  servers.push(server);
  const ports: number[] = [];
  for (let index = 0; index < hostsAtOnce; index += 1) ports.push(await startProxy(server.port, open));
  writeKnownHosts(task.knownHosts, server, ports);
  const reading = (count: number) => runClient({ ...task, ports: ports.slice(0, count), polls: 0 });
  // Records.
  await reading(1);
  const one = await reading(1);
  const many = await reading(hostsAtOnce);
  check(many.snapshots === one.snapshots * hostsAtOnce, `read ${many.snapshots} snapshots of ${hostsAtOnce} hosts`);
  say(
    `hosts that answer from a record after the time that they took: one ${(one.readMs / 1000).toFixed(2)} s (${(one.readCpuMs / 1000).toFixed(2)} s of processor), ${hostsAtOnce} at once ${(many.readMs / 1000).toFixed(2)} s (${(many.readCpuMs / 1000).toFixed(2)} s; ${(many.peakBytes / 1e6).toFixed(0)} MB)`,
  );
  goal(many.readMs / one.readMs, `times as long for ${hostsAtOnce} hosts at once as for one`, 2, 'at most');
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
