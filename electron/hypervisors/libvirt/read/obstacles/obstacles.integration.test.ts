/**
 * Whatever a VM needs to start is taken away, one thing from each VM: Snaptree says that libvirt will refuse, libvirt really does,
 * and after what is said to mend it the VM starts.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import { placeOf, virsh, virshWithXml, type LibvirtVersion } from '../../../../../e2e/testbeds/index.ts';
import type { Inventory, ReadableVm } from '../../../../../shared/model/inventory.ts';
import { imagesById } from '../../../../../shared/rules/chains/chains.ts';
import { findingsOf } from '../../../../../shared/rules/findings/findings.ts';
import { vmProblems } from '../../../../../shared/rules/findings/problems.ts';
import { defaultReportThresholds } from '../../../../../shared/rules/findings/report-thresholds.ts';
import { createLocalRunner } from '../../../../hosts/commands/local-runner.fixtures.ts';
import { kernelThatTakesInitrd } from './obstacles.fixtures.ts';
import { readLibvirt } from '../read.ts';

/** Typed as what it is to the compiler: anything. */
const stringContaining = (text: string): unknown => expect.stringContaining(text);

interface Case {
  readonly os?: (folder: string) => string;
  readonly devices?: (folder: string) => string;
  /** What is taken away, below the folder; null where it never was there. */
  readonly taken: string | null;
  /** Whether it is a folder. */
  readonly isFolder?: boolean;
  /** Whether what is said holds a command that mends it; otherwise what was taken is put back. */
  readonly command?: boolean;
  /** What is named as missing, below the folder, where it is not what was taken. */
  readonly path?: string;
}

const drive = (device: string, target: string, bus: string, file: string, policy = ''): string =>
  `<disk type='file' device='${device}'><driver name='qemu' type='raw'/><source file='${file}'${policy}/><target dev='${target}' bus='${bus}'/></disk>`;

const cases: Readonly<Record<string, Case>> = {
  medium: { taken: 'cd.iso', devices: (at) => drive('cdrom', 'hda', 'ide', `${at}/cd.iso`), command: true },
  requisite: {
    taken: 'cd-r.iso',
    devices: (at) => drive('cdrom', 'hda', 'ide', `${at}/cd-r.iso`, " startupPolicy='requisite'"),
    command: true,
  },
  floppy: { taken: 'floppy.img', devices: (at) => drive('floppy', 'fda', 'fdc', `${at}/floppy.img`), command: true },
  kernel: { taken: 'kernel', os: (at) => `<kernel>${at}/kernel</kernel>` },
  initrd: { taken: 'initrd', os: (at) => `<kernel>${at}/other-kernel</kernel><initrd>${at}/initrd</initrd>` },
  acpi: { taken: 'slic', os: (at) => `<acpi><table type='slic'>${at}/slic</table></acpi>` },
  rom: {
    taken: 'rom',
    devices: (at) => `<interface type='user'><model type='virtio'/><rom file='${at}/rom'/></interface>`,
  },
  emulator: { taken: 'emulator', devices: (at) => `<emulator>${at}/emulator</emulator>` },
  template: {
    taken: 'vars-template',
    os: (at) =>
      `<loader readonly='yes' type='pflash'>${at}/firmware</loader><nvram template='${at}/vars-template'>${at}/vars</nvram>`,
  },
  shared: {
    taken: 'shared',
    isFolder: true,
    command: true,
    devices: (at) =>
      `<filesystem type='mount' accessmode='passthrough'><source dir='${at}/shared'/><target dir='x'/></filesystem>`,
  },
  socket: {
    taken: 'sockets',
    isFolder: true,
    command: true,
    devices: (at) => `<serial type='unix'><source mode='bind' path='${at}/sockets/s'/><target port='0'/></serial>`,
  },
  log: {
    taken: 'logs',
    isFolder: true,
    command: true,
    devices: (at) => `<serial type='null'><log file='${at}/logs/l'/></serial>`,
  },
  peer: { taken: 'peer', devices: (at) => `<serial type='unix'><source mode='connect' path='${at}/peer'/></serial>` },
  egd: {
    taken: 'egd',
    devices: (at) =>
      `<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='${at}/egd'/></backend></rng>`,
  },
};

/** Taken away, and offered again by another program. */
const peers = ['peer', 'egd'] as const;

function emptyAcpiTable(): Buffer {
  const table = Buffer.alloc(36);
  table.write('SLIC');
  table.writeUInt32LE(table.length, 4);
  return table;
}

const emulatorPath = '/usr/bin/qemu-system-x86_64';

onEachLibvirt(suite, { sampled: true });

