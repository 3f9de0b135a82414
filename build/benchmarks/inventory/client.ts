/**
 * A process that does what Snaptree does of reading hosts, and nothing else: so that its memory and its time can be
 * measured. Takes a `ClientTask` as JSON in its argument, prints a `ClientResult`.
 */
import { createConnect } from '../../../electron/hosts/connect.ts';
import { createKnownHosts } from '../../../electron/hosts/known-hosts/known-hosts.ts';
import { createQuestions } from '../../../electron/hosts/questions.ts';
import type { CommandRunner } from '../../../electron/hosts/commands/runner.ts';
import { createSession, systemClock } from '../../../electron/hosts/session.ts';
import { createLibvirtDriver } from '../../../electron/hypervisors/libvirt/index.ts';
import { hostSettings, sshConnection } from '../../../shared/model/host.fixtures.ts';

export interface ClientTask {
  readonly ports: readonly number[];
  readonly keyFile: string;
  readonly knownHosts: string;
  readonly uri: string;
  /** How many polls without changes follow. */
  readonly polls: number;
}

export interface ClientResult {
  /** Of reading all hosts at once, after connecting, in milliseconds. */
  readonly readMs: number;
  /** Of that, until the last host had answered all that libvirt is asked; the rest is for the images. */
  readonly libvirtMs: number;
  /** Scripts a host, for a whole reading. */
  readonly readRoundTrips: number;
  readonly pollMs: readonly number[];
  readonly pollRoundTrips: number;
  /** Whether any of the polls found a change. */
  readonly pollsChanged: boolean;
  readonly readBytes: number;
  readonly pollBytes: number;
  readonly vms: number;
  readonly snapshots: number;
  readonly images: number;
  readonly unreadable: number;
  /** The most memory that the process ever had, in bytes. */
  readonly peakBytes: number;
  /** Processor time of this process while it read, in milliseconds. */
  readonly readCpuMs: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ClientTask;

const counts = { scripts: 0, bytes: 0 };
/** When each host had answered its first script, which asks libvirt. */
const libvirtAnswered: number[] = [];
function counting(runner: CommandRunner): CommandRunner {
  let first = true;
  return {
    hostName: runner.hostName,
    run: (command) => runner.run(command),
    follow: (script) => runner.follow(script),
    async runScript(script) {
      counts.scripts += 1;
      const isFirst = first;
      first = false;
      const result = await runner.runScript(script);
      counts.bytes += Buffer.byteLength(result.stdout);
      if (isFirst) libvirtAnswered.push(performance.now());
      return result;
    },
  };
}

function take(): { readonly scripts: number; readonly bytes: number } {
  const taken = { ...counts };
  Object.assign(counts, { scripts: 0, bytes: 0 });
  return taken;
}

const connect = createConnect({
  questions: createQuestions(),
  knownHosts: createKnownHosts(task.knownHosts, []),
  environment: {},
});
const hosts = task.ports.map((port, index) => {
  const settings = hostSettings({
    name: `host ${index}`,
    hypervisor: { kind: 'libvirt', uri: task.uri },
    connection: sshConnection({
      address: '127.0.0.1',
      port,
      user: 'root',
      authentication: { method: 'keyFile', path: task.keyFile },
    }),
  });
  const id = `00000000-0000-4000-9000-${String(index).padStart(12, '0')}`;
  const session = createSession({
    host: () => ({ id, ...settings }),
    connect,
    clock: systemClock,
    onChange: () => undefined,
  });
  const driver = createLibvirtDriver(task.uri);
  return { session, driver, memory: driver.createMemory(), runner: counting(session.runner) };
});
await Promise.all(hosts.map(({ session }) => session.connect()));

const start = performance.now();
const cpu = process.cpuUsage();
const inventories = await Promise.all(
  hosts.map(({ driver, runner, memory }) => driver.read(runner, { priority: 'user', memory })),
);
const readMs = performance.now() - start;
const used = process.cpuUsage(cpu);
const reading = take();
const pollMs: number[] = [];
let pollsChanged = false;
for (let count = 0; count < task.polls; count += 1) {
  const pollStart = performance.now();
  const results = await Promise.all(hosts.map(({ driver, runner, memory }) => driver.poll(runner, memory, {})));
  pollMs.push(performance.now() - pollStart);
  pollsChanged ||= results.some(({ hasChanged }) => hasChanged);
}
const polling = take();
const vms = inventories.flatMap((inventory) => inventory.vms);
const result: ClientResult = {
  readMs,
  libvirtMs: Math.max(...libvirtAnswered) - start,
  readRoundTrips: reading.scripts / hosts.length,
  pollMs,
  pollRoundTrips: task.polls === 0 ? 0 : polling.scripts / hosts.length / task.polls,
  pollsChanged,
  readBytes: reading.bytes,
  pollBytes: task.polls === 0 ? 0 : polling.bytes / task.polls,
  vms: vms.length,
  snapshots: vms.reduce((sum, vm) => sum + (vm.readable ? vm.snapshots.length : 0), 0),
  images: inventories.reduce((sum, inventory) => sum + inventory.images.length, 0),
  unreadable: vms.filter((vm) => !vm.readable).length,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  readCpuMs: (used.user + used.system) / 1000,
};
console.log(JSON.stringify(result));
for (const { session } of hosts) session.disconnect();
process.exit(0);
