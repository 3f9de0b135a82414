/** A running VM whose definition names another image for its next start, on every version of libvirt. */
import { join } from 'node:path';
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
  const spec = { name: 'snaptree-rules-next', disks: [{ target: 'vda' }], running: true, version };
  let vm: testbed.VirtualMachine;

  const read = () => readLibvirt(createLocalRunner(testbed.placeOf(version).root), uri, { priority: 'user' });
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const codes = async () =>
    findingsOf('host', await read(), defaultReportThresholds, Date.now() / 1000)
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
    const { stdout } = await virsh('dumpxml', '--inactive', '--security-info', vm.uuid);
    await testbed.virshWithXml(['define'], stdout.replace('vda.qcow2', 'next.qcow2'), [], { version });

    expect(await codes()).toEqual(['nextStartDiffers']);
    const inventory = await read();
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
