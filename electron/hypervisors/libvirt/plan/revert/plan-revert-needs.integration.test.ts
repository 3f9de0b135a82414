/**
 * Whatever the definition in a snapshot's record needs is taken away, one thing from each VM, on every version of libvirt: what is
 * planned and said, what libvirt does, and that what is whole, or mended, is reverted to.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { runAt } from '../../../../../e2e/testbeds/places.ts';
import { inventoryOf, planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../../../shared/model/plan.ts';
import { findingsOf } from '../../../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../../../shared/rules/findings/report-thresholds.ts';
import { kernelThatTakesInitrd } from '../../read/obstacles/obstacles.fixtures.ts';

const then = 0xc1;
const now = 0xc2;
const offset = 4 * 1024 ** 2;

interface Case {
  readonly os?: (folder: string) => string;
  readonly devices?: (folder: string) => string;
  /** Makes `thing` in the folder. */
  readonly make: (thing: string, folder: string) => Promise<void> | void;
}

const file = (bytes = 256 * 1024) => ({
  make: (thing: string) => {
    writeFileSync(thing, Buffer.alloc(bytes));
  },
});
const folder = {
  make: (thing: string) => {
    mkdirSync(thing);
  },
};

const cases: Readonly<Record<string, Case>> = {
  kernel: { ...file(), os: (at) => `<kernel>${at}/thing</kernel>` },
  initrd: {
    os: (at) => `<kernel>${at}/kernel</kernel><initrd>${at}/thing</initrd>`,
    make: (thing, at) => {
      writeFileSync(join(at, 'kernel'), kernelThatTakesInitrd());
      writeFileSync(thing, Buffer.alloc(1024));
    },
  },
  firmware: { ...file(), os: (at) => `<loader readonly='yes' type='rom'>${at}/thing</loader>` },
  emulator: {
    devices: (at) => `<emulator>${at}/thing</emulator>`,
    make: (thing) => {
      symlinkSync('/usr/bin/qemu-system-x86_64', thing);
    },
  },
  rom: {
    ...file(64 * 1024),
    devices: (at) => `<interface type='user'><model type='virtio'/><rom file='${at}/thing'/></interface>`,
  },
  'shared folder': {
    ...folder,
    devices: (at) =>
      `<filesystem type='mount' accessmode='passthrough'><source dir='${at}/thing'/><target dir='x'/></filesystem>`,
  },
  'folder of a socket': {
    ...folder,
    devices: (at) => `<parallel type='unix'><source mode='bind' path='${at}/thing/s'/><target port='0'/></parallel>`,
  },
  'folder of a log': {
    ...folder,
    devices: (at) => `<parallel type='null'><log file='${at}/thing/l'/><target port='0'/></parallel>`,
  },
  'socket of another program': {
    devices: (at) => `<parallel type='unix'><source mode='connect' path='${at}/thing'/><target port='0'/></parallel>`,
    make: async (thing) => {
      const server = createServer().listen(thing).unref();
      await once(server, 'listening');
    },
  },
  'image below a read-only disk': {
    devices: (at) =>
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${at}/read-only.qcow2'/><target dev='vdb' bus='virtio'/><readonly/></disk>`,
    make: async (thing, at) => {
      await testbed.createImage(thing, 'qcow2', 1024 ** 2);
      await testbed.createImage(join(at, 'read-only.qcow2'), 'qcow2', 1024 ** 2, thing);
    },
  },
};

/** Devices that these hosts do not have: their records are made by hand. */
const devices: Readonly<Record<string, { readonly xml: string; readonly path: string }>> = {
  PCI: {
    xml: `<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x7a' slot='0x1f' function='0x3'/></source></hostdev>`,
    path: '/sys/bus/pci/devices/0000:7a:1f.3',
  },
  mdev: {
    xml: `<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>`,
    path: '/sys/bus/mdev/devices/c2177883-f1bb-47f0-914d-32a22e3a8804',
  },
  TPM: {
    xml: `<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm77'/></backend></tpm>`,
    path: '/dev/tpm77',
  },
};

const portTaken = 5979;

