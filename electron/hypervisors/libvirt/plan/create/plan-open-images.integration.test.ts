/** Images that programs use of which libvirt knows nothing, on every version of libvirt: what is refused, and what it would do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../../shared/rules/findings/report-thresholds.ts';

const mebibyte = 1024 ** 2;
const offset = 4 * mebibyte;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-uses-open', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let base: string;
  /** Where nothing of libvirt is. */
  let elsewhere: string;
  let program: ChildProcess | null = null;

  const plan = (
    request:
      | Omit<Extract<ChangeRequest, { action: 'revertToSnapshot' }>, 'vmUuid'>
      | Omit<Extract<ChangeRequest, { action: 'deleteSnapshot' }>, 'vmUuid'>,
  ) => planOn(version, { ...request, vmUuid: vm.uuid });
  const revert = { action: 'revertToSnapshot', saveAs: null, snapshotId: 'one' } as const;
  const remove = { action: 'deleteSnapshot', snapshotId: 'one', withDescendants: false } as const;
  /** Serves an image, as qemu-nbd does for another user's VM or for maintenance. */
  async function open(image: string): Promise<void> {
    const socket = join(elsewhere, 'socket');
    program = spawn('qemu-nbd', ['-t', '-f', 'qcow2', '-k', socket, image], { stdio: 'ignore' });
    await testbed.waitUntil('qemu-nbd serves', () => existsSync(socket));
  }
  async function close(): Promise<void> {
    const child = program;
    program = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill()) await ended;
  }

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    base = vm.images['vda'] ?? '';
    elsewhere = mkdtempSync(join(testbed.placeOf(version).shared, 'elsewhere-'));
    await testbed.writeGuestDisk(vm, 'vda', 0xa1, offset);
    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one'], { version });
    await testbed.writeGuestDisk(vm, 'vda', 0xa2, offset);
  });
  afterEach(async () => {
    await close();
    rmSync(elsewhere, { recursive: true, force: true });
    await testbed.deleteVirtualMachine(spec);
  });

  it('an overlay in a folder that nobody looks through: refused while it is used, and it would have read other data', async () => {
    const overlay = join(elsewhere, 'overlay.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', overlay]);
    expect(await testbed.hasPattern(overlay, 0xa2, offset)).toBe(true);
    await open(overlay);

    const reverting = await plan(revert);
    expect(reverting.steps).toEqual([]);
    expect(reverting.refusals.map(({ code }) => code)).toEqual(['dependentsUnknown']);
    expect(reverting.refusals[0]?.message).toContain(`qemu-nbd (process ${program?.pid ?? 0})`);
    const removing = await plan(remove);
    expect(removing.refusals.map(({ code }) => code)).toEqual(['imageOpenElsewhere']);

    await close();
    const free = await plan(revert);
    expect(free.refusals).toEqual([]);
    const step = free.steps.at(-1);
    await testbed.virsh((step?.argv ?? []).slice(3), { version });
    expect(await testbed.hasPattern(overlay, 0xa1, offset)).toBe(true);
  });

  it('an image that nobody names is not called unused while a program has it open', async () => {
    const stray = join(vm.folder, 'stray.qcow2');
    await testbed.createImage(stray, 'qcow2', 16 * mebibyte);
    const leftOver = async () => {
      const inventory = await inventoryOf(version);
      return findingsOf('host', inventory, defaultReportThresholds, inventory.readAt).filter(
        ({ path }) => path === stray,
      );
    };
    expect((await leftOver())[0]?.remedy).toContain('then set it aside (snaptree plan repair');
    await open(stray);
    const [found] = await leftOver();
    expect(found?.message).toContain(
      `It is open, and no VM that runs names it: qemu-nbd (process ${program?.pid ?? 0})`,
    );
    expect(found?.remedy).not.toMatch(/move it away|set it aside/);
  });

  it('a VM that runs explains why its images are open', async () => {
    await testbed.virsh(['start', vm.uuid], { version });
    const { unknownDependents } = await inventoryOf(version);
    expect(unknownDependents.filter(({ imageIds }) => imageIds?.includes(base) === true)).toEqual([]);
  });
}
