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
  /** The most that the process ever had resident. */
  readonly peakBytes: number;
  /** In milliseconds since 1970: when the last command began, and when the last answer of a host was there. */
  readonly begunAt: number;
  readonly answeredAt: number;
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
let begunAt = 0;
let answeredAt = 0;

function ask(question: Question): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(task.socket);
    const request = { commandLine: '', stdin: '', maximumOutputBytes: 1024 ** 3 };
    const output = takeOutput({ stdout: socket, stderr: Readable.from([]) }, request, () => undefined);
    socket.on('error', reject);
    socket.on('end', () => {
      answeredAt = Date.now();
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

/** So many hosts are polled at the same time: Snaptree spreads polls over half a minute. */
const polledAtOnce = 4;

async function poll(): Promise<void> {
  const callbacks = due;
  due = [];
  for (let from = 0; from < callbacks.length; from += polledAtOnce) {
    const some = callbacks.slice(from, from + polledAtOnce);
    const before = due.length;
    for (const callback of some) callback();
    while (due.length < before + some.length) await delay(1);
  }
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
  /** The first host is no longer what it was, or is that again, and is the only one that is polled, at once. */
  async change() {
    const [first = ''] = hosts;
    if (!changedHosts.delete(first)) changedHosts.add(first);
    for (const hostId of hosts) if (hostId !== first) inventories.unwatch(hostId);
    begunAt = Date.now();
    await poll();
  },
  rest: () => undefined,
  /** What is measured is what is left after garbage was collected. */
  async collect() {
    globalThis.gc?.();
    await delay(100);
    globalThis.gc?.();
  },
};

function measured(cpuMs: number): Measured {
  const all = hosts.flatMap((hostId) => inventories.state(hostId).inventory ?? []);
  const vms = all.flatMap((inventory) => inventory.vms);
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    cpuMs,
    begunAt,
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
  console.log(JSON.stringify(measured((used.user + used.system) / 1000)));
}
process.exit(0);
