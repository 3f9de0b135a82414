import { describe, expect, it } from 'vitest';
import { parseFreeSpace, walkFromFrames, type Walk } from './walk-result.ts';

const frame = (line: string, body = '') => {
  const [kind = '', ...rest] = line.split(' ');
  return { kind, arguments: rest, body };
};

describe('parseFreeSpace', () => {
  it.each([
    ['/dev/vda1 100 40 55 43% /', { totalBytes: 102400, freeBytes: 56320 }],
    [
      '//server/my share 3 with spaces 100 40 55 43% /mnt/with 1 2 3 4% spaces',
      { totalBytes: 102400, freeBytes: 56320 },
    ],
    ['tmpfs 100 100 -5 - /x', { totalBytes: 102400, freeBytes: 0 }],
    ['df: /x: No such file or directory', null],
    ['', null],
  ])('%s', (line, space) => {
    expect(parseFreeSpace(`Filesystem 1024-blocks Used Available Capacity Mounted on\n${line}\n`)).toEqual(space);
  });
});

const nonce = 'frame-0';
const parse = (frames: Parameters<typeof walkFromFrames>[0]) => walkFromFrames(frames, nonce);
const imageIn = (walk: Walk, id: string) => walk.images.find((image) => image.id === id);

describe('walkFromFrames', () => {
  it('keeps what is known of other images when one fails', () => {
    const walk = parse([
      frame('named', '/a'),
      frame('real', '/a'),
      frame('kind file'),
      frame('info', "qemu-img: Could not open '/a': Permission denied\n"),
      frame('exit 1'),
      frame('named', '/link'),
      frame('real', '/b'),
      frame('kind file'),
      frame('info', '{"format":"raw","virtual-size":5}'),
      frame('exit 0'),
    ]);
    expect(imageIn(walk, '/a')).toMatchObject({
      info: null,
      failure: "qemu-img: Could not open '/a': Permission denied",
    });
    expect(imageIn(walk, '/b')?.info?.virtualBytes).toBe(5);
    expect(walk.realPaths.get('/link')).toBe('/b');
  });

  it('takes a file that was removed since it was found for absent, but not one that lacks another file', () => {
    const walk = parse([
      ...[frame('named', '/a'), frame('real', '/a'), frame('kind file')],
      frame('info', "qemu-img: Could not open '/a': No such file or directory\n"),
      frame('exit 1'),
      ...[frame('named', '/b'), frame('real', '/b'), frame('kind file')],
      frame('info', "qemu-img: Could not open '/b': Could not open '/data': No such file or directory\n"),
      frame('exit 1'),
    ]);
    expect(imageIn(walk, '/a')?.kind).toBe('absent');
    expect(imageIn(walk, '/a')?.lacksFile).toBe(false);
    expect(imageIn(walk, '/b')).toMatchObject({ kind: 'file', lacksFile: true });
  });

  it('says so of an answer that is not JSON, and of one that did not come in time', () => {
    const walk = parse([
      ...[frame('named', '/a'), frame('real', '/a'), frame('kind file'), frame('info', 'oops'), frame('exit 0')],
      ...[frame('named', '/b'), frame('real', '/b'), frame('kind file'), frame('info'), frame('exit 124')],
    ]);
    expect(imageIn(walk, '/a')?.failure).toContain('cannot be read');
    expect(imageIn(walk, '/b')?.failure).toContain('in time');
  });
});
