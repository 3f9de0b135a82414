/** A read-only disk that is another VM's: libvirt 7.0 changes it along with a snapshot of a shut-off VM; later ones do not. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { join } from 'node:path';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';

onEachLibvirt(suite);

function suite(version: testbed.LibvirtVersion): void {
  const takesAll = version === '7.0';
  const spec = { name: 'snaptree-every-disk', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let shared: string;

  const refusals = async (request: ChangeRequest) => (await planOn(version, request)).refusals.map(({ code }) => code);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    shared = join(vm.folder, 'shared.qcow2');
    await testbed.createImage(shared, 'qcow2', 16 * 1024 ** 2);
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${shared}'/><target dev='vdb' bus='virtio'/><readonly/><shareable/></disk></devices>`;
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</devices>', disk), { version });
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
      { action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'one' },
      { action: 'deleteSnapshot', vmUuid, snapshotId: 'one', withDescendants: false },
    ] as const;
    for (const change of changes) {
      const found = await refusals(change);
      if (takesAll) expect(found).toContain('diskTakenAlong');
      else expect(found).toEqual([]);
    }
  });
}
