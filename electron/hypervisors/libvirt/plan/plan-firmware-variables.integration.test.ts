/** Firmware variables in qcow2, which libvirt since 10.9 makes part of an internal snapshot without listing them. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../shared/rules/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/report-thresholds.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../read/read.ts';
import { planLibvirt } from './plan.ts';

const uri = 'qemu:///system';
const version = '11.3';
const place = testbed.libvirtVersions().find((each) => each.version === version);

describe.skipIf(place?.up !== true)(`libvirt ${version}${place?.reason ? ` (${place.reason})` : ''}`, () => {
  const spec = { name: 'snaptree-variables', disks: [{ target: 'vda' }], version } as const;
  let vm: testbed.VirtualMachine;
  let variables: string;

  const read = () => readLibvirt(createLocalRunner(testbed.placeOf(version).root), uri, { priority: 'user' });
  const refusals = async (request: ChangeRequest) =>
    planLibvirt(uri, request, await read()).refusals.map(({ code }) => code);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    variables = join(vm.folder, 'variables.qcow2');
    const code = join(vm.folder, 'code.fd');
    // The VM is not started: what is in them does not matter.
    await testbed.createImage(variables, 'qcow2', 1024 ** 2);
    await testbed.createImage(code, 'raw', 1024 ** 2);
    const { stdout } = await testbed.virsh(['dumpxml', '--inactive', '--security-info', vm.uuid], { version });
    const firmware = `<loader readonly='yes' type='pflash'>${code}</loader><nvram format='qcow2'>${variables}</nvram></os>`;
    await testbed.virshWithXml(['define'], stdout.replace('</os>', firmware), [], { version });
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('are part of the snapshot: no change of it is planned, and their data is not called nobody’s', async () => {
    await testbed.writeGuestDisk(vm, 'vda', 0xa1);
    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one'], { version });
    // The record lists the disk alone.
    expect(await testbed.internalSnapshotsOf(variables)).toEqual(['one']);

    const vmUuid = vm.uuid;
    expect(await refusals({ action: 'revertToSnapshot', vmUuid, snapshotId: 'one' })).toContain('recordIncomplete');
    expect(await refusals({ action: 'deleteSnapshot', vmUuid, snapshotId: 'one', withDescendants: false })).toContain(
      'recordIncomplete',
    );
    expect(
      await refusals({
        action: 'createSnapshot',
        vmUuid,
        kind: 'internal',
        name: 'two',
        description: '',
        diskTargets: null,
      }),
    ).toEqual(['firmware']);
    const inventory = await read();
    const found = findingsOf('host', inventory, defaultReportThresholds, inventory.readAt);
    expect(found.filter(({ path }) => path?.startsWith(vm.folder) === true)).toEqual([]);

    // What the finding would have led to: libvirt then sets the disk back and fails.
    await testbed.writeGuestDisk(vm, 'vda', 0xa2);
    await run('qemu-img', ['snapshot', '-d', 'one', variables]);
    await expect(testbed.virsh(['snapshot-revert', vm.uuid, '--snapshotname=one'], { version })).rejects.toThrow();
    expect(await testbed.hasPattern(vm.images['vda'] ?? '', 0xa1)).toBe(true);
  });
});