function suite(version: LibvirtVersion): void {
  const place = placeOf(version);
  const folder = join(place.images, `named-${randomUUID()}`);
  const aside = join(folder, 'aside');
  const runner = createLocalRunner(place.root);
  const uuids = new Map([...Object.keys(cases), 'optional', 'saved'].map((name) => [name, randomUUID() as string]));
  const uuidOf = (name: string): string => uuids.get(name) ?? '';
  const diskOf = (name: string): string => join(folder, `${name}.qcow2`);

  const define = (name: string, { os, devices }: Pick<Case, 'os' | 'devices'>, disk = diskOf(name)) =>
    virshWithXml(
      ['define'],
      `<domain type='qemu'><name>snaptree-named-${name}</name><uuid>${uuidOf(name)}</uuid><memory unit='MiB'>16</memory>
<os><type arch='x86_64' machine='pc'>hvm</type>${os?.(folder) ?? ''}</os><features><acpi/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
${devices?.(folder) ?? ''}</devices></domain>`,
      [],
      { version },
    );
  const tryToStart = async (name: string) => {
    const { exitCode, stderr } = await virsh(['start', uuidOf(name)], { version, expect: [0, 1] });
    if (exitCode === 0) await virsh(['destroy', uuidOf(name)], { version });
    return { name, starts: exitCode === 0, words: stderr.trim() };
  };
  const read = () => readLibvirt(runner, 'qemu:///system', { priority: 'user' });
  const vmIn = (inventory: Inventory, name: string): ReadableVm => {
    const found = inventory.vms.find(({ uuid }) => uuid === uuidOf(name));
    if (found?.readable !== true) throw new Error(`${name} was not read`);
    return found;
  };

  const servers: Server[] = [];

  beforeAll(async () => {
    mkdirSync(aside, { recursive: true });
    for (const name of uuids.keys()) {
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', diskOf(name), '1M']);
    }
    for (const file of [
      'firmware',
      'other-kernel',
      'vars-template',
      'kernel',
      'initrd',
      'slic',
      'rom',
      'cd.iso',
      'cd-r.iso',
    ])
      writeFileSync(join(folder, file), Buffer.alloc(256 * 1024));
    writeFileSync(join(folder, 'other-kernel'), kernelThatTakesInitrd());
    writeFileSync(join(folder, 'slic'), emptyAcpiTable());
    copyFileSync(join(folder, 'rom'), join(folder, 'floppy.img'));
    for (const name of ['shared', 'sockets', 'logs']) mkdirSync(join(folder, name));
    symlinkSync(emulatorPath, join(folder, 'emulator'));
    for (const name of peers) {
      const server = createServer().listen(join(folder, name));
      servers.push(server);
      await once(server, 'listening');
    }
    for (const [name, each] of Object.entries(cases)) await define(name, each);
    const optional = drive('cdrom', 'hda', 'ide', `${folder}/never.iso`, " startupPolicy='optional'");
    await define('optional', { devices: () => optional });
    await define('saved', {});
  });

  afterAll(async () => {
    for (const uuid of uuids.values()) {
      await virsh(['destroy', uuid], { version, expect: [0, 1] });
      await virsh(['undefine', '--managed-save', '--nvram', uuid], { version, expect: [0, 1] });
    }
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  });

  it('says what libvirt refuses, and what mends it', async () => {
    const whole = await read();
    for (const name of uuids.keys()) expect(vmIn(whole, name).startObstacles).toBeUndefined();

    for (const { taken } of Object.values(cases)) {
      if (taken !== null) renameSync(join(folder, taken), join(aside, taken));
    }
    const broken = await read();
    for (const [name, { taken, path = taken ?? '' }] of Object.entries(cases)) {
      expect(await tryToStart(name)).toMatchObject({ name, starts: false });
      const { startObstacles = [] } = vmIn(broken, name);
      expect(startObstacles.map((obstacle) => obstacle.path)).toEqual([join(folder, path)]);
      expect(
        vmProblems(vmIn(broken, name), imagesById(broken.images), 'libvirt')
          .map(({ message }) => message)
          .join(),
      ).toContain('libvirt will refuse to start it');
    }
    expect(vmIn(broken, 'optional').startObstacles).toBeUndefined();
    expect(await tryToStart('optional')).toMatchObject({ starts: true });

    for (const name of peers) {
      expect(vmIn(broken, name).startObstacles?.[0]?.remedy).toMatch(
        /^Start the program that offers it, or take it out/,
      );
    }
    for (const [name, { taken, command }] of Object.entries(cases)) {
      const remedy = vmIn(broken, name).startObstacles?.[0]?.remedy ?? '';
      if (command === true)
        await runner.runScript({
          script: remedy.slice(remedy.lastIndexOf(': ') + 2).replace(/^virsh /, 'virsh -c qemu:///system '),
          title: remedy,
          timeoutSeconds: 60,
          priority: 'user',
        });
      else if (taken !== null) renameSync(join(aside, taken), join(folder, taken));
    }
    const mended = await read();
    for (const name of Object.keys(cases)) {
      expect({ name, obstacles: vmIn(mended, name).startObstacles }).toEqual({ name, obstacles: undefined });
      expect(await tryToStart(name)).toEqual({ name, starts: true, words: '' });
    }
  }, 240_000);

  it('says of disks what libvirt or QEMU does not start with, and of none that they do without', async () => {
    const broken = {
      gone: randomUUID(),
      format: randomUUID(),
      corrupt: randomUUID(),
      below: randomUUID(),
      without: randomUUID(),
    };
    for (const [name, uuid] of Object.entries(broken)) {
      uuids.set(name, uuid);
      execFileSync('qemu-img', ['create', '-q', '-f', name === 'format' ? 'raw' : 'qcow2', diskOf(name), '1M']);
    }
    const base = join(folder, 'base.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, '1M']);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, diskOf('below')]);
    const second = join(folder, 'second.qcow2');
    const optional = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${second}' startupPolicy='optional'/><target dev='vdb' bus='virtio'/></disk>`;
    for (const name of Object.keys(broken)) await define(name, name === 'without' ? { devices: () => optional } : {});
    renameSync(diskOf('gone'), join(aside, 'gone.qcow2'));
    renameSync(base, join(aside, 'base.qcow2'));
    // Bit 1 of the incompatible features: “corrupt” (QEMU docs, interop/qcow2).
    const mark = (isCorrupt: boolean) => {
      const bytes = readFileSync(diskOf('corrupt'));
      bytes[79] = isCorrupt ? 2 : 0;
      writeFileSync(diskOf('corrupt'), bytes);
    };
    mark(true);
    const inventory = await read();
    const problems = (name: string) =>
      vmProblems(vmIn(inventory, name), imagesById(inventory.images), 'libvirt')
        .map(({ message }) => message)
        .join(' ');
    for (const name of ['gone', 'format', 'corrupt', 'below']) {
      expect(problems(name)).toContain(`snaptree-named-${name} does not start like this.`);
      expect(await tryToStart(name)).toMatchObject({ name, starts: false });
    }
    expect(problems('without')).toContain(`The chain of disk vdb is broken: ${second} is missing.`);
    expect(problems('without')).not.toContain('start');
    expect(await tryToStart('without')).toMatchObject({ starts: true });

    renameSync(join(aside, 'gone.qcow2'), diskOf('gone'));
    renameSync(join(aside, 'base.qcow2'), base);
    mark(false);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', diskOf('format'), '1M']);
    const mended = await read();
    for (const name of ['gone', 'format', 'corrupt', 'below']) {
      expect(vmProblems(vmIn(mended, name), imagesById(mended.images), 'libvirt')).toEqual([]);
      expect(await tryToStart(name)).toEqual({ name, starts: true, words: '' });
    }
  }, 120_000);

  it('says of an image in a folder that a VM shares with its guest that the guest may use it', async () => {
    uuids.set('sharing', randomUUID());
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', diskOf('sharing'), '1M']);
    mkdirSync(join(folder, 'guest/deep'), { recursive: true });
    symlinkSync(join(folder, 'guest'), join(folder, 'to-guest'));
    const image = join(folder, 'guest/deep/nested.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M']);
    const share = `<filesystem type='mount' accessmode='passthrough'><source dir='${folder}/to-guest'/><target dir='x'/></filesystem>`;
    const ofImage = async () => {
      const inventory = await read();
      return findingsOf('host', inventory, defaultReportThresholds, inventory.readAt).filter(
        ({ path }) => path === image,
      );
    };
    await define('sharing', {});
    expect(await ofImage()).toMatchObject([
      { code: 'fileWithoutRecord', remedy: stringContaining('then set it aside (snaptree plan repair') },
    ]);
    await define('sharing', { devices: () => share });
    const [found, ...others] = await ofImage();
    expect(others).toEqual([]);
    expect(found?.message).toContain(
      `It may be in use: VM “snaptree-named-sharing” shares the folder ${folder}/guest with its guest.`,
    );
    expect(found?.remedy).toBe('Leave it where it is until that is settled.');
  }, 120_000);

  it('knows what saved memory needs', async () => {
    await virsh(['start', uuidOf('saved')], { version });
    await virsh(['managedsave', uuidOf('saved')], { version });
    // The definition is about another disk from now on; the saved memory is not.
    copyFileSync(diskOf('saved'), join(folder, 'other.qcow2'));
    await define('saved', {}, join(folder, 'other.qcow2'));
    rmSync(diskOf('saved'));
    const { startObstacles = [] } = vmIn(await read(), 'saved');
    expect(startObstacles.map(({ path }) => path)).toEqual([diskOf('saved')]);
    expect(startObstacles[0]?.remedy).toContain(`virsh managedsave-remove ${uuidOf('saved')}`);
    expect(await tryToStart('saved')).toMatchObject({ starts: false });
    await virsh(['managedsave-remove', uuidOf('saved')], { version });
    expect(vmIn(await read(), 'saved').startObstacles).toBeUndefined();
    expect(await tryToStart('saved')).toMatchObject({ starts: true });
  }, 120_000);
}
