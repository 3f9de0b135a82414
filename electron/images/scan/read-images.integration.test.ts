/** The walk over images made by the real qemu-img. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Image } from '../../../shared/model/inventory.ts';
import { createLocalRunner } from '../../hosts/commands/local-runner.fixtures.ts';
import { createImageMemory, readImages, type ImageReading } from './read-images.ts';

/** Matchers, typed as what they are to the compiler: anything. */
const containing = (text: string): unknown => expect.stringContaining(text);
const aNumber: unknown = expect.any(Number);

let root: string;
let runner: ReturnType<typeof createLocalRunner>;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'snaptree-images-')));
  runner = createLocalRunner();
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Makes an image below the test's folder; with a backing image recorded as given. */
function create(name: string, options: { backing?: string; format?: string; backingFormat?: string } = {}): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  const { backing, format = 'qcow2', backingFormat = 'qcow2' } = options;
  const backingArguments = backing === undefined ? [] : ['-u', '-b', backing, '-F', backingFormat];
  execFileSync('qemu-img', ['create', '-q', '-f', format, ...backingArguments, '--', path, '1M']);
  return path;
}

async function read(...references: readonly (string | { reference: string; format: string })[]): Promise<ImageReading> {
  const requests = references.map((each) => (typeof each === 'string' ? { reference: each, format: null } : each));
  return readImages(runner, requests, { priority: 'user' });
}

function image(reading: ImageReading, id: string): Image {
  const found = reading.images.find((each) => each.id === id);
  if (!found) throw new Error(`${id} is not among ${reading.images.map((each) => each.id).join(', ')}`);
  return found;
}

describe('chains', () => {
  it('follows a chain through several folders in one round trip', async () => {
    const base = create('a/base.qcow2');
    const middle = create('b/middle.qcow2', { backing: base });
    const top = create('c/top.qcow2', { backing: '../b/middle.qcow2' });
    const reading = await read(top);
    expect(image(reading, top).parent).toEqual({
      relation: 'backing',
      reference: '../b/middle.qcow2',
      imageId: middle,
      format: 'qcow2',
    });
    expect(image(reading, middle).parent?.imageId).toBe(base);
    expect(image(reading, base).parent).toBeNull();
    expect(runner.roundTrips()).toBe(1);
  });

  it('ends at a loop', async () => {
    const a = create('a.qcow2', { backing: join(root, 'b/b.qcow2') });
    const b = create('b/b.qcow2', { backing: a });
    const reading = await read(a);
    expect(image(reading, a).parent?.imageId).toBe(b);
    expect(image(reading, b).parent?.imageId).toBe(a);
  });

  it('shows a missing backing image as missing', async () => {
    const top = create('top.qcow2', { backing: join(root, 'gone/base.qcow2') });
    const reading = await read(top);
    expect(image(reading, top).status).toBe('ok');
    expect(image(reading, join(root, 'gone/base.qcow2')).status).toBe('missing');
  });

  it('follows json: references and names that JSON escapes', async () => {
    const odd = create('odd/quo"te\\back\nline.qcow2');
    const node = `json:${JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: odd } })}`;
    const top = create('top.qcow2', { backing: node });
    const second = create('second/second.qcow2', { backing: odd });
    const reading = await read(top, second);
    expect(image(reading, top).parent?.imageId).toBe(odd);
    expect(image(reading, second).parent?.imageId).toBe(odd);
    expect(image(reading, odd).status).toBe('ok');
  });

  it('shows what a link that leads nowhere would lead to as missing', async () => {
    const link = join(root, 'link');
    symlinkSync(join(root, 'not/there'), link);
    const top = create('top.qcow2', { backing: link });
    const reading = await read(top);
    const parentId = image(reading, top).parent?.imageId ?? '';
    expect(image(reading, parentId)).toMatchObject({ status: 'missing' });
    expect(reading.unknownDependents).toEqual([]);
  });

  it('keeps a backing image on the network as an image of its own that is not examined', async () => {
    const top = create('top.qcow2', { backing: 'nbd://127.0.0.1:1/export', backingFormat: 'raw' });
    const reading = await read(top, 'rbd:pool/image');
    expect(image(reading, top).parent?.imageId).toBe('nbd://127.0.0.1:1/export');
    expect(image(reading, 'nbd://127.0.0.1:1/export')).toMatchObject({
      kind: 'network',
      status: 'unreadable',
      format: 'raw',
    });
    expect(reading.imageIdOf('rbd:pool/image')).toBe('rbd:pool/image');
  });

  it('names an image by its real path, whichever way it is reached', async () => {
    const base = create('real/base.qcow2');
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const top = create('top.qcow2', { backing: join(root, 'link/base.qcow2') });
    const reading = await read(top, join(root, 'link/base.qcow2'));
    expect(image(reading, top).parent?.imageId).toBe(base);
    expect(reading.imageIdOf(join(root, 'link/base.qcow2'))).toBe(base);
    expect(reading.images).toHaveLength(2);
  });

  it('tells where a folder is that somebody names, by itself or within a link', async () => {
    const base = create('real/share/base.qcow2');
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const named = [join(root, 'link'), join(root, 'link/share/'), join(root, 'real/share')];
    const requests = [{ reference: base, format: null }];
    const memory = createImageMemory();
    for (const round of ['first', 'poll']) {
      const reading = await readImages(runner, requests, { priority: 'poll', named, memory });
      expect([round, ...named.map((path) => reading.realPathOf(path))]).toEqual([
        round,
        join(root, 'real'),
        join(root, 'real/share'),
        join(root, 'real/share'),
      ]);
      expect(reading.images.map(({ id }) => id)).toEqual([base]);
    }
  });

  it.each([`quote'd "x"; $(touch y) \`id\``, '-f', 'new\nline', 'trailing\n', 'ünïcödé 快照', '*', 'a:b'])(
    'reads an image with the hostile name %j',
    async (name) => {
      const path = create(`f/${name}`);
      const top = create(`g/${name}`, { backing: path });
      const reading = await read(top);
      expect(reading.images.map(({ id, status }) => ({ id, status }))).toEqual([
        { id: path, status: 'ok' },
        { id: top, status: 'ok' },
      ]);
    },
  );
});

