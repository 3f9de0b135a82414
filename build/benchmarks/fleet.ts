/**
 * A fleet of 100 hosts with 200 VMs of 20 snapshots each, in the main process and in a window. The hosts answer what one
 * real host (libvirt's test driver, real qcow2 images) answered to the same scripts, so that what is measured is all of the
 * way from a host's answer to the window, and nothing of the host. Processor times are of the main process alone; what else
 * runs on the machine hardly counts. Needs virsh and qemu-img.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HostsTask } from './fleet/hosts.ts';
import type { MainTask, Measured } from './fleet/main-process.ts';
import { inRepository } from '../paths.ts';

const hosts = 100;
const size = { vms: 200, snapshots: 20, externalOneIn: 4 };
const polls = 3;

const source = (name: string): string => new URL(`fleet/${name}`, import.meta.url).pathname;
const say = (text: string): void => {
  console.log(`fleet: ${text}`);
};
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

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
    const empty = await tell('idle');
    const read = await tell('read');
    const idle = await tell('idle');
    say(
      `${idle.vms} VMs, ${idle.snapshots} snapshots, ${idle.images} images read with ${(read.cpuMs / 1000).toFixed(1)} s of processor`,
    );
    say(
      `memory: ${megabytes(idle.residentBytes)} resident, ${megabytes(idle.heapBytes)} heap (${((idle.heapBytes - empty.heapBytes) / idle.snapshots).toFixed(0)} bytes a snapshot); ${megabytes(idle.peakBytes)} at the most; ${megabytes(empty.residentBytes)} before`,
    );
    await tell('watch');
    const polled: number[] = [];
    for (let count = 0; count < polls; count += 1) polled.push((await tell('poll')).cpuMs);
    say(
      `a poll of all hosts without changes: ${polled.map((each) => (each / 1000).toFixed(2)).join(', ')} s of processor; median ${(median(polled) / 1000).toFixed(2)}`,
    );
    const after = await tell('idle');
    say(
      `memory after: ${megabytes(after.residentBytes)} resident, ${megabytes(after.heapBytes)} heap, ${megabytes(after.peakBytes)} at the most`,
    );
  } finally {
    for (const child of children) child.stdin?.end();
    rmSync(folder, { recursive: true });
  }
}
