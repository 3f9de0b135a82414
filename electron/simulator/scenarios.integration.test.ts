/**
 * The scenarios on a real libvirt 9.0: what came of them is what the simulated host is held to.
 * With SNAPTREE_RECORD=1 what the real host does is written down anew; a scenario that was left out, or failed, keeps what it has.
 */
import { rmSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as testbed from '../../e2e/testbeds/index.ts';
import { run } from '../../e2e/testbeds/run.ts';
import { isTooLate, notToday, todaysSample, tooLate } from '../../e2e/testbeds/sample.ts';
import { inventorySchema } from '../../shared/model/inventory.ts';
import { createLocalRunner } from '../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../hypervisors/libvirt/read/read.ts';
import {
  play,
  recordedAnew,
  scenarios,
  type Outcome,
  type Recordings,
  type ScenarioHost,
  type ScenarioVm,
} from './scenarios.fixtures.ts';

const file = new URL('recorded-outcomes.json', import.meta.url);
const isRecording = process.env['SNAPTREE_RECORD'] === '1';
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recordings;
const anew = new Map<string, readonly Outcome[]>();
const runner = createLocalRunner();
const made = new Map<string, testbed.VirtualMachine>();

function handle({ uuid }: ScenarioVm): testbed.VirtualMachine {
  const vm = made.get(uuid);
  if (!vm) throw new Error(`No VM ${uuid} was made.`);
  return vm;
}

/** Exit codes are part of what is compared. */
const any = { expect: Array.from({ length: 256 }, (_, code) => code) };

const host: ScenarioHost = {
  async createVirtualMachine(spec) {
    // A run that was cut off may have left it.
    await testbed.deleteVirtualMachine(spec);
    const vm = await testbed.createVirtualMachine({ ...spec, folder: spec.name });
    made.set(vm.uuid, vm);
    return vm;
  },
  async deleteVirtualMachine(vm) {
    await testbed.deleteVirtualMachine(handle(vm));
  },
  virsh: (argv) => testbed.virsh(argv, any),
  qemuImg: (argv) => run('qemu-img', argv, any),
  write: (vm, target, byte, offset) => testbed.writeGuestDisk(handle(vm), target, byte, offset),
  holds: (vm, target, byte, offset) => testbed.guestDiskHasPattern(handle(vm), target, byte, offset),
  removeFile(path) {
    rmSync(path);
    return Promise.resolve();
  },
  putFile(path, text) {
    writeFileSync(path, text);
    return Promise.resolve();
  },
  read: async () => inventorySchema.parse(await readLibvirt(runner, 'qemu:///system', { priority: 'user' })),
};

beforeAll(async () => {
  await testbed.up();
});

afterAll(() => {
  if (anew.size > 0) writeFileSync(file, `${JSON.stringify(recordedAnew(recorded, anew), null, 1)}\n`);
});

const today = isRecording ? scenarios : todaysSample(scenarios, 8);

it.for(scenarios)('a real libvirt does what is recorded: $title', { timeout: 120_000 }, async (scenario, { skip }) => {
  skip(!today.includes(scenario), notToday());
  skip(!isRecording && isTooLate(), tooLate);
  const outcomes = await play(host, scenario);
  if (isRecording) anew.set(scenario.title, outcomes);
  else expect(outcomes).toEqual(recorded[scenario.title]);
});
