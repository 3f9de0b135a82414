/** Reverting several disks where one of their images cannot be written to, on every version of libvirt: all or nothing. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { Plan } from '../../../../../shared/model/plan.ts';

const then = 0xb1;
const now = 0xb2;
const offset = 4 * 1024 ** 2;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-revert-images', disks: [{ target: 'vda' }, { target: 'vdb' }], version };
  let vm: testbed.VirtualMachine;
  let reader: ChildProcess | null = null;

  const image = (target: string) => vm.images[target] ?? '';
  const plan = () => planOn(version, { action: 'revertToSnapshot', saveAs: null, vmUuid: vm.uuid, snapshotId: 'one' });
  /** Runs the step before the change as it would run on the host. */
  function look({ steps }: Pick<Plan, 'steps'> | Awaited<ReturnType<typeof plan>>) {
    const [program = '', ...rest] = steps[0]?.argv ?? [];
    return spawnSync(program, rest, { encoding: 'utf8' });
  }
  const sums = () =>
    ['vda', 'vdb'].map((target) =>
      createHash('sha256')
        .update(readFileSync(image(target)))
        .digest('hex'),
    );
  async function endReader(): Promise<void> {
    const child = reader;
    reader = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await ended;
  }
  const patterns = (pattern: number) =>
    Promise.all(['vda', 'vdb'].map((target) => testbed.hasPattern(image(target), pattern, offset)));

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    for (const target of ['vda', 'vdb']) await testbed.writeGuestDisk(vm, target, then, offset);
    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one'], { version });
    for (const target of ['vda', 'vdb']) await testbed.writeGuestDisk(vm, target, now, offset);
  });
  afterEach(async () => {
    await endReader();
    await testbed.deleteVirtualMachine(spec);
  });

  it('an image that is marked corrupt: refused, and libvirt would have set back one disk of two', async () => {
    // Bit 1 of the incompatible features (QEMU docs/interop/qcow2.txt), bytes 72 to 79.
    const file = openSync(image('vdb'), 'r+');
    writeSync(file, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]), 0, 8, 72);
    closeSync(file);
    const { refusals, steps } = await plan();
    expect(steps).toEqual([]);
    expect(refusals.map(({ code, names }) => [code, names])).toEqual([['imageCorrupt', [image('vdb')]]]);

    // 11.3 does not say why: "An error occurred, but the cause is unknown".
    await expect(testbed.virsh(['snapshot-revert', vm.uuid, '--snapshotname=one'], { version })).rejects.toThrow();
    expect(await testbed.hasPattern(image('vda'), then, offset)).toBe(true);
  });

  it('an image that another program reads: the look fails, nothing is changed, and afterwards it works', async () => {
    const made = await plan();
    expect(made.refusals).toEqual([]);
    const before = sums();
    reader = spawn('qemu-io', ['-r', '-f', 'qcow2', image('vdb')], { stdio: ['pipe', 'pipe', 'ignore'] });
    // Its prompt: the image is open.
    await new Promise((resolve) => reader?.stdout?.once('data', resolve));
    const found = look(made);
    expect(found.status).toBe(1);
    expect(found.stderr).toContain(`Nothing was changed: ${image('vdb')} cannot be written to.`);
    expect(found.stderr).toContain('lock');
    expect(sums()).toEqual(before);
    expect(await patterns(now)).toEqual([true, true]);

    await endReader();
    expect(look(made)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(sums()).toEqual(before);
    await testbed.virsh((made.steps.at(-1)?.argv ?? []).slice(3), { version });
    expect(await patterns(then)).toEqual([true, true]);
  });

  it('the VM itself may have its images open', async () => {
    await testbed.virsh(['start', vm.uuid], { version });
    const made = await plan();
    expect(made.refusals).toEqual([]);
    expect(look(made)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('an image that is gone or may not be changed is found while the VM still runs', async () => {
    await testbed.virsh(['start', vm.uuid], { version });
    const made = await plan();
    const [step] = made.steps;
    const argv = step?.argv.map((word) => (word === image('vdb') ? `${word}.gone` : word)) ?? [];
    expect(look({ steps: [{ ...step, argv }] as Plan['steps'] }).stderr).toContain('It is not there.');
    const immutable = spawnSync('chattr', ['+i', image('vdb')], { encoding: 'utf8' });
    if (immutable.status !== 0) {
      process.stderr.write(`not looked at here, as files have no attributes: ${immutable.stderr}`);
      return;
    }
    try {
      expect(look(made)).toMatchObject({ status: 1 });
      expect(look(made).stderr).toContain('Nothing was changed');
    } finally {
      spawnSync('chattr', ['-i', image('vdb')]);
    }
  });
}
