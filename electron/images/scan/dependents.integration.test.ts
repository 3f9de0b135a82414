/** Who depends on an image, and what cannot be told: over images made by the real qemu-img, links and devices. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unknownDependentsOf } from '../../../shared/rules/chains/dependents.ts';
import { createImageFolder, imageIn, type ImageFolder } from './images.fixtures.ts';
import type { ImageReading } from './read-images.ts';

let images: ImageFolder;

beforeEach(() => {
  images = createImageFolder();
});

afterEach(() => {
  images.remove();
});

const containing = (text: string): unknown => expect.stringContaining(text);
const childrenOf = (reading: ImageReading, id: string): readonly string[] =>
  reading.images.filter(({ parent }) => parent?.imageId === id).map((image) => image.id);

describe('one image with several names', () => {
  it('is one image with its hard links, and an overlay on any of them is its dependent', async () => {
    const base = images.create('a/base.qcow2');
    mkdirSync(images.path('b'));
    linkSync(base, images.path('b/same.qcow2'));
    linkSync(base, images.path('b/further'));
    const onBase = images.create('c/one.qcow2', { backing: base });
    const onLink = images.create('d/two.qcow2', { backing: images.path('b/same.qcow2') });
    const reading = await images.read([onBase, onLink, base]);
    expect(imageIn(reading, base).otherPaths).toEqual([images.path('b/further'), images.path('b/same.qcow2')]);
    expect(childrenOf(reading, base)).toEqual([onBase, onLink]);
    expect(reading.images.map(({ id }) => id)).toEqual([base, onBase, onLink]);
    expect(reading.imageIdOf(images.path('b/same.qcow2'))).toBe(base);
    expect(reading.unknownDependents).toEqual([]);
  });

  it('has the name that VMs use, whatever other links there are', async () => {
    const used = images.create('z/used.qcow2');
    mkdirSync(images.path('a'));
    linkSync(used, images.path('a/backup.qcow2'));
    const reading = await images.read([used], { folders: [images.path('a')] });
    expect(reading.images).toMatchObject([{ id: used, otherPaths: [images.path('a/backup.qcow2')] }]);
  });

  it('may have dependents by a name that was not seen', async () => {
    const base = images.create('a/base.qcow2');
    mkdirSync(images.path('elsewhere'));
    linkSync(base, images.path('elsewhere/base.qcow2'));
    images.create('elsewhere/overlay.qcow2', { backing: 'base.qcow2' });
    const { unknownDependents } = await images.read([base]);
    expect(unknownDependents).toMatchObject([{ reason: containing('one more name'), imageIds: [base] }]);
    expect(unknownDependentsOf({ unknownDependents: [...unknownDependents] }, base)).toHaveLength(1);
  });

  it('knows the hard links of raw disks, which look like nothing', async () => {
    const disk = images.create('disk.raw', { format: 'raw' });
    linkSync(disk, images.path('copy'));
    const reading = await images.read([{ reference: disk, format: 'raw' }]);
    expect(imageIn(reading, disk).otherPaths).toEqual([images.path('copy')]);
  });

  it('says so where a relative backing name leads elsewhere by another name', async () => {
    const base = images.create('a/base.qcow2');
    const other = images.create('b/base.qcow2');
    const top = images.create('a/top.qcow2', { backing: 'base.qcow2' });
    linkSync(top, images.path('b/top.qcow2'));
    const reading = await images.read([top], { folders: [images.path('b')] });
    expect(imageIn(reading, top).parent?.imageId).toBe(base);
    expect(reading.unknownDependents).toEqual([
      {
        what: images.path('b/top.qcow2'),
        reason: containing(other),
        subject: { kind: 'image', id: images.path('b/top.qcow2'), part: 'backing' },
        imageIds: [other],
      },
    ]);
  });

  it('follows symbolic links in folders to overlays that lie elsewhere', async () => {
    const base = images.create('pool/base.qcow2');
    const hidden = images.create('elsewhere/overlay.qcow2', { backing: base });
    symlinkSync(hidden, images.path('pool/link.qcow2'));
    symlinkSync('/nowhere', images.path('pool/dangling'));
    const reading = await images.read([base]);
    expect(childrenOf(reading, base)).toEqual([hidden]);
    expect(reading.unknownDependents).toEqual([]);
  });

  it('is one block device under all its names, also where it is an overlay', async () => {
    const base = images.create('base.qcow2');
    // Where nothing looks: what is in the device is in its file as well.
    mkdirSync(images.path('.hidden'));
    const file = images.path('.hidden/device.img');
    writeFileSync(file, '');
    truncateSync(file, 8 * 1024 ** 2);
    const device = execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim();
    try {
      const numbers = execFileSync('stat', ['-c', '%Hr %Lr', device], { encoding: 'utf8' }).trim().split(' ');
      mkdirSync(images.path('dev'));
      const node = images.path('dev/second name');
      execFileSync('mknod', [node, 'b', ...numbers]);
      symlinkSync(device, images.path('dev/link'));
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', device, '1M']);
      const top = images.create('top.qcow2', { backing: node });
      const reading = await images.read([device, top, images.path('dev/link')]);
      expect(imageIn(reading, device)).toMatchObject({ kind: 'block', format: 'qcow2', otherPaths: [node] });
      expect(childrenOf(reading, base)).toEqual([device]);
      expect(childrenOf(reading, device)).toEqual([top]);
      expect(reading.imageIdOf(images.path('dev/link'))).toBe(device);
      // A VM may use the file, as an image with dependents that are on the device.
      expect(reading.unknownDependents).toMatchObject([{ what: device, imageIds: null }]);
    } finally {
      execFileSync('losetup', ['-d', device]);
    }
  });
});

describe('overlays that no VM names', () => {
  it('are found in storage pools and in subfolders', async () => {
    const base = images.create('base/base.qcow2');
    const inPool = images.create('pool/overlay.qcow2', { backing: base });
    const below = images.create('base/x/y/overlay.qcow2', { backing: '../../base.qcow2' });
    images.create('base/.snapshot/overlay.qcow2', { backing: base });
    images.create('base/x/y/z/too-deep.qcow2', { backing: base });
    symlinkSync(images.path('pool'), images.path('link to pool'));
    const reading = await images.read([base], { folders: [images.path('link to pool'), images.path('gone')] });
    expect(childrenOf(reading, base)).toEqual([below, inPool]);
    expect(images.scripts).toHaveLength(1);
    expect(reading.unknownDependents).toEqual([]);
    expect(reading.filesystems.map(({ folder }) => folder)).toEqual(
      expect.arrayContaining([images.path('base'), images.path('pool'), images.path('base/x/y')]),
    );
  });

  it('are not looked for where only a forged header leads', async () => {
    const elsewhere = images.create('elsewhere/secret.qcow2');
    // The raw disk of a VM that is gone: its guest wrote the header of an overlay into it.
    const raw = images.create('pool/vm/old.raw', { backing: elsewhere });
    const top = images.create('pool/vm/sub/top.qcow2', { backing: raw, backingFormat: 'raw' });
    const reading = await images.read([top], { folders: [images.path('pool')] });
    expect(reading.images.map(({ id }) => id)).toEqual([raw, top]);
    expect(imageIn(reading, raw)).toMatchObject({ format: 'raw', parent: null });
    expect(reading.filesystems.map(({ folder }) => folder)).not.toContain(images.path('elsewhere'));
  });

  it('tells when an image was last written', async () => {
    const path = images.create('x.qcow2');
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    expect(imageIn(await images.read([path]), path).modifiedAt).toBe(1_700_000_000);
  });
});

describe('what may depend on anything', () => {
  it('is nothing on a normal host, whatever else lies there', async () => {
    const base = images.create('base.qcow2');
    const top = images.create('top.qcow2', { backing: base });
    const raw = images.create('disk.raw', { format: 'raw' });
    writeFileSync(images.path('notes.txt'), 'QF');
    writeFileSync(images.path('empty'), '');
    mkdirSync(images.path('lost+found'), { mode: 0o700 });
    execFileSync('mkfifo', [images.path('pipe')]);
    const reading = await images.read([top, { reference: raw, format: 'raw' }, images.path('gone.qcow2')]);
    expect(reading.unknownDependents).toEqual([]);
    expect(reading.problems).toEqual([]);
  });

  it.each([
    ['a driver that is not known', 'json:{"driver":"blkdebug","image":{"driver":"file","filename":"/x"}}'],
    ['a relative name in json:', 'json:{"driver":"qcow2","file":{"driver":"file","filename":"relative"}}'],
  ])('is an image whose backing image cannot be followed: %s', async (_, backing) => {
    const top = images.create('top.qcow2', { backing });
    const reading = await images.read([top]);
    expect(reading.unknownDependents).toEqual([
      {
        what: top,
        reason: containing('could not be found out'),
        subject: { kind: 'image', id: top, part: 'backing' },
        imageIds: null,
        remedy: containing('rebase -u'),
      },
    ]);
  });

  it('is, of an image whose backing image cannot be followed, what its words name and nothing else', async () => {
    const base = images.create('base.qcow2');
    const other = images.create('other.qcow2');
    const top = images.create('top.qcow2', { backing: `blkdebug::${base}` });
    const reading = await images.read([other, base]);
    expect(reading.unknownDependents.map(({ what, imageIds }) => [what, imageIds])).toEqual([[top, [base]]]);
  });

  it.each(['base.qcow2', 'another name'])('is the image by whatever name that is used: %s', async (used) => {
    const base = images.create('base.qcow2');
    linkSync(base, images.path('another name'));
    for (const named of [base, images.path('another name')]) {
      images.create('top.qcow2', { backing: `blkdebug::${named}` });
      const reading = await images.read([images.path(used)]);
      const unknown = { unknownDependents: [...reading.unknownDependents] };
      expect(unknownDependentsOf(unknown, images.path(used))).toMatchObject([{ what: images.path('top.qcow2') }]);
    }
  });

  it('is known of an image that lies among the devices', async () => {
    const base = images.create('base.qcow2');
    const folder = mkdtempSync('/dev/snaptree-');
    try {
      const top = join(folder, 'top.qcow2');
      const made = images.create('made.qcow2', { backing: base });
      copyFileSync(made, top);
      rmSync(made);
      const reading = await images.read([base, top]);
      expect(imageIn(reading, top).parent).toMatchObject({ imageId: base });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is nothing where an image hangs on what the kernel shows', async () => {
    const base = images.create('base.qcow2');
    images.create('strange.qcow2', { backing: '/proc/kmsg' });
    images.create('stranger.qcow2', { backing: '/sys/kernel/notes' });
    const reading = await images.read([base]);
    expect(reading.unknownDependents).toEqual([]);
    expect(reading.filesystems.map(({ folder }) => folder)).toEqual([images.path('').replace(/\/$/, '')]);
  });

  it('is a damaged image in a folder', async () => {
    const base = images.create('base.qcow2');
    const damaged = images.path('damaged.qcow2');
    writeFileSync(damaged, 'QFI\xfb and then nonsense', 'latin1');
    const reading = await images.read([base]);
    expect(reading.unknownDependents).toEqual([
      {
        what: damaged,
        reason: containing('could not be examined'),
        subject: { kind: 'image', id: damaged, part: 'whole' },
        imageIds: null,
      },
    ]);
  });

  it('is what an unprivileged user cannot look into, but no raw disk', async () => {
    chmodSync(images.root, 0o755);
    const top = images.create('open/top.qcow2');
    const closedBase = images.create('open/base.qcow2');
    const raw = images.create('open/disk.raw', { format: 'raw' });
    const onRaw = images.create('open/on-raw.qcow2', { backing: raw, backingFormat: 'raw' });
    const beside = images.create('open/beside');
    const child = images.create('open/child.qcow2', { backing: closedBase });
    const listable = images.create('unlisted/x.qcow2');
    mkdirSync(images.path('open/private'), { mode: 0o700 });
    mkdirSync(images.path('open/lost+found'), { mode: 0o700 });
    for (const path of [closedBase, raw, beside]) chmodSync(path, 0o600);
    chmodSync(images.path('unlisted'), 0o711);
    const reading = await images.readAsNobody([top, onRaw, child, listable]);
    expect(reading.unknownDependents.map(({ what }) => what).sort()).toEqual(
      [images.path('open'), images.path('open/private'), images.path('unlisted'), closedBase].sort(),
    );
    const inOpen = reading.unknownDependents.find(({ what }) => what === images.path('open'));
    expect(inOpen?.reason).toBe(`1 file in ${images.path('open')} cannot be opened by this user (beside).`);
    expect(reading.unknownDependents.every(({ imageIds }) => imageIds === null)).toBe(true);
    expect(imageIn(reading, raw)).toMatchObject({ status: 'unreadable' });
  });

  it('is everything where there is no qemu-img', async () => {
    const top = images.create('top.qcow2');
    const { runner } = images;
    const without = {
      ...runner,
      runScript: (script: Parameters<typeof runner.runScript>[0]) =>
        runner.runScript({
          ...script,
          script: script.script.replaceAll('command -v qemu-img', 'command -v no-qemu-img'),
        }),
    };
    const { readImages } = await import('./read-images.ts');
    const reading = await readImages(without, [{ reference: top, format: null }], { priority: 'user' });
    expect(reading.unknownDependents).toMatchObject([{ imageIds: null, reason: containing('qemu-img is not there') }]);
    expect(reading.images).toMatchObject([{ id: top, status: 'unreadable' }]);
  });

  it('is the rest of a folder with too many files', async () => {
    const path = images.create('many/0.qcow2');
    for (let index = 0; index < 5001; index++) writeFileSync(join(images.root, `many/file ${index}`), '');
    const reading = await images.read([path]);
    expect(reading.unknownDependents).toEqual([
      {
        what: images.path('many'),
        reason: containing('more than 5000 files'),
        subject: { kind: 'folder', path: images.path('many'), part: 'furtherFiles' },
        imageIds: null,
      },
    ]);
  });
});
