/** An overlay that a VM names otherwise than as a disk, in a folder where nothing else of libvirt is, on every version. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { createImageMemory, readImages } from '../../../images/scan/read-images.ts';

const offset = 4 * 1024 ** 2;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-named-a', disks: [{ target: 'vda' }], version };
  const other = { name: 'snaptree-named-b', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let base: string;
  let elsewhere: string;
  let overlay: string;

  const revert = (user?: string) =>
    planOn(version, { action: 'revertToSnapshot', saveAs: null, vmUuid: vm.uuid, snapshotId: 'one' }, user);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    await testbed.deleteVirtualMachine(other);
    vm = await testbed.createVirtualMachine(spec);
    base = vm.images['vda'] ?? '';
    elsewhere = mkdtempSync(join(testbed.placeOf(version).shared, 'elsewhere-'));
    overlay = join(elsewhere, 'overlay.qcow2');
    await testbed.writeGuestDisk(vm, 'vda', 0xa1, offset);
    await testbed.virsh(['snapshot-create-as', vm.uuid, '--name=one'], { version });
    await testbed.writeGuestDisk(vm, 'vda', 0xa2, offset);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', overlay]);
  });
  afterEach(async () => {
    rmSync(elsewhere, { recursive: true, force: true });
    await testbed.deleteVirtualMachine(spec);
    await testbed.deleteVirtualMachine(other);
  });

  async function nameInArguments(
    option = '-drive',
    value = `file=${overlay},if=none,id=more,format=qcow2`,
  ): Promise<testbed.VirtualMachine> {
    const user = await testbed.createVirtualMachine(other);
    const argument = `<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='${option}'/><qemu:arg value='${value}'/></qemu:commandline></domain>`;
    await testbed.redefineVirtualMachine(user, (xml) => xml.replace('</domain>', argument), { version });
    return user;
  }

  it('in an argument of the emulator: what it hangs on is known, and nothing below it is set back', async () => {
    expect((await revert()).refusals).toEqual([]);
    expect(await testbed.hasPattern(overlay, 0xa2, offset)).toBe(true);
    const user = await nameInArguments();
    const plan = await revert();
    expect(plan.steps).toEqual([]);
    expect(plan.refusals.map(({ code, names }) => [code, names.includes(overlay)])).toEqual([
      ['imageHasDependents', true],
    ]);
    const inventory = await inventoryOf(version);
    const read = inventory.vms.find(({ uuid }) => uuid === user.uuid);
    expect(
      read?.readable === true && read.uses?.some(({ imageId, use }) => imageId === overlay && use === 'argument'),
    ).toBe(true);

    // What is refused would have changed it.
    await testbed.virsh(['snapshot-revert', vm.uuid, '--snapshotname=one'], { version });
    expect(await testbed.hasPattern(overlay, 0xa2, offset)).toBe(false);
  });

  it('in an argument, where the account may not read it: nothing that it may hang on is set back', async () => {
    await nameInArguments();
    const asOperator = async () => {
      const { steps, refusals } = await revert(testbed.accounts.operator);
      const codes = refusals.flatMap(({ code, names }) => (names.includes(overlay) ? [code] : []));
      return { steps: steps.length, codes };
    };
    chmodSync(elsewhere, 0o755);
    chmodSync(overlay, 0o600);
    expect(await asOperator()).toEqual({ steps: 0, codes: ['dependentsUnknown'] });
    // Nor where the account cannot look.
    chmodSync(overlay, 0o644);
    chmodSync(elsewhere, 0o700);
    expect(await asOperator()).toEqual({ steps: 0, codes: ['dependentsUnknown'] });
    chmodSync(elsewhere, 0o755);
    expect(await asOperator()).toEqual({ steps: 0, codes: ['imageHasDependents'] });
  });

  it.each([
    ['-fw_cfg', (path: string) => `name=opt/a,file=${path}`],
    ['-device', (path: string) => `virtio-net-pci,addr=0x1e,romfile=${path}`],
    ['-D', (path: string) => path],
  ])('in %s, which opens no disk: that this account may not read it stops nothing', async (option, valueWith) => {
    const user = await nameInArguments(option, valueWith(overlay));
    chmodSync(elsewhere, 0o755);
    chmodSync(overlay, 0o600);
    const { refusals } = await revert(testbed.accounts.operator);
    expect(refusals.filter(({ names }) => names.includes(overlay))).toEqual([]);
    // libvirt and QEMU take it, and open it for that.
    await testbed.virsh(['start', user.uuid], { version });
  });

  it('is found as well where it appears between two readings of which the second looks for changes', async () => {
    const memory = createImageMemory();
    const moved = join(vm.folder, '..', `${spec.name}-moved.qcow2`);
    await run('mv', [overlay, moved]);
    const read = () =>
      readImages(createLocalRunner(testbed.placeOf(version).root), [{ reference: base, format: 'qcow2' }], {
        priority: 'poll',
        named: [overlay, '/dev/null'],
        memory,
      });
    const parentOf = async () => (await read()).images.find(({ id }) => id === overlay)?.parent?.imageId;
    expect(await parentOf()).toBeUndefined();
    expect(await parentOf()).toBeUndefined();
    await run('mv', [moved, overlay]);
    expect(await parentOf()).toBe(base);
    expect(await parentOf()).toBe(base);
  });
}
