/**
 * The process that is measured: what Snaptree's main process does of reading and watching hosts and of telling windows, and
 * nothing else. Takes a `MainTask` as JSON in its argument. Commands are lines on stdin, each answered by a line of JSON.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createLog } from '../../../electron/base/log.ts';
import { startServer } from '../../../electron/headless/server.ts';
import { takeOutput } from '../../../electron/hosts/commands/output.ts';
import type { CommandRunner } from '../../../electron/hosts/commands/runner.ts';
import { createLibvirtDriver } from '../../../electron/hypervisors/libvirt/index.ts';
import { createInventories } from '../../../electron/inventory/inventories.ts';
import { inventorySubscription } from '../../../electron/inventory/inventory-subscription.ts';
import { stubHandlers } from '../../../electron/ipc/stub-handlers.fixtures.ts';
import { readStaticFiles } from '../../../electron/page/static-files.ts';
import { hostWithId } from '../../../shared/model/host.fixtures.ts';
import type { Question } from './hosts.ts';

export interface MainTask {
  readonly socket: string;
  readonly hosts: number;
  readonly uri: string;
  readonly rendererFolder: string;
}

/** What a command is answered with, in milliseconds and bytes. */
export interface Measured {
  readonly cpuMs: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** The most that the process ever had. */
  readonly peakBytes: number;
  /** When the last answer of a host was there, in milliseconds since 1970; and the processor time from then on. */
  readonly answeredAt: number;
  readonly cpuMsSince: number;
  readonly vms: number;
  readonly snapshots: number;
  readonly images: number;
  readonly url: string;
}

const task = JSON.parse(process.argv[2] ?? '') as MainTask;
const log = createLog({ level: 'silent' });
const idOf = (host: number): string => `00000000-0000-4000-9000-${String(host).padStart(12, '0')}`;
const hosts = Array.from({ length: task.hosts }, (_, host) => idOf(host));
const numberOf = (hostId: string): number => hosts.indexOf(hostId);
const changedHosts = new Set<string>();
let answeredAt = 0;
let cpuThen = process.cpuUsage();

function ask(question: Question): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(task.socket);
    const request = { commandLine: '', stdin: '', maximumOutputBytes: 1024 ** 3 };
    const output = takeOutput({ stdout: socket, stderr: Readable.from([]) }, request, () => undefined);
    socket.on('error', reject);
    socket.on('end', () => {
      answeredAt = performance.timeOrigin + performance.now();
      cpuThen = process.cpuUsage();
      resolve(output.stdout());
    });
    socket.end(JSON.stringify(question));
  });
}

function runnerOf(hostId: string): CommandRunner {
  return {
    hostName: `host ${numberOf(hostId)}`,
    run: () => Promise.reject(new Error('not recorded')),
    // No events: the hosts are polled.
    follow: () => new Promise(() => undefined),
    async runScript({ script }) {
      const stdout = await ask({ host: numberOf(hostId), script, changed: changedHosts.has(hostId) });
      return { exitCode: 0, signal: null, stdout, stderr: '', failure: null };
    },
  };
}

/** Polls that are due, of all hosts. */
let due: (() => void)[] = [];
const runners = new Map(hosts.map((hostId) => [hostId, runnerOf(hostId)]));
const driver = createLibvirtDriver(task.uri);
const inventories = createInventories({
  runnerFor: (hostId) => runners.get(hostId) ?? runnerOf(hostId),
  driverFor: () => driver,
  // No time passes, so that nothing is read anew only for its age.
  clock: () => 1_800_000_000,
  timers: {
    schedule(_milliseconds, callback) {
      due.push(callback);
      return () => {
        due = due.filter((each) => each !== callback);
      };
    },
    random: () => 0.5,
  },
  log,
});

async function poll(): Promise<void> {
  const callbacks = due;
  due = [];
  for (const callback of callbacks) callback();
  while (due.length < callbacks.length) await delay(1);
}

const handlers = stubHandlers({
  requests: {
    'application.describe': () =>
      Promise.resolve({ version: '0', shell: 'browser', dataFolder: '/', userName: 'root' }),
  },
  subscriptions: {
    hosts(_parameters, emit) {
      emit(
        hosts.map((hostId) => ({
          host: { ...hostWithId(hostId), name: `host ${String(numberOf(hostId)).padStart(3, '0')}` },
          session: { state: 'connected' as const, since: 1_800_000_000 },
        })),
      );
      return () => undefined;
    },
    inventory: inventorySubscription(inventories),
    questions: (_parameters, emit) => (emit([]), () => undefined),
    operations: (_parameters, emit) => (emit({ kind: 'all', operations: [] }), () => undefined),
    notices: (_parameters, emit) => (emit([]), () => undefined),
  },
});
const server = await startServer({
  handlers,
  files: await readStaticFiles(task.rendererFolder),
  port: 0,
  log,
});

/** Names of commands, each with what it does. */
const commands: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
  read: () => Promise.all(hosts.map((hostId) => inventories.refresh(hostId))),
  async watch() {
    for (const hostId of hosts) inventories.watch(hostId);
    await delay(1);
  },
  poll,
  /** One host is another from now on. */
  change0: () => (changedHosts.add(idOf(0)), undefined),
  change1: () => (changedHosts.add(idOf(1)), undefined),
  idle: () => undefined,
};

function measured(cpuMs: number): Measured {
  const all = hosts.flatMap((hostId) => inventories.state(hostId).inventory ?? []);
  const vms = all.flatMap((inventory) => inventory.vms);
  const since = process.cpuUsage(cpuThen);
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    cpuMs,
    cpuMsSince: (since.user + since.system) / 1000,
    answeredAt,
    heapBytes: heapUsed + external,
    residentBytes: rss,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    vms: vms.length,
    snapshots: vms.reduce((sum, vm) => sum + (vm.readable ? vm.snapshots.length : 0), 0),
    images: all.reduce((sum, inventory) => sum + inventory.images.length, 0),
    url: server.url,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  await commands[line]?.();
  const used = process.cpuUsage(before);
  const answer = measured((used.user + used.system) / 1000);
  if (line === 'idle') {
    globalThis.gc?.();
    await delay(100);
    globalThis.gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  console.log(JSON.stringify({ ...answer, heapBytes: heapUsed + external, residentBytes: rss }));
}
process.exit(0);
