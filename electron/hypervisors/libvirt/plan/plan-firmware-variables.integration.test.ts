/** Firmware variables in qcow2, which libvirt since 10.9 makes part of an internal snapshot without listing them. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';

onEachLibvirt(suite, { only: '11.3' });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-variables', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let variables: string;

  const refusals = async (request: ChangeRequest) => (await planOn(version, request)).refusals.map(({ code }) => code);

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
    const firmware = `<loader readonly='yes' type='pflash'>${code}</loader><nvram format='qcow2'>${variables}</nvram></os>`;
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</os>', firmware), { version });
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('are part of the snapshot: no change of it is planned, and their data is not called nobody’s', async () => {
    await testbed.writeGuestDisk(vm, 'vda', 0xa1);
    for (const name of ['one', 'after']) {
      await testbed.virsh(['snapshot-create-as', vm.uuid, `--name=${name}`], { version });
    }
    // The records list the disk alone.
    expect(await testbed.internalSnapshotsOf(variables)).toEqual(['one', 'after']);

    const vmUuid = vm.uuid;
    expect(await refusals({ action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'one' })).toContain(
      'recordIncomplete',
    );
    // Also of a record that names the same as the one before.
    expect(await refusals({ action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'after' })).toContain(
      'recordIncomplete',
    );
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
    const inventory = await inventoryOf(version);
    const found = findingsOf('host', inventory, defaultReportThresholds, inventory.readAt);
    expect(found.filter(({ path }) => path?.startsWith(vm.folder) === true)).toEqual([]);

    // What the finding would have led to: libvirt then sets the disk back and fails.
    await testbed.writeGuestDisk(vm, 'vda', 0xa2);
    await run('qemu-img', ['snapshot', '-d', 'one', variables]);
    await expect(testbed.virsh(['snapshot-revert', vm.uuid, '--snapshotname=one'], { version })).rejects.toThrow();
    expect(await testbed.hasPattern(vm.images['vda'] ?? '', 0xa1)).toBe(true);
  });
}
