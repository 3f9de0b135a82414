/** A disk whose changes are thrown away (`<transient/>`): read as such on each libvirt, whatever its VM does, and refused where libvirt does. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { vmOf } from '../read/reading.fixtures.ts';

onEachLibvirt(suite, { about: 'transient disks on libvirt' });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-polls-transient', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;

  const disk = async () => {
    const { disks } = vmOf(await inventoryOf(version), vm.uuid);
    return disks.map(({ target, transient }) => ({ target, transient }));
  };
  const refusals = async (kind: 'internal' | 'external') => {
    const request = {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind,
      name: 's',
      description: '',
      diskTargets: null,
    } as const;
    return (await planOn(version, request)).refusals.map(({ code }) => code);
  };

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</disk>', '<transient/></disk>'), { version });
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('are read while the VM is shut off, when libvirt takes snapshots of them', async () => {
    expect(await disk()).toEqual([{ target: 'vda', transient: true }]);
    expect(await refusals('internal')).not.toContain('transientDisk');
    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=s'], { version });
    expect(await testbed.internalSnapshotsOf(vm.images['vda'] ?? '')).toEqual(['s']);
  });

  it('are read and refused while it runs, when libvirt takes none', async () => {
    await testbed.virsh(['start', vm.uuid], { version });
    expect(await disk()).toEqual([{ target: 'vda', transient: true }]);
    for (const kind of ['internal', 'external'] as const) expect(await refusals(kind)).toContain('transientDisk');
    const taken = await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=s'], { version, expect: [0, 1] });
    expect(taken.exitCode).toBe(1);
  });
}
