import { describe, expect, it } from 'vitest';
import { formatInReference, parseImageReference, pathsInReference } from './image-reference.ts';

it.each([
  ['/images/base.qcow2', '/images/base.qcow2'],
  ['base.qcow2', '/vm/base.qcow2'],
  ['../base.qcow2', '/vm/../base.qcow2'],
  ['./with:colon.qcow2', '/vm/./with:colon.qcow2'],
  ['/a/b:c.qcow2', '/a/b:c.qcow2'],
  ['file:/images/base.qcow2', '/images/base.qcow2'],
  ['file:///images/base.qcow2', '/images/base.qcow2'],
  ['file:base.qcow2', null],
  ['json:{"driver":"qcow2","file":{"driver":"file","filename":"/images/b.qcow2"}}', '/images/b.qcow2'],
  ['json:{"file.filename":"/images/b.qcow2","driver":"qcow2"}', '/images/b.qcow2'],
  ['json:{"driver":"raw","file":{"driver":"host_device","filename":"/dev/vg/lv"}}', '/dev/vg/lv'],
  ['json:{"driver":"file","filename":"relative.qcow2"}', null],
  ['json:{"driver":"blkdebug","filename":"/x"}', null],
  ['json:{"driver":"qcow2","backing":null,"file.filename":"/images/b.qcow2"}', '/images/b.qcow2'],
  ['json:{"driver":"qcow2","backing":{"driver":"file","filename":"/c"},"file":{"filename":"/b"}}', null],
  ['json:{"driver":"qcow2","file.filename":"/b","backing.file.filename":"/c"}', null],
  ['json:{"driver":"qcow2","data-file":{"driver":"file","filename":"/c"},"file":{"filename":"/b"}}', null],
  ['json:{"driver":"raw","offset":512,"file":{"driver":"file","filename":"/images/b"}}', '/images/b'],
  ['json:{"driver":"qcow2","file":{"driver":"raw","offset":512,"file.filename":"/b"}}', null],
  ['json:{"driver":"qcow2","file.driver":"raw","file.offset":512,"file.file.filename":"/b"}', null],
  ['json:{"driver":"qcow2","file":{"driver":"raw","file":{"driver":"file","filename":"/b"}}}', '/b'],
  ['json:{"driver":"qcow2","file":{"driver":"qcow2","file":{"driver":"file","filename":"/b"}}}', null],
  ['json:{"driver":"luks","file":{"driver":"throttle","file":{"driver":"qcow2","file.filename":"/b"}}}', null],
  ['json:{"file":{"driver":"raw","offset":512,"file":{"driver":"file","filename":"/b"}}}', null],
  ['json:{', null],
  ['json:[]', null],
  ['x:y.qcow2', null],
  ['', null],
])('%s is the path %s', (reference, path) => {
  expect(parseImageReference(reference, '/vm')).toEqual(
    path === null ? { kind: 'unresolved' } : { kind: 'path', path },
  );
});

it.each([
  'nbd://host:10809/export',
  'nbd+unix:///export?socket=/run/nbd.sock',
  'rbd:pool/image:id=x',
  'https://host/base.qcow2',
  'json:{"driver":"qcow2","file":{"driver":"nbd","server.host":"h"}}',
  'json:{"driver":"raw","file.driver":"rbd","file.pool":"p","file.image":"i"}',
])('%s is on the network', (reference) => {
  expect(parseImageReference(reference, '/vm')).toEqual({ kind: 'network' });
});

it('does not follow nodes for ever', () => {
  const nested = (depth: number): string => (depth === 0 ? '"/x"' : `{"file":${nested(depth - 1)}}`);
  expect(parseImageReference(`json:${nested(500)}`, null)).toEqual({ kind: 'unresolved' });
});

it('leaves a relative path alone where nothing tells what it counts from', () => {
  expect(parseImageReference('base.qcow2', null)).toEqual({ kind: 'unresolved' });
});

it.each([
  ['/b', null],
  ['json:{"file":{"driver":"file","filename":"/b"}}', null],
  ['json:{"filename":"/b"}', null],
  ['json:{"driver":"qcow2","file":{"driver":"file","filename":"/b"}}', 'qcow2'],
  ['json:{"driver":"raw","file":{"driver":"file","filename":"/b"}}', 'raw'],
  ['json:{"driver":"raw","file.filename":"/b"}', 'raw'],
  ['json:{"driver":"raw","file":{"driver":"qcow2","file":{"driver":"file","filename":"/b"}}}', 'qcow2'],
  ['json:{"driver":"raw","file.driver":"qcow2","file.file.filename":"/b"}', 'qcow2'],
  ['json:{"driver":"throttle","file":{"driver":"raw","file":{"driver":"file","filename":"/b"}}}', 'raw'],
  ['json:{"driver":"file","filename":"/b"}', 'raw'],
  ['json:{"driver":"nbd","server.host":"h"}', 'raw'],
  ['json:{"__proto__":{"driver":"raw"}}', null],
  ['json:{', null],
])('%s states the format %s', (reference, format) => {
  expect(formatInReference(reference)).toBe(format);
});

describe('the paths that a reference may be about', () => {
  const quorum = (...names: string[]) =>
    `json:${JSON.stringify({ driver: 'quorum', 'vote-threshold': 1, children: names.map((filename) => ({ driver: 'qcow2', file: { driver: 'file', filename } })) })}`;
  it.each([
    [quorum('/d/a.qcow2', '/d/b.qcow2'), ['/d/a.qcow2', '/d/b.qcow2']],
    [quorum('/d/a.qcow2', 'b.qcow2'), null],
    [quorum('/d/a.qcow2', 'sub/b'), null],
    [quorum('/d/a.qcow2', 'b'), null],
    ['json:{"driver":"blkdebug","image":{"driver":"file","filename":"/d/a"},"config":"rules"}', null],
    ['json:{"driver":"qcow2","file.driver":"raw","file.offset":"512","file.file.filename":"/d/a"}', ['/d/a']],
    ['json:{"driver":"qcow2","node-name":"n","file":{"driver":"blkdebug","image":{"filename":"/d/a"}}}', ['/d/a']],
    ['blkdebug::/d/a.qcow2', ['/d/a.qcow2']],
    ['blkdebug:/etc/rules:/d/a.qcow2', ['/etc/rules', '/d/a.qcow2']],
    ['blkdebug::/d/a:b.qcow2', null],
    ['blkdebug::/d/a:b', null],
    ['blkdebug::/d/a:/b', null],
    ['blkdebug:rules:/d/a', null],
    ['host_device:/d/a', ['/d/a']],
    ['file:relative', null],
    ['file:relative.qcow2', null],
    ['json:not json', null],
    ['json:{"driver":"quorum"}', null],
  ])('%s', (reference, expected) => {
    expect(pathsInReference(reference)).toEqual(expected);
  });
});
