import { describe, expect, it } from 'vitest';
import { disk, image, internal, overlay, vm } from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { checkNewFile, memoryFileBeside, overlayBeside } from './new-files.ts';

const path = '/srv/images/web.qcow2';
const machine = (parts: Parameters<typeof vm>[0] = {}) =>
  vm({ name: 'my web: 1', disks: [disk('vda', path)], ...parts });

describe('the proposed file for memory', () => {
  it('is beside the first disk, under a name that no tool takes for syntax', () => {
    expect(memoryFileBeside(machine(), 'a,b', imagesById([image(path)]))).toBe('/srv/images/my-web-1.a-b.memory');
  });

  it('is none that an image or a snapshot has', () => {
    const images = [image(path), image('/srv/images/my-web-1.a.memory')];
    expect(memoryFileBeside(machine(), 'a', imagesById(images))).toBe('/srv/images/my-web-1.a-2.memory');
    const memory = { kind: 'external', file: '/srv/images/my-web-1.a.memory' } as const;
    const snapshot = { id: 's', name: 's', description: '', parentId: null, createdAt: 1, disks: [] };
    const taken = machine({ snapshots: [{ ...snapshot, kind: 'external', memory, vmState: 'running' }] });
    expect(memoryFileBeside(taken, 'a', imagesById([image(path)]))).toBe('/srv/images/my-web-1.a-2.memory');
  });

  it('is beside the first disk that is a file; without one there is none', () => {
    const block = image('/dev/vg/web', { kind: 'block' });
    const disks = [disk('vda', block.id), disk('vdb', path)];
    expect(memoryFileBeside(machine({ disks }), 'a', imagesById([block, image(path)]))).toBe(
      '/srv/images/my-web-1.a.memory',
    );
    expect(memoryFileBeside(machine({ disks: disks.slice(0, 1) }), 'a', imagesById([block]))).toBeNull();
  });
});

describe('the proposed overlay', () => {
  const template = image('/srv/templates/golden.qcow2');
  const web = overlay(path, template.id);
  const upper = overlay('/srv/images/web.one.qcow2', path);
  const one = internal('one', null, {
    kind: 'external',
    disks: [{ target: 'vda', kind: 'external', dataImageId: path, overlayImageId: upper.id }],
  });

  it('is named after the image of the instance, not after its template', () => {
    const images = imagesById([template, web]);
    expect(overlayBeside(disk('vda', path), machine(), 'one', images)).toBe('/srv/images/web.one.qcow2');
  });

  it('has a name that does not grow with each snapshot', () => {
    const images = imagesById([template, web, upper]);
    const withOne = machine({ disks: [disk('vda', upper.id)], snapshots: [one] });
    expect(overlayBeside(disk('vda', upper.id), withOne, 'two', images)).toBe('/srv/images/web.two.qcow2');
    expect(overlayBeside(disk('vda', upper.id), withOne, 'one', images)).toBe('/srv/images/web.one-2.qcow2');
  });

  it('is none for a disk that is no file', () => {
    const block = image('/dev/vg/web', { kind: 'block' });
    expect(overlayBeside(disk('vda', block.id), machine(), 'a', imagesById([block]))).toBeNull();
  });
});

describe('a path for a new file', () => {
  it.each(['/a', '/srv/a b/ü,:"\'.memory', '/srv/.hidden/..x', `/srv/${'x'.repeat(255)}`])('may be %s', (good) => {
    expect(checkNewFile(good)).toBeNull();
  });

  it.each([
    '',
    'a',
    'a/b',
    '/',
    '/a/',
    '/a//b',
    '/a/../b',
    '/a/.',
    '/a\nb',
    '/dev/sda',
    '/proc/x',
    `/srv/${'ü'.repeat(128)}`,
  ])('may not be %j', (bad) => {
    expect(checkNewFile(bad)).not.toBeNull();
  });
});