describe('dependents that no VM names', () => {
  it('finds overlays beside every image of a chain, also hidden ones', async () => {
    const base = create('base/base.qcow2');
    const top = create('vm/top.qcow2', { backing: base });
    const other = create('base/.hidden overlay', { backing: base });
    const far = create('base/further', { backing: join(root, 'elsewhere/x.qcow2') });
    writeFileSync(join(root, 'base/not an image'), 'QF');
    const reading = await read(top);
    const overlays = reading.images.filter(({ parent }) => parent?.imageId === base).map(({ id }) => id);
    expect(overlays).toEqual([other, top].sort());
    expect(image(reading, far).parent?.imageId).toBe(join(root, 'elsewhere/x.qcow2'));
    expect(reading.images.map(({ id }) => id)).not.toContain(join(root, 'base/not an image'));
  });

  it('says so where a folder holds more files than are looked at', async () => {
    const path = create('many/0.qcow2');
    for (let index = 0; index < 5001; index++) writeFileSync(join(root, `many/file ${index}`), '');
    const reading = await read(path);
    expect(reading.problems).toEqual([expect.objectContaining({ message: containing('more than 5000 files') })]);
  });
});

describe('what an image holds', () => {
  it('gives sizes, internal snapshots and free space', async () => {
    const path = create('x.qcow2');
    execFileSync('qemu-img', ['snapshot', '-c', 'two\nlines', path]);
    execFileSync('qemu-img', ['snapshot', '-c', 'second', path]);
    const reading = await read(path);
    const found = image(reading, path);
    expect(found.virtualBytes).toBe(1024 ** 2);
    expect(found.internalSnapshots.map(({ id, name }) => [id, name])).toEqual([
      ['1', 'two\nlines'],
      ['2', 'second'],
    ]);
    expect(Math.abs((found.internalSnapshots[0]?.createdAt ?? 0) - Date.now() / 1000)).toBeLessThan(60);
    const { blocks, bsize } = statfsSync(root);
    expect(reading.filesystems).toEqual([{ folder: root, totalBytes: blocks * bsize, freeBytes: aNumber }]);
  });

  it('reads as raw what is used as raw, whatever the guest wrote into it', async () => {
    // A guest with a raw disk wrote an overlay of a file of the host into it.
    const disk = create('disk.raw', { backing: '/etc/hostname' });
    const base = create('base/base.raw', { backing: '/etc/passwd' });
    const top = create('top.qcow2', { backing: base, backingFormat: 'raw' });
    const reading = await read({ reference: disk, format: 'raw' }, top);
    expect(image(reading, disk)).toMatchObject({ format: 'raw', parent: null });
    expect(image(reading, base)).toMatchObject({ format: 'raw', parent: null });
    expect(reading.images.map(({ id }) => id)).toEqual([base, disk, top].sort());
  });

  it.each([
    ['before', 'a/overlay.qcow2', 'z/overlay.qcow2'],
    ['after', 'z/overlay.qcow2', 'a/overlay.qcow2'],
  ])('keeps the chain of an image that others use as raw, met %s those who know its format', async (_, raw, qcow2) => {
    const base = create('base/base.qcow2');
    const middle = create('middle/middle.qcow2', { backing: base });
    create(raw, { backing: middle, backingFormat: 'raw' });
    create(qcow2, { backing: middle });
    const expected = { format: 'qcow2', parent: { imageId: base } };
    const byOverlays = await read(join(root, 'a/overlay.qcow2'), join(root, 'z/overlay.qcow2'), base);
    expect(image(byOverlays, middle)).toMatchObject(expected);
    const byVms = await read(
      join(root, raw),
      { reference: middle, format: 'qcow2' },
      { reference: base, format: 'qcow2' },
    );
    expect(image(byVms, middle)).toMatchObject(expected);
  });

  it('loses no image where there is no room for what is found', async () => {
    const base = create('base.qcow2');
    for (let number = 0; number < 5; number += 1) create(`overlay-${number}.qcow2`, { backing: base });
    const withoutRoom = {
      ...runner,
      runScript: (script: Parameters<typeof runner.runScript>[0]) =>
        runner.runScript({ ...script, script: `trap '' XFSZ\nulimit -f 0\n${script.script}` }),
    };
    const reading = await readImages(withoutRoom, [{ reference: base, format: 'qcow2' }], { priority: 'user' });
    expect(reading.images.filter(({ parent }) => parent?.imageId === base)).toHaveLength(5);
  });

  it('corrects the format of a base that it met before the overlay that says it is raw', async () => {
    const base = create('same/a-base.raw', { backing: '/etc/passwd' });
    const top = create('same/b-top.qcow2', { backing: base, backingFormat: 'raw' });
    create('same/c.qcow2');
    const reading = await read(join(root, 'same/c.qcow2'));
    expect(image(reading, top).parent).toMatchObject({ imageId: base, format: 'raw' });
    expect(image(reading, base)).toMatchObject({ format: 'raw', parent: null });
  });

  it('shows a damaged image as unreadable with the reason of the tool, and the others all the same', async () => {
    const good = create('good.qcow2');
    const bad = join(root, 'bad.qcow2');
    writeFileSync(bad, 'QFI\xfb and then nonsense', 'latin1');
    const folder = join(root, 'folder.qcow2');
    mkdirSync(folder);
    const reading = await read(bad, good, folder);
    expect(image(reading, good).status).toBe('ok');
    expect(image(reading, bad)).toMatchObject({ status: 'unreadable', problem: containing('bad.qcow2') });
    expect(image(reading, folder)).toMatchObject({ status: 'unreadable', problem: containing('neither') });
  });
});

