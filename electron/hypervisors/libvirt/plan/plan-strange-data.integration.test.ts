/** Data that has a record's name and is something else, on every version of libvirt: what is refused and said, and what the tools would do. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';

const offset = 4 * 1024 ** 2;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-rules-strange', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let base: string;

  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const findings = async () =>
    findingsOf('host', await inventoryOf(version), defaultReportThresholds, Date.now() / 1000).filter(
      ({ vmUuid, path }) => vmUuid === vm.uuid || path === base,
    );
  const deleting = () =>
    planOn(version, { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 'one', withDescendants: false });
  const reverting = (snapshotId: string) =>
    planOn(version, { action: 'revertToSnapshot', saveAs: null, vmUuid: vm.uuid, snapshotId });

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    base = vm.images['vda'] ?? '';
    await testbed.writeGuestDisk(vm, 'vda', 0xa1, offset);
    await virsh('snapshot-create-as', vm.uuid, '--name=one');
    await testbed.writeGuestDisk(vm, 'vda', 0xa2, offset);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('is the data of its record as it comes from libvirt, and can be deleted', async () => {
    expect((await deleting()).refusals).toEqual([]);
    expect(await findings()).toEqual([]);
  });

  it('is not deleted in the place of what its record is about', async () => {
    const { stdout } = await virsh('snapshot-dumpxml', vm.uuid, '--snapshotname=one');
    // The record of a day before: as where its image was put back with a snapshot of that name in it.
    const ofTheDayBefore = stdout.replace(
      /<creationTime>(\d+)</,
      (_all, seconds: string) => `<creationTime>${Number(seconds) - 86_400}<`,
    );
    await testbed.virshWithXml(['snapshot-create', '--redefine', vm.uuid], ofTheDayBefore, [], { version });

    const plan = await deleting();
    expect(plan.refusals.map(({ code, names }) => [code, ...names])).toEqual([['otherDataOfThatName', base]]);
    const found = await findings();
    expect(found.map(({ code }) => code).sort()).toEqual(['fileWithoutRecord', 'recordWithoutFile']);
    expect(found.find(({ code }) => code === 'recordWithoutFile')?.message).toContain('something else of that name');

    // What is refused would have taken it: libvirt goes by the name alone.
    await virsh('snapshot-delete', vm.uuid, '--snapshotname=one');
    expect(await testbed.internalSnapshotsOf(base)).toEqual([]);
  });

  it('lacks the memory of its record: refused, and libvirt would end or stop the VM and fail', async () => {
    await virsh('start', vm.uuid);
    await virsh('snapshot-create-as', vm.uuid, '--name=two');
    expect((await reverting('two')).refusals).toEqual([]);
    expect(await findings()).toEqual([]);

    await virsh('destroy', vm.uuid);
    for (const act of ['-d', '-c']) await run('qemu-img', ['snapshot', act, 'two', base]);
    await virsh('start', vm.uuid);
    const plan = await reverting('two');
    expect(plan.steps).toEqual([]);
    expect(plan.refusals.map(({ code }) => code)).toEqual(['memoryMissing']);
    expect(await findings()).toMatchObject([{ code: 'recordWithoutFile', severity: 'critical', snapshotName: 'two' }]);

    expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=two')).rejects.toThrow();
    // 7.0 loads memory into the QEMU that runs, and leaves it standing still; later ones have ended it by then.
    expect(await testbed.stateOf(vm.uuid, version)).toBe(version === '7.0' ? 'paused' : 'shut off');
  });

  it('is without the medium of its time: refused, libvirt ends the VM for nothing, and what the remedy names mends it', async () => {
    const medium = join(vm.folder, 'medium.iso');
    writeFileSync(medium, Buffer.alloc(64 * 1024));
    await virsh('attach-disk', vm.uuid, medium, 'sda', '--type=cdrom', '--targetbus=sata', '--config');
    await virsh('start', vm.uuid);
    await virsh('snapshot-create-as', vm.uuid, '--name=two');
    await virsh('change-media', vm.uuid, 'sda', '--eject', '--live', '--config');
    rmSync(medium);
    const refused = async () => (await reverting('two')).refusals.map(({ code, names }) => [code, ...names]);
    if (version === '7.0') {
      // Before 7.10 a VM that runs keeps its QEMU, which loads the memory without its medium: only the start is refused.
      const { refusals, warnings } = await reverting('two');
      expect(refusals).toEqual([]);
      expect(warnings.map(({ code, names }) => [code, ...names])).toContainEqual(['revertObstacle', medium]);
      await virsh('snapshot-revert', vm.uuid, '--snapshotname=two');
      expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
      await virsh('destroy', vm.uuid);
    }
    expect(await refused()).toEqual([['revertObstacle', medium]]);
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=two')).rejects.toThrow(/medium\.iso/);
    expect(await testbed.stateOf(vm.uuid, version)).toBe('shut off');

    writeFileSync(medium, Buffer.alloc(64 * 1024));
    expect((await reverting('two')).refusals).toEqual([]);
    await virsh('snapshot-revert', vm.uuid, '--snapshotname=two');
    expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
  });

  it('is not named as what to remove by its name where the record’s data has that name too', async () => {
    await run('qemu-img', ['snapshot', '-c', 'one', base]);
    const [stray, ...others] = await findings();
    expect(others).toEqual([]);
    expect(stray?.message).toContain('“one” (number 2)');
    expect(stray?.remedy).not.toContain('snapshot -d');
    expect((await deleting()).refusals.map(({ code }) => code)).toEqual(['ambiguousSnapshot']);

    // What the remedy names copies the state of the stray one, and changes nothing.
    const copy = join(vm.folder, 'NEW.qcow2');
    const [, command] = /: (qemu-img convert .+)$/.exec(stray?.remedy ?? '') ?? [];
    expect(command).toBeDefined();
    await run('sh', ['-c', (command ?? '').replace('NEW.qcow2', copy)]);
    expect(await testbed.hasPattern(copy, 0xa2, offset)).toBe(true);
    rmSync(copy);
    expect(await testbed.internalSnapshotsOf(base)).toEqual(['one', 'one']);

    // And what it does not name would have taken the recorded one, the first of that name.
    await run('qemu-img', ['snapshot', '-d', 'one', base]);
    await run('qemu-img', ['snapshot', '-a', 'one', base]);
    expect(await testbed.hasPattern(base, 0xa2, offset)).toBe(true);
  });
}
