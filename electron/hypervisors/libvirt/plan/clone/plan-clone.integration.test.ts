/** New VMs from the disks of others, on real libvirts: their data, their definitions, and that both VMs run beside each other. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { carryOut, inventoryOf, plannedHost, planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { writePattern } from '../../../../../e2e/testbeds/disks.ts';
import { run } from '../../../../../e2e/testbeds/run.ts';
import { TestbedApplication } from '../../../../../e2e/testbeds/testbed-application.fixtures.ts';
import { virtualMachine } from '../../../../../e2e/testbeds/virtual-machine.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { cloneSuite } from './clone-suite.fixtures.ts';

vi.setConfig({ testTimeout: 180_000 });

onEachLibvirt(suite, { sampled: { oneIn: 2 } });

type CloneRequest = Extract<ChangeRequest, { action: 'cloneVm' }>;

function suite(version: testbed.LibvirtVersion): void {
  const disks = [{ target: 'vda' }, { target: 'vdb', format: 'raw' as const, size: 64 * 1024 ** 2 }];
  const spec = { name: 'snaptree-clone-of', disks, version };
  const newName = 'snaptree-clone <&> new';
  const newSpec = { name: newName, folder: 'snaptree-clone-new', disks, version };
  const offset = 4 * 1024 ** 2;
  let vm: testbed.VirtualMachine;

  const virsh = (...argv: readonly string[]) => testbed.virsh(argv, { version });
  const definition = async (uuid: string) => (await virsh('dumpxml', '--inactive', '--security-info', uuid)).stdout;
  const made = virtualMachine(newSpec);
  const clone = (parts: Partial<CloneRequest> = {}): CloneRequest => ({
    action: 'cloneVm',
    vmUuid: vm.uuid,
    snapshotId: null,
    kind: 'full',
    newVm: { uuid: made.uuid, name: newName },
    ...parts,
  });
  const write = (byte: number, target = 'vda', of = vm) => testbed.writeGuestDisk(of, target, byte, offset);
  const reads = (byte: number, target = 'vda', of = vm) => testbed.guestDiskHasPattern(of, target, byte, offset);
  const external = (name: string) => virsh('snapshot-create-as', vm.uuid, `--name=${name}`, '--disk-only', '--atomic');
  const redefine = (edit: (xml: string) => string) => testbed.redefineVirtualMachine(vm, edit, { version });
  const refusals = async (parts: Partial<CloneRequest> = {}) =>
    (await planOn(version, clone(parts))).refusals.map(({ code }) => code);

  /** The roots of the testbed have no pseudo-terminals. */
  async function startNew(): Promise<void> {
    await testbed.redefineVirtualMachine(made, (xml) => xml.replaceAll("type='pty'", "type='null'"), { version });
    await virsh('start', made.uuid);
  }

  async function remove(): Promise<void> {
    await testbed.deleteVirtualMachine(newSpec);
    await testbed.deleteVirtualMachine(spec);
  }

  cloneSuite({
    planned: () => plannedHost(version),
    newVm: { uuid: made.uuid, name: newName },
    createVirtualMachine: () => testbed.createVirtualMachine(spec),
    deleteVirtualMachines: remove,
    virsh: (argv) => virsh(...argv),
    startNew,
    write: (uuid, target, byte) => write(byte, target, uuid === made.uuid ? made : virtualMachine(spec)),
    reads: (uuid, target, byte) => reads(byte, target, uuid === made.uuid ? made : virtualMachine(spec)),
    imageReads: (image, byte) => testbed.hasPattern(image, byte, offset),
  });

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await remove();
    vm = await testbed.createVirtualMachine(spec);
  });
  afterEach(remove);

  it('hangs a thin instance on a template, which no plan changes any more', async () => {
    await write(0x41);
    await carryOut(version, clone({ kind: 'thin' }));
    expect(await reads(0x41, 'vda', made)).toBe(true);
    await virsh('snapshot-create-as', vm.uuid, '--name=one', '--disk-only', '--atomic');
    const merge: ChangeRequest = {
      action: 'commitImages',
      vmUuid: vm.uuid,
      ranges: [{ target: 'vda', topId: await testbed.activeImage(vm, 'vda'), baseId: vm.images['vda'] ?? '' }],
      oneByOne: false,
      bytesPerSecond: null,
    };
    expect((await planOn(version, merge)).refusals.map(({ code }) => code)).toContain('imageHasDependents');
  });

  it('copies a chain and a raw disk into a full clone that needs nothing of the old VM', async () => {
    await write(0x51);
    await write(0x52, 'vdb');
    await external('one');
    await testbed.writeGuestDisk(vm, 'vda', 0x61, offset * 2);
    const old = [
      ...Object.values(vm.images),
      ...(await Promise.all(['vda', 'vdb'].map((each) => testbed.activeImage(vm, each)))),
    ];
    await carryOut(version, clone());
    await virsh('undefine', vm.uuid, '--snapshots-metadata');
    for (const path of new Set(old)) rmSync(path);
    await startNew();
    expect([await reads(0x51, 'vda', made), await reads(0x52, 'vdb', made)]).toEqual([true, true]);
    expect(await testbed.guestDiskHasPattern(made, 'vda', 0x61, offset * 2)).toBe(true);
  });

  it('copies an internal snapshot, and not what came after it, nor another of a name like it', async () => {
    await redefine((xml) => xml.replace(/<disk (?:(?!<disk )[^])*?<target dev='vdb'[^]*?<\/disk>/, ''));
    await write(0x71);
    // What qemu-img would take for the number of the next one.
    await run('qemu-img', ['snapshot', '-c', '2', vm.images['vda'] ?? '']);
    await write(0x72);
    await virsh('snapshot-create-as', vm.uuid, '--name=a,b=c');
    await write(0x73);
    expect(await refusals({ kind: 'thin', snapshotId: 'a,b=c' })).toEqual(['internalData']);
    await carryOut(version, clone({ snapshotId: 'a,b=c' }));
    expect(await reads(0x72, 'vda', made)).toBe(true);
    expect(await testbed.internalSnapshotsOf(await testbed.activeImage(made, 'vda'))).toEqual([]);
    await virsh('start', vm.uuid);
    expect(await refusals({ snapshotId: 'a,b=c' })).toContain('vmState');
    expect(await refusals()).toContain('vmState');
  });

  it('gives the new VM what only one VM can have anew, and keeps the rest', async () => {
    const store = join(vm.folder, 'old_VARS.fd');
    const code = join(vm.folder, 'code.fd');
    writeFileSync(store, Buffer.alloc(540_672, 0x5a));
    writeFileSync(code, Buffer.alloc(1024 ** 2));
    const serial = "<serial type='file'><source path='/tmp/snaptree-old.log'/><target port='0'/></serial>";
    await redefine((xml) =>
      xml
        .replace(
          '</os>',
          `<loader readonly='yes' type='pflash'>${code}</loader><nvram>${store}</nvram><smbios mode='sysinfo'/></os>`,
        )
        .replace(
          '<os>',
          `<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid><sysinfo type='smbios'><system><entry name='manufacturer'>Acme</entry><entry name='uuid'>${vm.uuid}</entry></system></sysinfo><metadata><a:b xmlns:a='http://example.org/a'>
  <name>of somebody</name>
  <devices>
    <disk/>
  </devices>
</a:b></metadata><os>`,
        )
        .replace(/<serial [^]*?<\/serial>/, serial)
        .replace(
          '</devices>\n</domain>',
          `<interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface><channel type='unix'><source mode='bind' path='/tmp/snaptree-old.sock'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel><graphics type='vnc' port='5999' autoport='no' passwd='secret1'><listen type='address' address='127.0.0.1'/></graphics></devices></domain>`,
        ),
    );
    const before = await definition(vm.uuid);
    const { warnings } = await carryOut(version, clone({ kind: 'thin' }));
    expect(warnings.map(({ code: each }) => each)).toContain('becomesTemplate');
    const after = await definition(made.uuid);
    expect(await definition(vm.uuid)).toBe(before);
    for (const kept of [
      "<entry name='manufacturer'>Acme</entry>",
      '<name>of somebody</name>',
      "passwd='secret1'",
      `${code}</loader>`,
    ]) {
      expect(after).toContain(kept);
    }
    for (const gone of [
      vm.uuid,
      '52:54:00:12:34:56',
      '43dc0cf8',
      'snaptree-old.log',
      'snaptree-old.sock',
      '5999',
      store,
      vm.images['vda'] ?? '',
    ]) {
      expect(before).toContain(gone);
      expect(after).not.toContain(gone);
    }
    expect(after).toContain("autoport='yes'");
    const newStore = join(vm.folder, `${newName}_VARS.fd`);
    expect(readFileSync(newStore)).toEqual(readFileSync(store));
    const { stdout: types } = await virsh('domblklist', made.uuid, '--details');
    expect(types.match(/file +disk/g)).toHaveLength(2);
  });

  it.each([
    [
      'arguments for QEMU',
      (xml: string) =>
        xml
          .replace("<domain type='", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' type='")
          .replace('</domain>', "<qemu:commandline><qemu:arg value='-no-shutdown'/></qemu:commandline></domain>"),
      'arguments of its own',
    ],
  ])('refuses a definition with %s before anything is made', async (_, edit, why) => {
    await redefine(edit);
    await expect(carryOut(version, clone())).rejects.toThrow(why);
    expect(existsSync(join(vm.folder, 'snaptree-clone-new-vda.qcow2'))).toBe(false);
  });

  it('refuses an image that the VM opens by a link from where it hangs on another', async () => {
    const [linked, real] = [join(vm.folder, 'linked'), join(vm.folder, 'real')];
    for (const folder of [linked, real]) {
      mkdirSync(folder);
      await testbed.createImage(join(folder, 'base.qcow2'), 'qcow2', 64 * 1024 ** 2);
    }
    await writePattern(join(linked, 'base.qcow2'), 0x81, offset);
    const top = join(real, 'top.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2', '--', top]);
    symlinkSync(top, join(linked, 'link.qcow2'));
    await redefine((xml) => xml.replace(vm.images['vda'] ?? '', join(linked, 'link.qcow2')));
    await virsh('start', vm.uuid);
    expect(await reads(0x81)).toBe(true);
    await virsh('destroy', vm.uuid);
    expect(await refusals()).toEqual(['otherPath']);
    expect(await refusals({ kind: 'thin' })).toEqual(['otherPath']);
    // A new overlay for going back would name it by its own path as well.
    await external('golden');
    const revert = { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: 'golden', saveAs: null } as const;
    expect((await planOn(version, revert)).refusals.map(({ code }) => code)).toEqual(['otherPath']);
  });

  it('refuses a disk that the VM gets from its next start on', async () => {
    await external('golden');
    await virsh('start', vm.uuid);
    const other = join(vm.folder, 'later.qcow2');
    await testbed.createImage(other, 'qcow2', 1024 ** 2);
    await virsh('attach-disk', vm.uuid, other, 'vdc', '--driver', 'qemu', '--subdriver', 'qcow2', '--config');
    await expect(carryOut(version, clone({ kind: 'thin', snapshotId: 'golden' }))).rejects.toThrow(
      'another disk than was planned',
    );
    expect((await inventoryOf(version)).vms.some(({ uuid }) => uuid === made.uuid)).toBe(false);
  });

  it('removes what it made where the VM cannot be defined, and nothing else', async () => {
    const connection = await testbed.up();
    const server = await testbed.startSshServer({ name: `clone-${version.replace('.', '-')}`, version });
    const application = await TestbedApplication.open(server, connection);
    const namesake = { ...spec, name: newName, folder: 'snaptree-clone-namesake' };
    try {
      const request = clone({ newVm: { uuid: '5ce0b4b1-24ba-4bd1-9a32-3c0a1d8ca001', name: newName } });
      const plan = await application.plan(request);
      const [first = '', second = ''] = plan.after.newVm?.chains.map(({ imageIds }) => imageIds[0] ?? '') ?? [];
      // After the plan somebody else takes the name.
      await testbed.createVirtualMachine(namesake);
      const operation = await application.rests(await application.begin(plan), 120_000);
      expect(operation.state).toBe('failed');
      expect(operation.steps.map(({ state }) => state)).toContain('failed');
      expect([existsSync(first), existsSync(second)]).toEqual([false, false]);
      expect(existsSync(vm.images['vda'] ?? '')).toBe(true);
    } finally {
      await application.close();
      await server.stop();
      await testbed.deleteVirtualMachine(namesake);
    }
  });
}
