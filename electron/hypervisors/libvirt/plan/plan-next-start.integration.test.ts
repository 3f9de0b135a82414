/** A running VM whose definition names another image for its next start, on every version of libvirt. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, uri } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import { findingsOf } from '../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';
import { planLibvirt } from './plan.ts';

onEachLibvirt(suite);

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-rules-next', disks: [{ target: 'vda' }], running: true, version };
  let vm: testbed.VirtualMachine;

  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const codes = async () =>
    findingsOf('host', await inventoryOf(version), defaultReportThresholds, Date.now() / 1000)
      .filter(({ vmUuid }) => vmUuid === vm.uuid)
      .map(({ code }) => code);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('is a finding and a warning of plans that make a snapshot, and libvirt really takes the other image', async () => {
    const now = vm.images['vda'] ?? '';
    const next = join(vm.folder, 'next.qcow2');
    expect(await codes()).toEqual([]);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', next, '64M']);
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('vda.qcow2', 'next.qcow2'), { version });

    expect(await codes()).toEqual(['nextStartDiffers']);
    const inventory = await inventoryOf(version);
    for (const kind of ['internal', 'external'] as const) {
      const request = { action: 'createSnapshot', vmUuid: vm.uuid, name: 'x', description: '', kind } as const;
      const { refusals, warnings } = planLibvirt(uri, { ...request, diskTargets: null }, inventory);
      expect(refusals).toEqual([]);
      expect(warnings.find(({ code }) => code === 'nextStartDiffers')?.names).toEqual([
        expect.stringMatching(/next\.qcow2$/),
      ]);
    }
    expect(await testbed.activeImage(vm, 'vda')).toBe(now);
    await virsh('destroy', vm.uuid);
    expect(await testbed.activeImage(vm, 'vda')).toMatch(/next\.qcow2$/);
  });
}
