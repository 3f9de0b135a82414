/** Records that libvirt 9.0 lets name an older image when the one before is removed by hand: what is refused, and that what is said to be done mends it. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';

const offset = 4 * 1024 ** 2;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-rules-renamed', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;

  const virsh = async (...argv: string[]) => (await testbed.virsh(argv, { version })).stdout;
  const file = (number: number) => (number === 0 ? (vm.images['vda'] ?? '') : join(vm.folder, `s${number}.qcow2`));
  const revert = (): ChangeRequest => ({
    action: 'revertToSnapshot',
    vmUuid: vm.uuid,
    snapshotId: 's3',
    saveAs: null,
  });
  const codesOf = async (request: ChangeRequest) => (await planOn(version, request)).refusals.map(({ code }) => code);
  const findings = async () =>
    findingsOf('host', await inventoryOf(version), defaultReportThresholds, Date.now() / 1000).filter(
      ({ vmUuid }) => vmUuid === vm.uuid,
    );

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    for (const number of [1, 2, 3]) {
      await testbed.writeGuestDisk(vm, 'vda', 0xa0 + number, offset);
      const disk = ['--disk-only', '--diskspec', `vda,file=${file(number)}`];
      await virsh('snapshot-create-as', vm.uuid, `s${number}`, ...disk);
    }
    await testbed.writeGuestDisk(vm, 'vda', 0xaf, offset);
    await virsh('snapshot-delete', vm.uuid, 's2', '--metadata');
  });
  afterEach(() => testbed.deleteVirtualMachine(spec));

  const recordOf = (name: string) => virsh('snapshot-dumpxml', vm.uuid, name, '--security-info');
  const namesOlder = (record: string) => record.includes(`<source file='${file(1)}'`);

  it('gives the data of the snapshot, or says that its record names other data and how that is mended', async () => {
    const record = await recordOf('s3');
    // Only 9.0 writes it anew.
    expect(namesOlder(record)).toBe(version === '9.0');
    if (namesOlder(record)) {
      expect(await codesOf(revert())).toEqual(['dataRenamed']);
      const pull = { target: 'vda', baseId: null };
      expect(await codesOf({ action: 'pullImages', vmUuid: vm.uuid, ranges: [pull], bytesPerSecond: null })).toEqual([
        'dataRenamed',
      ]);
      const range = { target: 'vda', topId: file(1), baseId: file(0) };
      const how = { oneByOne: false, bytesPerSecond: null };
      expect(await codesOf({ action: 'commitImages', vmUuid: vm.uuid, ranges: [range], ...how })).toEqual([
        'dataRenamed',
      ]);
      expect((await findings()).map(({ code, snapshotName, path }) => [code, snapshotName, path])).toEqual([
        ['activeLayerMismatch', 's3', file(2)],
      ]);
      await testbed.virshWithXml(
        ['snapshot-create', '--redefine', vm.uuid],
        record.replaceAll(`<source file='${file(1)}'`, `<source file='${file(2)}'`),
        [],
        { version },
      );
    }
    expect(await findings()).toEqual([]);
    await carryOut(version, revert());
    expect(await testbed.guestDiskHasPattern(vm, 'vda', 0xa3, offset)).toBe(true);
  });

  it('lets the snapshot be deleted all the same', async () => {
    await carryOut(version, { action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: 's3', withDescendants: false });
    expect((await virsh('snapshot-list', vm.uuid, '--name')).trim()).toBe('s1');
    expect(await testbed.guestDiskHasPattern(vm, 'vda', 0xaf, offset)).toBe(true);
  });
}