function withDevice(device: string): (xml: string) => string {
  return (xml) => xml.replaceAll('</devices>', `${device}</devices>`);
}

/** What the plan does not know of, so that only the step finds it. */
const others: Readonly<Record<string, { readonly xml: string; readonly words: string }>> = {
  network: {
    xml: `<interface type='network'><source network='no &amp; net'/><model type='virtio'/></interface>`,
    words: 'the network “no & net”',
  },
  link: {
    xml: `<interface type='direct'><source dev='noeth7' mode='bridge'/><model type='virtio'/></interface>`,
    words: 'the network device “noeth7”',
  },
  USB: {
    xml: `<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>`,
    words: 'the USB device 1234:beef',
  },
};

/** What the host itself lacks: how the record is changed, and what the step says. */
const lacks: Readonly<Record<string, { readonly change: (xml: string) => string; readonly words: RegExp }>> = {
  'machine type': {
    change: (xml) => xml.replaceAll(/ machine='[^']*'/g, " machine='pc-i440fx-99.9'"),
    words: /does not support machine type 'pc-i440fx-99.9'/,
  },
  'CPU feature': {
    change: (xml) =>
      xml
        .replaceAll(/<cpu .*?<\/cpu>/gs, '')
        .replaceAll(
          '</features>',
          "</features><cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>qemu64</model><feature policy='require' name='avx512-4vnniw'/></cpu>",
        ),
    words: /Host CPU does not provide required features: avx512-4vnniw/,
  },
  'NUMA node': {
    change: (xml) => xml.replaceAll('<os>', "<numatune><memory mode='strict' nodeset='7'/></numatune><os>"),
    words: /NUMA node 7 is unavailable/,
  },
  processors: {
    change: (xml) => xml.replaceAll(/<vcpu placement='static'>/g, "<vcpu placement='static' cpuset='900-901'>"),
    words: /bound to the processors 900-901 of the host/,
  },
  memory: {
    change: (xml) => xml.replaceAll(/<memory unit='KiB'>\d+</g, "<memory unit='KiB'>107374182400<"),
    words: /it needs 107374182400 KiB of memory, more than this host has/,
  },
  'port of a console': {
    change: withDevice(
      `<graphics type='vnc' port='${portTaken}' autoport='no' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>`,
    ),
    words: new RegExp(`another program listens on the port ${portTaken} of 127.0.0.1`),
  },
  'port of a serial line': {
    change: withDevice(
      `<parallel type='tcp'><source mode='bind' host='127.0.0.1' service='${portTaken}'/><protocol type='raw'/></parallel>`,
    ),
    words: new RegExp(`another program listens on the port ${portTaken} of 127.0.0.1`),
  },
  'security driver': {
    change: (xml) => xml.replaceAll('</devices>', "</devices><seclabel type='dynamic' model='selinux' relabel='yes'/>"),
    words: /the security driver “selinux” is not there/,
  },
};

const emulatedTpm = `<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>`;

const pooled = `<disk type='volume' device='cdrom'><driver name='qemu' type='raw'/><source pool='nopool7' volume='v.iso'/><target dev='hda' bus='ide'/><readonly/></disk>`;