describe('an unprivileged user', () => {
  /** Scripts run as the user nobody. */
  const asNobody = () => ({
    ...runner,
    runScript: (script: Parameters<typeof runner.runScript>[0]) =>
      runner.runScript({
        ...script,
        script: `setpriv --reuid=65534 --regid=65534 --clear-groups sh -s <<'ROUND'\n${script.script}\nROUND\n`,
      }),
  });

  it('is told what could not be read and why', async () => {
    chmodSync(root, 0o755);
    const closed = create('open/closed.qcow2');
    const top = create('open/top.qcow2', { backing: closed });
    const beside = create('open/beside.qcow2');
    const inside = create('locked/inside.qcow2');
    const listable = create('unlisted/x.qcow2');
    chmodSync(closed, 0o600);
    chmodSync(beside, 0o600);
    chmodSync(join(root, 'locked'), 0o700);
    chmodSync(join(root, 'unlisted'), 0o711);
    const requests = [top, inside, listable].map((reference) => ({ reference, format: null }));
    const reading = await readImages(asNobody(), requests, { priority: 'user' });
    expect(image(reading, top).status).toBe('ok');
    expect(image(reading, closed)).toMatchObject({
      status: 'unreadable',
      problem: containing('Permission denied'),
    });
    expect(image(reading, inside)).toMatchObject({
      status: 'unreadable',
      problem: containing('Permission denied'),
    });
    expect(image(reading, listable).status).toBe('ok');
    const messages = reading.problems.map(({ message }) => message).join('\n');
    expect(messages).toContain(`1 file in ${join(root, 'open')} cannot be opened by this user (beside.qcow2)`);
    expect(messages).toContain(`${join(root, 'unlisted')} cannot be listed`);
  });
});
