/** Readings that examine only what changed: cheap, and never different from a whole one. */
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createImageFolder, imageIn, type ImageFolder } from './images.fixtures.ts';
import { createImageMemory, readImages, type ImageMemory, type ImageReading } from './read-images.ts';

let images: ImageFolder;
let memory: ImageMemory;
let requests: { reference: string; format: string | null }[];

beforeEach(() => {
  images = createImageFolder();
  memory = createImageMemory();
  mkdirSync(images.path('.bin'));
  // Notes every call, so that it can be told what a reading cost.
  const qemuImg = execFileSync('sh', ['-c', 'command -v qemu-img'], { encoding: 'utf8' }).trim();
  writeFileSync(
    images.path('.bin/qemu-img'),
    `#!/bin/sh\nfor last; do :; done\nprintf '%s\\n' "$last" >>'${images.path('.bin/calls')}'\nexec ${qemuImg} "$@"\n`,
    { mode: 0o755 },
  );
});

afterEach(() => {
  images.remove();
});

const real = (reading: ImageReading) => ({
  images: reading.images,
  problems: reading.problems,
  unknownDependents: reading.unknownDependents,
  folders: reading.filesystems.map(({ folder }) => folder).sort(),
  ids: requests.map(({ reference }) => reading.imageIdOf(reference)),
});

/** Reads with the memory: what it found, the images that it examined, and its round trips. */
async function poll(prepare: (script: string) => string = (script) => script) {
  writeFileSync(images.path('.bin/calls'), '');
  const before = images.scripts.length;
  const runner = {
    ...images.runner,
    runScript: (script: Parameters<typeof images.runner.runScript>[0]) =>
      images.runner.runScript({ ...script, script: prepare(`PATH='${images.path('.bin')}':$PATH\n${script.script}`) }),
  };
  const reading = await readImages(runner, requests, { priority: 'poll', memory, folders: [images.path('pool')] });
  const calls = readFileSync(images.path('.bin/calls'), 'utf8').split('\n').slice(0, -1);
  return { reading, examined: calls.sort(), roundTrips: images.scripts.length - before };
}

const readAnew = () => images.read(requests, { folders: [images.path('pool')] });

/** A host with a template in a pool, two VMs on it, a raw disk and a file that is none. */
async function start() {
  const template = images.create('pool/template.qcow2');
  const one = images.create('vms/one.qcow2', { backing: template });
  const two = images.create('vms/two.qcow2', { backing: '../pool/template.qcow2' });
  const raw = images.create('vms/disk.raw', { format: 'raw' });
  writeFileSync(images.path('vms/notes'), 'notes');
  symlinkSync(images.path('vms'), images.path('link'));
  for (const target of ['/etc/hostname', '/usr', '/nowhere']) {
    symlinkSync(target, images.path(`vms/link to ${target.slice(1).replace('/', ' ')}`));
  }
  requests = [
    { reference: one, format: 'qcow2' },
    { reference: images.path('link/two.qcow2'), format: 'qcow2' },
    { reference: raw, format: 'raw' },
    { reference: images.path('vms/gone.qcow2'), format: 'qcow2' },
    { reference: images.path('later/gone.qcow2'), format: 'qcow2' },
  ];
  await poll();
  return { template, one, two, raw };
}

it('costs one script and no qemu-img where nothing changed', async () => {
  await start();
  const { reading, examined, roundTrips } = await poll();
  expect({ examined, roundTrips }).toEqual({ examined: [], roundTrips: 1 });
  expect(real(reading)).toEqual(real(await readAnew()));
});

it('examines what changed and nothing else; what goes on changing costs no second round trip', async () => {
  const { one } = await start();
  execFileSync('qemu-img', ['snapshot', '-c', 'a', one]);
  const first = await poll();
  expect(first).toMatchObject({ examined: [one], roundTrips: 2 });
  expect(imageIn(first.reading, one).internalSnapshots).toMatchObject([{ name: 'a' }]);
  execFileSync('qemu-img', ['snapshot', '-c', 'b', one]);
  const second = await poll();
  expect(second).toMatchObject({ examined: [one], roundTrips: 1 });
  expect(imageIn(second.reading, one).internalSnapshots).toHaveLength(2);
  expect(await poll()).toMatchObject({ examined: [one], roundTrips: 1 });
  expect(await poll()).toMatchObject({ examined: [], roundTrips: 1 });
});

