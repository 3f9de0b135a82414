/** A read-only disk that is another VM's: libvirt 7.0 changes it along with a snapshot of a shut-off VM; later ones do not. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { join } from 'node:path';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
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
  const takesAll = version === '7.0';
  const spec = { name: 'snaptree-every-disk', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let shared: string;

  const refusals = async (request: ChangeRequest) =>
    planLibvirt(
      uri,
      request,
      await readLibvirt(createLocalRunner(testbed.placeOf(version).root), uri, { priority: 'user' }),
    ).refusals.map(({ code }) => code);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    shared = join(vm.folder, 'shared.qcow2');
    await testbed.createImage(shared, 'qcow2', 16 * 1024 ** 2);
    const { stdout } = await testbed.virsh(['dumpxml', '--inactive', '--security-info', vm.uuid], { version });
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${shared}'/><target dev='vdb' bus='virtio'/><readonly/><shareable/></disk></devices>`;
    await testbed.virshWithXml(['define'], stdout.replace('</devices>', disk), [], { version });
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('is refused where libvirt would take it along, and changed there by hand', async () => {
    const vmUuid = vm.uuid;
    const create = {
      action: 'createSnapshot',
      vmUuid,
      kind: 'internal',
      name: 'two',
      description: '',
      diskTargets: null,
    } as const;
    expect(await refusals(create)).toEqual(takesAll ? ['diskTakenAlong'] : []);

    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one'], { version });
    expect(await testbed.internalSnapshotsOf(shared)).toEqual(takesAll ? ['one'] : []);
    const changes = [
      { action: 'revertToSnapshot', vmUuid, snapshotId: 'one' },
      { action: 'deleteSnapshot', vmUuid, snapshotId: 'one', withDescendants: false },
    ] as const;
    for (const change of changes) {
      const found = await refusals(change);
      if (takesAll) expect(found).toContain('diskTakenAlong');
      else expect(found).toEqual([]);
    }
  });
}
