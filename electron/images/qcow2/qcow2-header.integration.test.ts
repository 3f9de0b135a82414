/** What is read from headers is what qemu-img says, or nothing. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { createImageFolder, type ImageFolder } from '../scan/images.fixtures.ts';
import { parseQcow2Header } from './qcow2-header.ts';
import { parseQemuImageInfo } from './qemu-image-info.ts';
import { readImages } from '../scan/read-images.ts';
import { headerBytes } from '../scan/walk-limits.ts';

let images: ImageFolder;

beforeEach(() => {
  images = createImageFolder();
});

afterEach(() => {
  images.remove();
});

const containing = (text: string): unknown => expect.stringContaining(text);
const qemuImg = (...argv: string[]) => execFileSync('qemu-img', argv, { encoding: 'utf8', stdio: 'pipe' });

function header(path: string) {
  const { size, blocks } = statSync(path);
  const bytes = Buffer.alloc(headerBytes);
  const file = openSync(path, 'r');
  readSync(file, bytes);
  closeSync(file);
  return parseQcow2Header(bytes, { sizeBytes: size, allocatedBytes: blocks * 512 });
}

/** As qemu-img has it, without what follows from the rest. */
function asked(path: string) {
  const info = parseQemuImageInfo(qemuImg('info', '--output=json', path));
  return info?.backing ? { ...info, backing: { ...info.backing, resolved: null } } : info;
}

it.each([
  ['plain', []],
  ['version 2', ['-o', 'compat=0.10']],
  ['the smallest clusters', ['-o', 'cluster_size=512']],
  ['the largest clusters', ['-o', 'cluster_size=2M']],
  ['allocated beforehand', ['-o', 'preallocation=falloc']],
  ['lazy refcounts', ['-o', 'lazy_refcounts=on']],
  ['wide refcounts', ['-o', 'refcount_bits=64']],
  ['an overlay', ['-u', '-b', '/base dir/base.qcow2', '-F', 'qcow2']],
  ['an overlay of version 2', ['-o', 'compat=0.10', '-u', '-b', 'base.raw', '-F', 'raw']],
  ['an overlay with a name of json:', ['-u', '-b', 'json:{"driver":"qcow2","file.filename":"/x"}', '-F', 'qcow2']],
  ['an overlay with an odd name', ['-u', '-b', '/q"u\\o\nte 快照', '-F', 'qcow2']],
])('an image that is %s', (_, options) => {
  const path = images.path('x.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '5000M');
  expect(header(path)).toEqual(asked(path));
  expect(header(path)).not.toBeNull();
});

it('an image that guests wrote to', () => {
  const path = images.create('x.qcow2');
  execFileSync('qemu-io', ['-c', 'write -P 1 0 1M', path]);
  expect(header(path)).toEqual(asked(path));
});

describe('is left to qemu-img:', () => {
  it.each([
    ['an external data file', ['-o', 'data_file=data,data_file_raw=on']],
    ['extended L2 entries', ['-o', 'extended_l2=on']],
    ['zstd', ['-o', 'compression_type=zstd']],
    ['a backing name that does not fit', ['-u', '-b', `/${'x'.repeat(900)}`, '-F', 'qcow2']],
  ])('%s', (_, options) => {
    const path = images.path('x.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, path, '10M'], { cwd: images.root });
    expect(header(path)).toBeNull();
  });

  it('encryption', async () => {
    const path = images.path('x.qcow2');
    await testbed.createEncryptedImage(path, { format: 'qcow2', size: '10M', passphrase: 'x' });
    expect(header(path)).toBeNull();
  });

  it('internal snapshots', () => {
    const path = images.create('x.qcow2');
    qemuImg('snapshot', '-c', 'a', path);
    expect(header(path)).toBeNull();
    qemuImg('snapshot', '-d', 'a', path);
    expect(header(path)).toEqual(asked(path));
  });

  it('an image that is cut off', () => {
    const path = images.create('x.qcow2');
    truncateSync(path, 65_536 * 2);
    expect(header(path)).toBeNull();
  });

  it.each([
    ['an offset without a length', 16, 0],
    ['a length without an offset', 12, 0],
  ])('a backing name with %s', (_, at, value) => {
    const path = images.create('half.qcow2', { backing: '/base.qcow2' });
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(value, at);
    writeFileSync(path, bytes);
    expect(header(path)).toBeNull();
  });

  it('whatever was changed in the header, unless qemu-img says the same', () => {
    const good = readFileSync(images.create('good.qcow2', { backing: '/base.qcow2' }));
    const path = images.path('changed.qcow2');
    fc.assert(
      fc.property(fc.nat({ max: 600 }), fc.nat({ max: 255 }), (at, value) => {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        writeFileSync(path, bytes);
        const mine = header(path);
        if (mine === null) return;
        let said: unknown = null;
        try {
          said = asked(path);
        } catch {
          // qemu-img refuses it.
        }
        expect({ at, value, mine }).toEqual({ at, value, mine: said });
      }),
      { numRuns: 100 },
    );
  });
});

it('many images are read from their headers as qemu-img reads few', async () => {
  const base = images.create('base.qcow2');
  const top = images.create('one.qcow2', { backing: base });
  images.create('relative.qcow2', { backing: './one.qcow2' });
  const forged = images.create('raw base', { backing: '/etc/hostname' });
  images.create('on raw.qcow2', { backing: forged, backingFormat: 'raw' });
  for (let index = 0; index < 90; index++) copyFileSync(top, images.path(`copy ${index}\n.qcow2`));
  const withSnapshot = images.create('with snapshot.qcow2');
  qemuImg('snapshot', '-c', 'a', withSnapshot);
  writeFileSync(images.path('short'), 'QFI\xfb and then nonsense', 'latin1');
  const requests = [{ reference: top, format: 'qcow2' }];
  const many = await readImages(images.runner, requests, { priority: 'user' });
  const rounds = images.scripts.length;
  const slow = {
    ...images.runner,
    runScript: (script: Parameters<typeof images.runner.runScript>[0]) =>
      images.runner.runScript({ ...script, script: `base64() { return 1; }\n${script.script}` }),
  };
  const whole = await readImages(slow, requests, { priority: 'user' });
  expect(many.images).toEqual(whole.images);
  expect(many.images).toHaveLength(97);
  expect(many.unknownDependents).toEqual(whole.unknownDependents);
  expect(many.unknownDependents).toMatchObject([{ what: images.path('short'), reason: containing('not be examined') }]);
  // What is behind the short one is asked for again.
  expect(rounds).toBe(2);
});

it('many images with internal snapshots among them take one round trip', async () => {
  const plain = images.create('plain.qcow2');
  for (let index = 0; index < 90; index++) copyFileSync(plain, images.path(`copy ${index}.qcow2`));
  const withSnapshot = images.create('with snapshot.qcow2');
  qemuImg('snapshot', '-c', 'a', withSnapshot);
  for (const at of [1, 88]) copyFileSync(withSnapshot, images.path(`copy ${at}.qcow2`));
  const requests = [plain, withSnapshot].map((reference) => ({ reference, format: 'qcow2' }));
  const { images: read } = await readImages(images.runner, requests, { priority: 'user' });
  expect(read).toHaveLength(92);
  const holding = read.filter(({ internalSnapshots }) => internalSnapshots.some(({ name }) => name === 'a'));
  expect(holding.map(({ id }) => id).sort()).toEqual(
    [images.path('copy 1.qcow2'), images.path('copy 88.qcow2'), withSnapshot].sort(),
  );
  expect(images.scripts).toHaveLength(1);
});
