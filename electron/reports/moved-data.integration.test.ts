/** What a report advises about data that seems lost or left over, followed to the letter on real images. */
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../e2e/testbeds/index.ts';
import { run } from '../../e2e/testbeds/run.ts';
import { findingsOf } from '../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import { createLocalRunner } from '../hosts/commands/local-runner.fixtures.ts';
import { planLibvirt } from '../hypervisors/libvirt/plan/plan.ts';
import { readLibvirt } from '../hypervisors/libvirt/read/read.ts';

const uri = 'qemu:///system';
const spec = { name: 'snaptree-plans-moved', disks: [{ target: 'vda' }] };
const then = 0xd1;
const now = 0xd2;
const offset = 4 * 1024 ** 2;
let vm: testbed.VirtualMachine;
let image: string;

const read = () => readLibvirt(createLocalRunner(), uri, { priority: 'user' });
async function findings() {
  const inventory = await read();
  const all = findingsOf('host', inventory, defaultReportThresholds, inventory.readAt);
  return { inventory, found: all.filter(({ path }) => path?.startsWith(`${vm.folder}/`) === true) };
}
async function redefine(from: string, to: string): Promise<void> {
  const { stdout } = await testbed.virsh(['dumpxml', '--inactive', vm.uuid]);
  await testbed.virshWithXml(['define'], stdout.replaceAll(from, to));
}
const revertTo = { action: 'revertToSnapshot', saveAs: null, snapshotId: 'one' } as const;

beforeAll(async () => {
  await testbed.up();
});
beforeEach(async () => {
  await testbed.deleteVirtualMachine(spec);
  vm = await testbed.createVirtualMachine(spec);
  image = vm.images['vda'] ?? '';
  await testbed.writeGuestDisk(vm, 'vda', then, offset);
  await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one']);
  await testbed.writeGuestDisk(vm, 'vda', now, offset);
});
afterEach(async () => {
  await testbed.deleteVirtualMachine(spec);
});

describe('an image renamed since its internal snapshot', () => {
  it('is one finding, and its advice brings the snapshot back', async () => {
    const renamed = join(vm.folder, 'renamed.qcow2');
    renameSync(image, renamed);
    await redefine(image, renamed);
    const before = await findings();
    expect(before.found.map(({ code }) => code)).toEqual(['dataMoved']);
    const remedy = before.found[0]?.remedy ?? '';
    const refused = planLibvirt(uri, { ...revertTo, vmUuid: vm.uuid }, before.inventory);
    expect(refused.refusals.map(({ message }) => message).join(' ')).toContain(`It is in ${renamed}`);

    // "move the image back: mv …, then give disk vda this path again (virsh edit)"
    const command = /mv -n -- (\S+) ([^\s,]+)/.exec(remedy);
    await run('mv', ['-n', '--', command?.[1] ?? '', command?.[2] ?? '']);
    await redefine(renamed, image);

    const after = await findings();
    expect(after.found.map(({ code }) => code)).toEqual([]);
    expect(await testbed.hasPattern(image, now, offset)).toBe(true);
    const step = planLibvirt(uri, { ...revertTo, vmUuid: vm.uuid }, after.inventory).steps.at(-1);
    await run(step?.argv[0] ?? '', step?.argv.slice(1) ?? []);
    expect(await testbed.hasPattern(image, then, offset)).toBe(true);
  });

  it('whose path something else took: the record is defined again, and reverting works', async () => {
    const renamed = join(vm.folder, 'renamed.qcow2');
    renameSync(image, renamed);
    await redefine(image, renamed);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1G']);
    const { found } = await findings();
    const moved = found.find(({ code }) => code === 'dataMoved');
    expect(moved?.remedy).toContain('snapshot-create --redefine');
    expect(found.some(({ remedy }) => remedy.includes('qemu-img snapshot -d'))).toBe(false);

    const { stdout } = await testbed.virsh(['snapshot-dumpxml', '--security-info', vm.uuid, '--snapshotname=one']);
    await testbed.virshWithXml(['snapshot-create', vm.uuid], stdout.replaceAll(image, renamed), ['--redefine']);

    const after = await findings();
    expect(after.found.map(({ code }) => code)).toEqual(['fileWithoutRecord']);
    const plan = planLibvirt(uri, { ...revertTo, vmUuid: vm.uuid }, after.inventory);
    expect(plan.refusals).toEqual([]);
    const step = plan.steps.at(-1);
    await run(step?.argv[0] ?? '', step?.argv.slice(1) ?? []);
    expect(await testbed.hasPattern(renamed, then, offset)).toBe(true);
  });
});

it('data without a record is still there after what is advised about it', async () => {
  await testbed.virsh(['snapshot-delete', vm.uuid, '--snapshotname=one', '--metadata']);
  const { found } = await findings();
  expect(found.map(({ code }) => code)).toEqual(['fileWithoutRecord']);
  expect(found[0]?.remedy).toContain('Before it is removed (qemu-img snapshot -d');
  expect(found[0]?.remedy).toContain('copy the whole image');

  const copy = join(vm.folder, 'kept.qcow2');
  copyFileSync(image, copy);
  await run('qemu-img', ['snapshot', '-d', 'one', image]);

  expect(await testbed.hasPattern(image, now, offset)).toBe(true);
  await run('qemu-img', ['snapshot', '-a', 'one', copy]);
  expect(await testbed.hasPattern(copy, then, offset)).toBe(true);
});
