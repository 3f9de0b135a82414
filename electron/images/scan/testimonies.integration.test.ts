/** Where what a definition says of an image and what the image says of itself differ: over images made by the real qemu-img. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { chainFrom, imagesById } from '../../../shared/rules/chains/chains.ts';
import { createImageFolder, imageIn, type ImageFolder } from './images.fixtures.ts';
import { createImageMemory, type ImageReading } from './read-images.ts';

let images: ImageFolder;

beforeEach(() => {
  images = createImageFolder();
});

afterEach(() => {
  images.remove();
});

const asRaw = (reference: string) => ({ reference, format: 'raw' });
const ids = ({ images: found }: ImageReading): readonly string[] => found.map(({ id }) => id);

describe('an overlay that is used as raw', () => {
  it('may depend on all that its header leads to, and has no parent for whoever uses it', async () => {
    const base = images.create('a/base.qcow2');
    images.create('b/middle.qcow2', { backing: base });
    const clone = images.create('c/clone.qcow2', { backing: '../b/middle.qcow2' });
    const reading = await images.read([base, asRaw(clone)]);
    expect(imageIn(reading, clone)).toMatchObject({
      format: 'raw',
      parent: null,
      header: { format: 'qcow2', reference: '../b/middle.qcow2', mayDependOn: [base] },
    });
    // What only a guest may have named is nobody's image.
    expect(ids(reading)).toEqual([base, clone]);
    expect(reading.filesystems.map(({ folder }) => folder)).toEqual([images.path('a'), images.path('c')]);
    expect(reading.unknownDependents).toEqual([]);
  });

  it('is an overlay as soon as anybody uses it so', async () => {
    const base = images.create('a/base.qcow2');
    const clone = images.create('c/clone.qcow2', { backing: base });
    const reading = await images.read([asRaw(clone), { reference: clone, format: 'qcow2' }]);
    expect(imageIn(reading, clone)).toMatchObject({ format: 'qcow2', parent: { imageId: base } });
    expect(imageIn(reading, clone).header).toBeUndefined();
  });

  it('is one as well where another image’s recorded format makes it raw', async () => {
    const base = images.create('a/base.qcow2');
    const middle = images.create('b/middle.qcow2', { backing: base });
    const top = images.create('c/top.qcow2', { backing: middle, backingFormat: 'raw' });
    const reading = await images.read([base, top]);
    expect(imageIn(reading, top).parent).toMatchObject({ imageId: middle, format: 'raw' });
    expect(imageIn(reading, middle).header?.mayDependOn).toEqual([base]);
  });

  // What QEMU makes of each, with and without a recorded format, is read from the real one.
  const nodes = (base: string) => {
    const file = `{"driver":"file","filename":"${base}"}`;
    return [
      [base, null, 'qcow2'],
      [`json:{"file":${file}}`, null, 'qcow2'],
      [`json:{"driver":"qcow2","file":${file}}`, null, 'qcow2'],
      [`json:{"driver":"raw","file":${file}}`, null, 'raw'],
      [`json:{"driver":"raw","file.filename":"${base}"}`, null, 'raw'],
      [`json:{"driver":"raw","file":{"driver":"raw","file":${file}}}`, null, 'raw'],
      [`json:{"driver":"raw","file":{"driver":"qcow2","file":${file}}}`, null, 'qcow2'],
      [`json:${file}`, null, 'raw'],
      [`json:{"driver":"raw","file":${file}}`, 'qcow2', 'qcow2'],
      [`json:{"driver":"qcow2","file":${file}}`, 'raw', 'raw'],
    ] as const;
  };
  it.each(nodes('BASE').map((_, index) => index))(
    'is one as well where the reference says so: way %i',
    async (index) => {
      const base = images.create('a/base.qcow2');
      const middle = images.create('b/middle.qcow2', { backing: base });
      const [reference, backingFormat, used] = nodes(middle)[index] ?? nodes(middle)[0];
      const top = images.create('c/top.qcow2', { backing: reference, backingFormat });
      const first = execFileSync('qemu-io', ['-r', '-c', 'read -v 0 3', top]).toString();
      expect(first.includes('QFI')).toBe(used === 'raw');
      const reading = await images.read([base, top]);
      expect(imageIn(reading, top).parent?.imageId).toBe(middle);
      expect(imageIn(reading, middle)).toMatchObject(
        used === 'raw'
          ? { format: 'raw', parent: null, header: { format: 'qcow2', mayDependOn: [base] } }
          : { format: 'qcow2', parent: { imageId: base } },
      );
      expect(reading.unknownDependents).toEqual([]);
    },
  );

  it('does not make another raw disk an overlay by what it begins with', async () => {
    const base = images.create('base.qcow2');
    const other = images.create('other/disk.img', { backing: base });
    const forged = images.create('forged/disk.img', { backing: other });
    const reading = await images.read([base, asRaw(other), asRaw(forged)]);
    expect(imageIn(reading, other)).toMatchObject({ format: 'raw', parent: null, header: { mayDependOn: [base] } });
    expect(imageIn(reading, forged)).toMatchObject({ format: 'raw', header: { mayDependOn: [other, base] } });
  });

  it('is found by later readings as by the first, and forgotten when its beginning changes', async () => {
    const base = images.create('a/base.qcow2');
    const clone = images.create('c/clone.qcow2', { backing: base });
    const memory = createImageMemory();
    const first = await images.read([base, asRaw(clone)], { memory });
    const second = await images.read([base, asRaw(clone)], { memory });
    expect(second.images).toEqual(first.images);
    execFileSync('dd', ['if=/dev/zero', `of=${clone}`, 'bs=4k', 'count=1', 'conv=notrunc', 'status=none']);
    const third = await images.read([base, asRaw(clone)], { memory });
    expect(imageIn(third, clone).header).toBeUndefined();
  });

  it('leads nowhere where its header names itself, the network or what nobody can resolve', async () => {
    const own = images.create('own.img', { backing: './own.img' });
    const network = images.create('network.img', { backing: 'nbd://h/x' });
    const odd = images.create('odd.img', { backing: 'json:{"driver":"qcow2","backing":"x","file":"y"}' });
    const reading = await images.read([own, network, odd].map(asRaw));
    for (const id of [own, network, odd]) expect(imageIn(reading, id).header?.mayDependOn).toEqual([]);
    // What one guest writes must not keep everybody from going back.
    expect(reading.unknownDependents).toMatchObject([{ what: odd, imageIds: null, likelihood: 'remote' }]);
  });
});

describe('a relative reference', () => {
  it('counts from the path by which each opens the image', async () => {
    const raw = images.create('disk/raw', { format: 'raw' });
    const image = images.create('disk/sub/rel.qcow2', { backing: '../raw', backingFormat: 'raw' });
    mkdirSync(join(images.root, 'elsewhere/deep'), { recursive: true });
    const link = images.path('elsewhere/deep/link.qcow2');
    symlinkSync(image, link);
    const reading = await images.read([link, image]);
    const found = imagesById(reading.images);
    expect(chainFrom(image, found)).toMatchObject({ end: 'base', images: [{ id: image }, { id: raw }] });
    expect(chainFrom(image, found, link)).toMatchObject({
      end: 'missing',
      endReference: images.path('elsewhere/raw'),
      images: [{ id: image }, { id: images.path('elsewhere/raw') }],
    });
    expect(reading.imageIdOf(link)).toBe(image);
  });

  it('leads each to images of its own, at every level', async () => {
    for (const place of ['one', 'two']) {
      images.create(`${place}/base.qcow2`);
      images.create(`${place}/middle.qcow2`, { backing: 'base.qcow2' });
    }
    const top = images.create('one/top.qcow2', { backing: 'middle.qcow2' });
    symlinkSync(top, images.path('two/top.qcow2'));
    const reading = await images.read([top, images.path('two/top.qcow2')]);
    const chain = (path: string) =>
      chainFrom(top, imagesById(reading.images), reading.openedAs(path) ?? undefined).images.map(({ id }) => id);
    expect(chain(top)).toEqual([top, images.path('one/middle.qcow2'), images.path('one/base.qcow2')]);
    expect(chain(images.path('two/top.qcow2'))).toEqual([
      top,
      images.path('two/middle.qcow2'),
      images.path('two/base.qcow2'),
    ]);
    expect(reading.unknownDependents).toEqual([]);
  });
});

describe('an image that names itself by another path each time', () => {
  it.each(['./own.qcow2', '../own/own.qcow2', '../link/own.qcow2'])('is a loop that ends: %s', async (backing) => {
    const own = images.create('own/own.qcow2', { backing });
    symlinkSync('own', images.path('link'));
    const reading = await images.read([own]);
    expect(chainFrom(own, imagesById(reading.images))).toMatchObject({ end: 'loop', endReference: own });
    expect(images.scripts).toHaveLength(1);
  });
});

describe('an encrypted image', () => {
  it('is known as such', async () => {
    const luks = images.path('luks.qcow2');
    await testbed.createEncryptedImage(luks, { format: 'qcow2', size: '1M', passphrase: 'secret1' });
    const whole = images.path('whole.luks');
    await testbed.createEncryptedImage(whole, { format: 'luks', size: '1M', passphrase: 'secret1' });
    const plain = images.create('plain.qcow2');
    const reading = await images.read([luks, whole, plain]);
    expect(imageIn(reading, luks)).toMatchObject({ format: 'qcow2', encryption: 'luks' });
    expect(imageIn(reading, whole)).toMatchObject({ format: 'luks', encryption: 'luks' });
    expect(imageIn(reading, plain).encryption).toBeUndefined();
  });
});
