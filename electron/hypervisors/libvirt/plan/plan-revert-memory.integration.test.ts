/** Data of a snapshot's name without the memory of its record, on every version of libvirt: refused, and what libvirt would have done. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import { findingsOf } from '../../../../shared/rules/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/report-thresholds.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../read/read.ts';
import { planLibvirt } from './plan.ts';

const uri = 'qemu:///system';

for (const { version, up: isUp, reason } of testbed.libvirtVersions()) {
  describe.skipIf(!isUp)(`libvirt ${version}${reason === '' ? '' : ` (${reason})`}`, () => {
    suite(version);
  });
}

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-revert-memory', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;

  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const state = async () => (await virsh('domstate', vm.uuid)).stdout.trim();
  async function judge() {
    const inventory = await readLibvirt(createLocalRunner(testbed.placeOf(version).root), uri, { priority: 'user' });
    const request = { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: 'one' } as const;
    return {
      plan: planLibvirt(uri, request, inventory),
      findings: findingsOf('host', inventory, defaultReportThresholds, inventory.readAt).filter(
        ({ vmUuid }) => vmUuid === vm.uuid,
      ),
    };
  }

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    await virsh('start', vm.uuid);
    await virsh('snapshot-create-as', vm.uuid, '--name=one');
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('is no contradiction where the data is the snapshot’s own', async () => {
    const { plan, findings } = await judge();
    expect(plan.refusals).toEqual([]);
    expect(findings).toEqual([]);
  });

  it('without the memory of the record: refused, where libvirt ends or stops the VM and then fails', async () => {
    await virsh('destroy', vm.uuid);
    const image = vm.images['vda'] ?? '';
    await run('qemu-img', ['snapshot', '-d', 'one', image]);
    await run('qemu-img', ['snapshot', '-c', 'one', image]);
    await virsh('start', vm.uuid);

    const { plan, findings } = await judge();
    expect(plan.steps).toEqual([]);
    expect(plan.refusals.map(({ code }) => code)).toEqual(['memoryMissing']);
    expect(findings).toMatchObject([{ code: 'recordWithoutFile', severity: 'critical', snapshotName: 'one' }]);

    expect(await state()).toBe('running');
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow();
    // Since 7.10 a new process loads the memory; before, the one that runs stops for it and stays so.
    expect(await state()).toBe(version === '7.0' ? 'paused' : 'shut off');
  });
}