describe('finds what a whole reading finds', () => {
  const changes: Record<string, (host: Awaited<ReturnType<typeof start>>) => void> = {
    'a new overlay in a folder': ({ one }) => void images.create('vms/new.qcow2', { backing: one }),
    'a new overlay in a pool': ({ one }) => void images.create('pool/new', { backing: one }),
    'a new overlay in a new subfolder': ({ one }) => void images.create('pool/sub/new', { backing: one }),
    'a file that becomes an image': () => void images.create('vms/notes'),
    'a folder that comes, without the image that was looked for there': ({ one }) =>
      void images.create('later/beside.qcow2', { backing: one }),
    'an image that becomes another file': () => {
      images.create('vms/x.qcow2');
      writeFileSync(images.path('vms/x.qcow2'), 'text');
    },
    'an image that is removed': ({ two }) => {
      rmSync(two);
    },
    'a missing image that comes': () => void images.create('vms/gone.qcow2'),
    'another backing image': ({ one }) => {
      const other = images.create('elsewhere/other.qcow2');
      images.create('elsewhere/beside.qcow2');
      execFileSync('qemu-img', ['rebase', '-u', '-b', other, '-F', 'qcow2', one]);
    },
    'a backing image that is not there any more': ({ template }) => {
      renameSync(template, images.path('pool/renamed.qcow2'));
    },
    'a raw disk with the header of an overlay': () => void images.create('vms/disk.raw', { backing: '/etc/hostname' }),
    'a new hard link': ({ one }) => {
      linkSync(one, images.path('pool/link'));
    },
    'a link that leads elsewhere': () => {
      renameSync(images.path('vms'), images.path('moved'));
      rmSync(images.path('link'));
      symlinkSync(images.path('moved'), images.path('link'));
    },
    'a damaged image': ({ one }) => {
      writeFileSync(one, 'QFI\xfb nonsense', 'latin1');
    },
    'other permissions': ({ one }) => {
      chmodSync(one, 0o400);
    },
    'a VM that is new': () => {
      requests.push({ reference: images.create('third/three.qcow2', { backing: '/gone' }), format: 'qcow2' });
    },
    'a VM that is gone': () => void requests.shift(),
    'a VM that uses a disk in another way': () => {
      requests = requests.map(({ reference }) => ({ reference, format: null }));
    },
    'nothing but time': () => undefined,
  };

  it.each(Object.entries(changes))('%s', async (_, change) => {
    change(await start());
    const reading = await poll();
    expect(real(reading.reading)).toEqual(real(await readAnew()));
    const again = await poll();
    expect(real(again.reading)).toEqual(real(await readAnew()));
  });

  it('one change after the other', async () => {
    const host = await start();
    for (const change of Object.values(changes)) {
      try {
        change(host);
      } catch {
        // What an earlier change took away cannot be changed any more.
      }
      expect(real((await poll()).reading)).toEqual(real(await readAnew()));
    }
  });
});

it('counts again what an unprivileged user cannot open', async () => {
  chmodSync(images.root, 0o755);
  const top = images.create('open/top.qcow2');
  const closed = images.create('open/closed.qcow2');
  chmodSync(closed, 0o600);
  const poll = () => images.readAsNobody([top], { memory });
  expect((await poll()).unknownDependents).toHaveLength(1);
  chmodSync(closed, 0o644);
  const opened = await poll();
  expect(opened.unknownDependents).toEqual([]);
  expect(imageIn(opened, closed).status).toBe('ok');
  chmodSync(images.create('open/new'), 0o600);
  expect((await poll()).unknownDependents).toEqual((await images.readAsNobody([top])).unknownDependents);
  expect((await poll()).unknownDependents).toHaveLength(1);
});

it('reads everything each time where stat is not what is expected', async () => {
  const { one, two, raw, template } = await start();
  memory.known = null;
  const withoutStat = (script: string) => `stat() { return 1; }\n${script}`;
  for (let count = 0; count < 2; count += 1) {
    const { reading, examined } = await poll(withoutStat);
    expect(examined.filter((path) => path.startsWith(images.root)).length).toBeGreaterThanOrEqual(4);
    expect(reading.images.map(({ id }) => id)).toEqual(expect.arrayContaining([one, two, raw, template]));
    expect(imageIn(reading, one)).toMatchObject({ status: 'ok', modifiedAt: null });
  }
});

describe('saved memory', () => {
  const uuid = '11111111-1111-4111-8111-111111111111';
  /** As libvirt leaves it: a header of 92 bytes, the definition, and a byte of 0 at its end. */
  const saved = (magic: string) => {
    const header = Buffer.alloc(92);
    header.write(magic);
    header.writeUInt32LE(2, 16);
    header.writeUInt32LE(0xfffe, 20);
    const definition = `<domain type='kvm' id='3'>\n  <name>größer</name>\n  <uuid>${uuid}</uuid>\n</domain>\n\0`;
    return Buffer.concat([header, Buffer.from(definition), Buffer.alloc(4096, 0xa5)]);
  };

  it('is told of the VM that it is of, once it is whole, and as long as it is there', async () => {
    await start();
    const file = images.path("vms/it's\nsaved");
    const files = async () => ((await poll()).reading.savedMemory.get(uuid) ?? []).map((each) => each.file);
    expect(await files()).toEqual([]);
    writeFileSync(file, saved('LibvirtQemudPart'));
    expect(await files()).toEqual([]);
    writeFileSync(file, saved('LibvirtQemudSave'));
    writeFileSync(images.path('vms/library'), 'Library of what is no memory');
    expect(await files()).toEqual([file]);
    expect((await poll()).examined).toEqual([]);
    expect(await files()).toEqual([file]);
    expect((await readAnew()).savedMemory.get(uuid)).toMatchObject([{ file, allocatedBytes: 8192 }]);
    rmSync(file);
    expect(await files()).toEqual([]);
  });
});
