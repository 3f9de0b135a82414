/**
 * Merging images over SSH, as the application does it, against the same by hand with virsh on the host. The times are of one run on
 * one machine, which does the host's work as well, taken in turns, and their medians count; so they are given as ratios. What is
 * merged, and what the guest reads afterwards, is checked. Needs the testbed: `npm run testbed -- up libvirt`.
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { flushGuestDisk, missingPatterns, writePattern } from '../../e2e/testbeds/disks.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { run as runCommand } from '../../e2e/testbeds/run.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { startCounter, type Counter } from './merge/counter.ts';

const mebibyte = 1024 ** 2;
/** qemu-io writes less than 2 GiB at once. */
const mergedBytes = 2047 * mebibyte;
const littleBytes = 8 * mebibyte;
const rounds = 3;
const layerCount = 150;
const slowBytes = 64 * mebibyte;
const slowBytesPerSecond = 2 * mebibyte;
const diskSize = 4096 * mebibyte;

const say = (text: string): void => {
  console.log(`merge: ${text}`);
};

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`merge: ${what}`);
}

function goal(value: number, text: string, limit: number): void {
  say(`${value.toFixed(2)} ${text} (goal: at most ${limit}): ${value <= limit ? 'met' : 'NOT MET'}`);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

interface Bench {
  readonly application: TestbedApplication;
  readonly server: testbed.SshServer;
  readonly counter: Counter;
}

export async function run(): Promise<void> {
  const connection = await testbed.connection();
  const server = await testbed.startSshServer({ name: 'bench-merge' });
  const counter = await startCounter(server.port);
  const application = await TestbedApplication.open({ host: server.host, port: counter.port }, connection, 'browser');
  try {
    const bench = { application, server, counter };
    await compare(bench, 'commit');
    await compare(bench, 'pull');
    await measureTraffic(bench);
    await shorten(bench);
    say(
      `others at work on the machine meanwhile: a load of ${loadavg()
        .map((load) => load.toFixed(1))
        .join(', ')}`,
    );
  } finally {
    await application.close();
    counter.stop();
    await server.stop();
    await testbed.deleteVirtualMachine(spec);
  }
}

const spec = { name: 'snaptree-bench-merge', disks: [{ target: 'vda', size: diskSize }], running: false };

/** A running VM with one overlay; the data is in the overlay (to be committed) or below it (to be pulled). */
async function makeVm(
  bytes: number,
  dataIn: 'overlay' | 'base',
): Promise<{ vm: testbed.VirtualMachine; overlay: string }> {
  await testbed.deleteVirtualMachine(spec);
  const vm = await testbed.createVirtualMachine(spec);
  const base = vm.images['vda'] ?? '';
  const overlay = join(vm.folder, 'overlay.qcow2');
  if (dataIn === 'base') await writePattern(base, 0xab, mebibyte, bytes);
  const disk = `vda,snapshot=external,file=${overlay}`;
  await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=x', '--disk-only', '--no-metadata', '--diskspec', disk]);
  if (dataIn === 'overlay') await writePattern(overlay, 0xab, mebibyte, bytes);
  await testbed.virsh(['start', vm.uuid]);
  // What is left to be written of this must not cost the merge its time.
  await runCommand('sync', []);
  return { vm, overlay };
}

function requestFor(kind: 'commit' | 'pull', vm: testbed.VirtualMachine, overlay: string): ChangeRequest {
  const base = vm.images['vda'] ?? '';
  return kind === 'commit'
    ? {
        action: 'commitImages',
        vmUuid: vm.uuid,
        ranges: [{ target: 'vda', topId: overlay, baseId: base }],
        oneByOne: false,
        bytesPerSecond: null,
      }
    : { action: 'pullImages', vmUuid: vm.uuid, ranges: [{ target: 'vda', baseId: null }], bytesPerSecond: null };
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Carries a change out; gives the time of all of it and of the step that merges, in milliseconds. */
async function carryOut({ application }: Bench, request: ChangeRequest): Promise<{ all: number; merging: number }> {
  await application.read(request.vmUuid);
  const plan = await application.plan(request);
  check(plan.refusals.length === 0, plan.refusals.map(({ message }) => message).join(' '));
  let id = '';
  const all = await timeOf(async () => {
    id = await application.begin(plan);
    await application.rests(id, 600_000);
  });
  const { state, error, steps } = application.operation(id);
  check(state === 'succeeded', error?.message ?? state);
  const step = steps[plan.steps.findIndex(({ cancellation }) => cancellation === 'abort')];
  return { all, merging: ((step?.endedAt ?? 0) - (step?.startedAt ?? 0)) * 1000 };
}

interface Times {
  /** Of all, and of the step that merges. */
  readonly all: number;
  readonly merging: number;
  readonly hand: number;
}

/** What a merge costs before anything is copied, and what copying costs beyond that. */
async function compare(bench: Bench, kind: 'commit' | 'pull'): Promise<void> {
  const little = await compareAt(bench, kind, littleBytes);
  const much = await compareAt(bench, kind, mergedBytes);
  goal(much.all / much.hand, `times as long as by hand for a whole ${kind} of 2 GiB`, 1.05);
  const copying = (much.merging - little.merging) / (much.hand - little.hand);
  goal(copying, 'times as long for what it takes longer than one of 8 MiB', 1.05);
  say(
    `however much it is: ${seconds(little.all - little.hand)} longer than by hand, ${seconds(little.all - little.merging)} of it before and after the step that merges (the host is read after each step)`,
  );
}

/** The same merges by Snaptree and by hand, in turns. */
async function compareAt(bench: Bench, kind: 'commit' | 'pull', bytes: number): Promise<Times> {
  const ours: { all: number; merging: number }[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const turns = [
      async () => {
        const { vm, overlay } = await makeVm(bytes, kind === 'commit' ? 'overlay' : 'base');
        const words = kind === 'commit' ? ['blockcommit', '--active', '--pivot'] : ['blockpull'];
        byHand.push(await timeOf(() => testbed.virsh([...words, '--wait', vm.uuid, 'vda'])));
        await checkData(vm, kind === 'commit' ? (vm.images['vda'] ?? '') : overlay, bytes);
      },
      async () => {
        const { vm, overlay } = await makeVm(bytes, kind === 'commit' ? 'overlay' : 'base');
        ours.push(await carryOut(bench, requestFor(kind, vm, overlay)));
        await checkData(vm, kind === 'commit' ? (vm.images['vda'] ?? '') : overlay, bytes);
      },
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const all = median(ours.map((each) => each.all));
  const merging = median(ours.map((each) => each.merging));
  const hand = median(byHand);
  say(
    `a ${kind} of ${bytes / mebibyte} MiB: by hand ${byHand.map(seconds).join(', ')}; by Snaptree ${ours.map((each) => seconds(each.all)).join(', ')}, of which its step that merges ${ours.map((each) => seconds(each.merging)).join(', ')}`,
  );
  return { all, merging, hand };
}

async function checkData(vm: testbed.VirtualMachine, active: string, bytes: number): Promise<void> {
  check((await testbed.activeImage(vm, 'vda')) === active, 'another image is active than there should be');
  check(await testbed.guestDiskHasPattern(vm, 'vda', 0xab, mebibyte, bytes), 'the guest reads other data');
}

/** What goes over SSH while a merge copies slowly, with all that the window would have kept up to date. */
async function measureTraffic(bench: Bench): Promise<void> {
  const { vm, overlay } = await makeVm(slowBytes, 'overlay');
  const { application, counter } = bench;
  await application.read(vm.uuid);
  const plan = await application.plan({
    ...requestFor('commit', vm, overlay),
    bytesPerSecond: slowBytesPerSecond,
  } as ChangeRequest);
  const copying = plan.steps.findIndex(({ cancellation }) => cancellation === 'abort');
  const id = await application.begin(plan);
  const isCopying = () => application.operation(id).steps[copying]?.state === 'running';
  await testbed.waitUntil('the merge to begin', isCopying, 30_000);
  // What is said at its beginning is not what it costs by the hour.
  await delay(3000);
  const before = { ...counter.bytes };
  const start = performance.now();
  await delay(20_000);
  check(isCopying(), 'the merge was too fast to be measured');
  const took = (performance.now() - start) / 1000;
  const rate = (direction: 'up' | 'down') => (counter.bytes[direction] - before[direction]) / took;
  goal(rate('up') / 1000, 'kB a second to the host while images are copied', 1);
  goal(rate('down') / 1000, 'kB a second from the host', 1);
  await application.rests(id, 120_000);
  check(application.operation(id).state === 'succeeded', application.operation(id).error?.message ?? 'not merged');
}

/** A long chain becomes one of two images. */
async function shorten(bench: Bench): Promise<void> {
  await testbed.deleteVirtualMachine(spec);
  const first = await testbed.createVirtualMachine(spec);
  const file = (layer: number) =>
    layer === 0 ? (first.images['vda'] ?? '') : join(first.folder, `layer${layer}.qcow2`);
  for (let layer = 0; layer < layerCount; layer += 1) {
    if (layer > 0) await testbed.createImage(file(layer), 'qcow2', diskSize, file(layer - 1));
    await writePattern(file(layer), patternOf(layer), (layer + 1) * mebibyte, 64 * 1024);
  }
  await testbed.redefineVirtualMachine(first, (xml) => xml.replace(file(0), file(layerCount - 1)));
  await testbed.virsh(['start', first.uuid]);
  const { application, server } = bench;
  await application.read(first.uuid);
  const before = commandsAt(server);
  const times = await carryOut(bench, {
    action: 'commitImages',
    vmUuid: first.uuid,
    ranges: [{ target: 'vda', topId: file(layerCount - 2), baseId: file(0) }],
    oneByOne: false,
    bytesPerSecond: null,
  });
  const commands = commandsAt(server) - before;
  await flushGuestDisk(first, 'vda');
  const patterns = Array.from({ length: layerCount }, (_, layer) => ({
    byte: patternOf(layer),
    offset: (layer + 1) * mebibyte,
    length: 64 * 1024,
  }));
  const missing = await missingPatterns(file(layerCount - 1), patterns);
  check(missing.length === 0, `the guest does not read what ${missing.length} layers wrote`);
  const { disks } = await application.read(first.uuid);
  check(disks[0]?.imageId === file(layerCount - 1), 'another image is active than there should be');
  const { stdout } = await runCommand('qemu-img', [
    'info',
    '-U',
    '--backing-chain',
    '--output=json',
    file(layerCount - 1),
  ]);
  const left = (JSON.parse(stdout) as unknown[]).length;
  check(left === 2, `${left} images are left`);
  say(
    `a chain of ${layerCount} images of a VM that runs is one of 2 after ${seconds(times.all)} (${seconds(times.merging)} of it copying) and ${commands} commands over SSH; all data is right`,
  );
}

const patternOf = (layer: number): number => 1 + (layer % 250);

/** How many commands a server has started so far. */
function commandsAt({ logFile }: testbed.SshServer): number {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Starting session: ')).length;
}