onEachLibvirt(suite, { sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-revert-needs', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let thing: string;
  let plain: string;
  const isInPlace = version === '7.0';

  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const plan = (snapshotId: string) =>
    planOn(version, { action: 'revertToSnapshot', saveAs: null, vmUuid: vm.uuid, snapshotId });
  const refused = async (snapshotId: string) =>
    (await plan(snapshotId)).refusals.map(({ code, names }) => [code, ...names]);
  const state = () => testbed.stateOf(vm.uuid, version);
  /** Runs a step as it would run on the host. */
  const run = ([program = '', ...rest]: readonly string[]) =>
    runAt(testbed.placeOf(version), program, rest, { expect: [0, 1] });
  const lookIn = (steps: readonly Pick<PlanStep, 'title' | 'argv'>[]) =>
    steps.find(({ title }) => title === 'Check that everything the snapshot needs is there')?.argv;
  const lookOf = async (snapshotId: string) => lookIn((await plan(snapshotId)).steps);
  const findings = async () => {
    const inventory = await inventoryOf(version);
    return findingsOf('host', inventory, defaultReportThresholds, Date.now() / 1000).filter(
      ({ vmUuid }) => vmUuid === vm.uuid,
    );
  };
  const read = async (): Promise<ReadableVm> => {
    const found = (await inventoryOf(version)).vms.find(({ uuid }) => uuid === vm.uuid);
    if (found?.readable !== true) throw new Error('it was not read');
    return found;
  };
  const redefineWith = ({ os, devices: more }: Pick<Case, 'os' | 'devices'>) =>
    testbed.redefineVirtualMachine(
      vm,
      (xml) => {
        const added = more?.(vm.folder) ?? '';
        const rest = added.startsWith('<emulator>') ? xml.replace(/<emulator>.*<\/emulator>/, '') : xml;
        return rest.replace('</os>', `${os?.(vm.folder) ?? ''}</os>`).replace('</devices>', `${added}</devices>`);
      },
      { version },
    );
  const withoutAgain = () => testbed.virshWithXml(['define'], plain, [], { version });
  const snapshot = (name: string) => virsh('snapshot-create-as', vm.uuid, `--name=${name}`);
  async function replaceRecord(name: string, change: (xml: string) => string): Promise<void> {
    const { stdout } = await virsh('snapshot-dumpxml', vm.uuid, '--security-info', `--snapshotname=${name}`);
    await virsh('snapshot-delete', vm.uuid, '--metadata', `--snapshotname=${name}`);
    await testbed.virshWithXml(['snapshot-create', '--redefine', '--current', vm.uuid], change(stdout), [], {
      version,
    });
  }
  /** Replaces a record by one whose definition has more. */
  const putInto = (name: string, xml: string, disk = '') =>
    replaceRecord(name, (record) =>
      record
        .replace(
          /<controller type='usb' index='0' model='none'\/>/g,
          `<controller type='usb' index='0' model='piix3-uhci'/>`,
        )
        .replace('</devices>', `${xml}</devices>`)
        .replace('</disks>', `${disk}</disks>`),
    );

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    thing = join(vm.folder, 'thing');
    plain = (await virsh('dumpxml', '--inactive', '--security-info', vm.uuid)).stdout;
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it.each(Object.entries(cases))('%s: with memory, for which the VM would be ended', async (_name, each) => {
    await each.make(thing, vm.folder);
    await redefineWith(each);
    await virsh('start', vm.uuid);
    await testbed.writeGuestDisk(vm, 'vda', then, offset);
    await snapshot('one');
    await snapshot('two');
    await testbed.writeGuestDisk(vm, 'vda', now, offset);

    // Nothing is said of what is whole; it is gone back to below.
    const { refusals, steps } = await plan('two');
    expect(refusals).toEqual([]);
    for (const { argv } of steps.slice(0, -1)) expect(await run(argv)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await findings()).toEqual([]);
    const look = lookIn(steps);

    await withoutAgain();
    renameSync(thing, `${thing}.aside`);
    for (const name of ['one', 'two']) {
      expect(await refused(name)).toEqual(isInPlace ? [] : [['revertObstacle', thing]]);
    }
    const found = (await findings()).filter(({ code }) => code === 'recordWithoutFile');
    expect(found).toMatchObject([{ severity: 'critical', path: thing, snapshotName: null }]);
    expect(found[0]?.message).toContain('“one”, “two”');
    expect(found[0]?.remedy).not.toContain('virsh edit');
    if (isInPlace) {
      expect((await plan('two')).warnings.map(({ code }) => code)).toContain('revertObstacle');
      expect(look).toBeUndefined();
      await virsh('snapshot-revert', vm.uuid, '--snapshotname=two');
      expect(await state()).toBe('running');
      await virsh('destroy', vm.uuid);
    } else {
      const step = await run(look ?? []);
      expect(step.exitCode).toBe(1);
      expect(step.stderr.replace('the socket ', '')).toContain(`Nothing was changed: ${thing}`);
      expect(await state()).toBe('running');
      await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=two')).rejects.toThrow();
      expect(await state()).toBe('shut off');
      // What failed has put the definition of that time in the place of the one by which the VM ran.
      await expect(virsh('start', vm.uuid)).rejects.toThrow();
    }

    expect(await refused('two')).toEqual([['revertObstacle', thing]]);
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=two')).rejects.toThrow();
    renameSync(`${thing}.aside`, thing);
    expect(await refused('two')).toEqual([]);
    await virsh('snapshot-revert', vm.uuid, '--snapshotname=two');
    expect(await state()).toBe('running');
    expect(await testbed.guestDiskHasPattern(vm, 'vda', then, offset)).toBe(true);
  });

  it('what only the next start would need stops nothing', async () => {
    await virsh('start', vm.uuid);
    writeFileSync(thing, Buffer.alloc(1024));
    await redefineWith({ os: (at) => `<kernel>${at}/thing</kernel>` });
    await snapshot('one');
    await withoutAgain();
    renameSync(thing, `${thing}.aside`);
    const made = await plan('one');
    expect(made.refusals).toEqual([]);
    for (const { argv } of made.steps) expect(await run(argv)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await state()).toBe('running');
  });

  it('a medium that is needed to boot alone, with memory: left out by libvirt', async () => {
    writeFileSync(thing, Buffer.alloc(64 * 1024));
    await redefineWith({
      devices: (at) =>
        `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${at}/thing' startupPolicy='requisite'/><target dev='hda' bus='ide'/><readonly/></disk>`,
    });
    await virsh('start', vm.uuid);
    await snapshot('one');
    renameSync(thing, `${thing}.aside`);
    const made = await plan('one');
    expect(made.refusals).toEqual([]);
    for (const { argv } of made.steps) expect(await run(argv)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await state()).toBe('running');
    expect((await findings()).map(({ code }) => code)).toEqual(['vmWillNotStart']);
  });

  it.each(Object.entries(devices))('a device, %s: with memory and without', async (_name, { xml, path }) => {
    await snapshot('off');
    await putInto('off', xml);
    await virsh('start', vm.uuid);
    await snapshot('on');
    await putInto('on', xml);
    expect(await refused('off')).toEqual([['revertObstacle', path]]);
    expect(await refused('on')).toEqual(isInPlace ? [] : [['revertObstacle', path]]);
    expect((await findings()).map(({ code, path: at }) => [code, at])).toEqual([['recordWithoutFile', path]]);
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=on')).rejects.toThrow();
    // Before 7.10 it compares the devices first, and refuses without a change.
    expect(await state()).toBe(isInPlace ? 'running' : 'shut off');

    // Without memory the disks go back where the VM is shut off; then the VM itself lacks the device.
    if (isInPlace) await virsh('destroy', vm.uuid);
    const made = await plan('off');
    expect(made.refusals).toEqual([]);
    expect(made.warnings.map(({ code }) => code)).toContain('revertObstacle');
    await virsh('snapshot-revert', vm.uuid, '--snapshotname=off');
    expect((await read()).startObstacles?.map((each) => each.path)).toEqual([path]);
    await expect(virsh('start', vm.uuid)).rejects.toThrow();
  });

  async function isFoundJustBefore(xml: string, words: string, disk = ''): Promise<void> {
    await virsh('start', vm.uuid);
    await snapshot('one');
    const look = await lookOf('one');
    if (!isInPlace) expect(await run(look ?? [])).toMatchObject({ exitCode: 0, stderr: '' });
    await putInto('one', xml, disk);
    if (!isInPlace) {
      const step = await run(look ?? []);
      expect(step.exitCode).toBe(1);
      expect(step.stderr).toContain(`Nothing was changed: ${words}`);
    }
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow();
    expect(await state()).toBe(isInPlace ? 'running' : 'shut off');
  }

  it.each(Object.entries(others))('%s: found just before the VM would be ended', async (_name, { xml, words }) => {
    await isFoundJustBefore(xml, words);
  });

  it.skipIf(isInPlace).each(Object.entries(lacks))(
    `%s that the host lacks: found just before the VM would be ended${isInPlace ? ' (7.0 compares first, and ends nothing)' : ''}`,
    async (_name, { change, words }) => {
      const listener = createServer().listen(portTaken, '127.0.0.1');
      await once(listener, 'listening');
      try {
        await virsh('start', vm.uuid);
        await snapshot('one');
        const { steps, warnings } = await plan('one');
        expect(warnings.map(({ code }) => code)).toContain('startMayFail');
        const look = lookIn(steps);
        expect(await run(look ?? [])).toMatchObject({ exitCode: 0, stderr: '' });
        await replaceRecord('one', change);
        const step = await run(look ?? []);
        expect(step.stderr).toMatch(words);
        expect(step.stderr).toContain('Nothing was changed');
        expect(step.exitCode).toBe(1);
        expect(await state()).toBe('running');
        await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow();
        expect(await state()).toBe('shut off');
      } finally {
        listener.close();
      }
    },
  );

  it('a pool: found just before, where it was there when the plan was made', async () => {
    await isFoundJustBefore(pooled, 'the volume “v.iso” of the pool “nopool7”', `<disk name='hda' snapshot='no'/>`);
  });

  it('a secret: found just before the VM would be ended', async () => {
    writeFileSync(thing, Buffer.alloc(1024 ** 2));
    const secret = '11111111-2222-4333-8444-555555555555';
    const xml = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${thing}'><encryption format='luks'><secret type='passphrase' uuid='${secret}'/></encryption></source><target dev='vdc' bus='virtio'/></disk>`;
    await isFoundJustBefore(xml, `the secret “${secret}”`);
  });

  const hasEmulator = existsSync(`${testbed.placeOf(version).root}/usr/bin/swtpm`);
  it.skipIf(hasEmulator)(
    `the emulator of a TPM: found just before the VM would be ended${hasEmulator ? ' (left out: it is installed here)' : ''}`,
    async () => {
      await isFoundJustBefore(emulatedTpm, 'the program swtpm');
    },
  );

  it('a kernel, without memory: a VM that runs is not ended for one that does not start', async () => {
    await testbed.writeGuestDisk(vm, 'vda', then, offset);
    writeFileSync(thing, Buffer.alloc(1024));
    await redefineWith({ os: (at) => `<kernel>${at}/thing</kernel>` });
    await snapshot('one');
    await testbed.writeGuestDisk(vm, 'vda', now, offset);
    await withoutAgain();
    await virsh('start', vm.uuid);
    expect(await refused('one')).toEqual([]);
    const look = await lookOf('one');
    expect((await run(look ?? [])).exitCode).toBe(0);
    renameSync(thing, `${thing}.aside`);
    expect(await refused('one')).toEqual([['revertObstacle', thing]]);
    expect((await run(look ?? [])).exitCode).toBe(1);
    expect((await findings()).map(({ code, severity }) => [code, severity])).toEqual([
      ['recordWithoutFile', 'warning'],
    ]);

    await virsh('destroy', vm.uuid);
    const made = await plan('one');
    expect(made.refusals).toEqual([]);
    expect(made.warnings.map(({ code }) => code)).toContain('revertObstacle');
    for (const { argv } of made.steps) expect(await run(argv)).toMatchObject({ exitCode: 0 });
    expect(await testbed.hasPattern(vm.images['vda'] ?? '', then, offset)).toBe(true);
    expect((await read()).startObstacles?.map(({ path }) => path)).toEqual([thing]);
    await expect(virsh('start', vm.uuid)).rejects.toThrow();
  });

  it('a pool, without memory: libvirt would end the VM and change nothing', async () => {
    await snapshot('one');
    await putInto('one', pooled, `<disk name='hda' snapshot='no'/>`);
    await testbed.writeGuestDisk(vm, 'vda', now, offset);
    expect(await refused('one')).toEqual([['revertObstacle', 'nopool7/v.iso']]);
    await virsh('start', vm.uuid);
    expect(await refused('one')).toEqual([['revertObstacle', 'nopool7/v.iso']]);
    if (isInPlace) return;
    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow(/pool/);
    expect(await state()).toBe('shut off');
    expect(await testbed.hasPattern(vm.images['vda'] ?? '', now, offset)).toBe(true);
  });
}
