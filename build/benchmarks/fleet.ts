/**
 * A fleet of 100 hosts with 200 VMs of 20 snapshots each, in the main process and in a window. The hosts answer what one
 * real host (libvirt's test driver, real qcow2 images) answered to the same scripts, so that what is measured is all of the
 * way from a host's answer to the window, and nothing of the host. Processor times are of the main process alone; what else
 * runs on the machine hardly counts. Builds the page; needs virsh, qemu-img and Chromium.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HostsTask } from './fleet/hosts.ts';
import { openWindow, paintsOf } from './fleet/window.ts';
import type { MainTask, Measured } from './fleet/main-process.ts';
import { inRepository } from '../paths.ts';

const hosts = 100;
const size = { vms: 200, snapshots: 20, externalOneIn: 4 };
const polls = 3;
/** The first of them makes the hosts' recordings and is not counted. */
const changes = 11;
const goals = { residentBytes: 1e9, pollCpuMs: 2000, paintMs: 50 };

const source = (name: string): string => new URL(`fleet/${name}`, import.meta.url).pathname;
const say = (text: string): void => {
  console.log(`fleet: ${text}`);
};
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const milliseconds = (ms: number): string => `${ms.toFixed(0)} ms`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function sayGoal(what: string, value: number, limit: number, unit: (value: number) => string): void {
  say(`${what}: ${unit(value)} (goal: below ${unit(limit)}): ${value < limit ? 'met' : 'NOT MET'}`);
}

interface Lines {
  next(): Promise<string>;
}

function start(name: string, task: unknown, flags: readonly string[] = []): { child: ChildProcess; lines: Lines } {
  const child = spawn(process.execPath, [...flags, source(name), JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const reader = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    lines: {
      async next() {
        const { value, done } = await reader.next();
        if (done === true) throw new Error(`fleet: ${name} ended with ${child.exitCode}.`);
        return value;
      },
    },
  };
}

export async function run(): Promise<void> {
  execFileSync(process.execPath, [inRepository('build/build.ts'), '--renderer'], { stdio: ['ignore', 'ignore', 2] });
  for (const withStamps of [true, false]) await measure(withStamps);
}

async function measure(withStamps: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-fleet-'));
  const socket = join(folder, 'hosts');
  const fleet = start('hosts.ts', { folder, socket, size, withStamps } satisfies HostsTask);
  const children = [fleet.child];
  try {
    const uri = (await fleet.lines.next()).replace(/^ready /, '');
    const task: MainTask = { socket, hosts, uri, rendererFolder: inRepository('dist/renderer') };
    const main = start('main-process.ts', task, ['--expose-gc']);
    children.push(main.child);
    const tell = async (command: string): Promise<Measured> => {
      main.child.stdin?.write(`${command}\n`);
      return JSON.parse(await main.lines.next()) as Measured;
    };
    say(
      withStamps ? 'hosts whose libvirt keeps its files where they can be seen' : 'hosts whose libvirt must be asked',
    );
    const empty = await tell('collect');
    const read = await tell('read');
    const kept = await tell('collect');
    say(
      `${kept.vms} VMs, ${kept.snapshots} snapshots, ${kept.images} images read with ${(read.cpuMs / 1000).toFixed(1)} s of processor`,
    );
    say(
      `heap and buffers alive: ${megabytes(kept.heapBytes)} (${((kept.heapBytes - empty.heapBytes) / kept.snapshots).toFixed(0)} bytes a snapshot); resident: ${megabytes(empty.residentBytes)} before`,
    );
    sayGoal('resident at the most while all was read', read.peakBytes, goals.residentBytes, megabytes);
    await tell('watch');
    const polled: number[] = [];
    for (let count = 0; count < polls; count += 1) polled.push((await tell('poll')).cpuMs);
    say(`processor of ${polls} polls of all hosts without changes: ${polled.map(seconds).join(', ')}`);
    sayGoal('the median of them', median(polled), goals.pollCpuMs, seconds);
    const afterPolls = await tell('rest');
    sayGoal('resident after polls', afterPolls.residentBytes, goals.residentBytes, megabytes);
    sayGoal('resident at the most until then', afterPolls.peakBytes, goals.residentBytes, megabytes);
    const window = await openWindow(kept.url);
    const paints = await paintsOf(window, changes, () => tell('change'));
    await window.close();
    const fromAnswer = paints.map(({ paintedAt, answeredAt }) => paintedAt - answeredAt);
    // What libvirt's files looked like before stands in the question, so that a real host has to be asked each time.
    if (!withStamps) {
      const fromPoll = paints.map(({ paintedAt, begunAt }) => paintedAt - begunAt);
      say(`one VM’s change, from the poll of a host that answers at once to paint: ${milliseconds(median(fromPoll))}`);
    }
    say(
      `one VM’s change, from the host’s last answer to paint: ${fromAnswer
        .toSorted((a, b) => a - b)
        .map(milliseconds)
        .join(', ')}`,
    );
    sayGoal('the median of them', median(fromAnswer), goals.paintMs, milliseconds);
    const after = await tell('rest');
    sayGoal('resident after polls, a window and changes', after.residentBytes, goals.residentBytes, megabytes);
    sayGoal('resident at the most', after.peakBytes, goals.residentBytes, megabytes);
  } finally {
    for (const child of children) child.stdin?.end();
    rmSync(folder, { recursive: true });
  }
}
