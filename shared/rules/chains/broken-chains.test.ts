import { expect, it } from 'vitest';
import { disk, image, overlay, vm } from '../../model/inventory.fixtures.ts';
import type { Image } from '../../model/inventory.ts';
import { brokenChainOfDisk, brokenDisksOf } from './broken-chains.ts';
import { imagesById } from './chains.ts';

const active = '/active.qcow2';
const base = '/base.raw';
const breakOf = (images: Parameters<typeof imagesById>[0]) =>
  brokenChainOfDisk(disk('vda', active), imagesById(images));

it('is no break where a chain ends at a base, or there is no chain', () => {
  expect(breakOf([overlay(active, base), image(base)])).toBeNull();
  expect(brokenChainOfDisk(disk('hda', null), imagesById([]))).toBeNull();
});

it('calls nothing missing that was only not read', () => {
  expect(breakOf([overlay(active, base), image(base, { status: 'missing' })])).toMatchObject({
    kind: 'missing',
    at: base,
    isCertain: true,
    words: `is broken: ${base} is missing.`,
  });
  expect(breakOf([overlay(active, base)])).toMatchObject({ kind: 'notRead', at: base, isCertain: false });
  expect(breakOf([])).toMatchObject({ kind: 'notRead', at: active });
});

it('says of a data file what it says of an image', () => {
  const withData = image(active, { dataFile: { reference: 'data', imageId: '/data' } });
  expect(breakOf([withData, image('/data', { status: 'missing' })])).toMatchObject({ kind: 'missing', at: '/data' });
  expect(breakOf([withData, image('/data', { status: 'unreadable', problem: 'Permission denied' })])).toMatchObject({
    kind: 'unreadable',
    at: '/data',
    words: 'could not be read: /data: Permission denied',
  });
  expect(breakOf([withData])).toMatchObject({ kind: 'notRead', at: '/data' });
  const remedyOf = (parts: Partial<Image>) => breakOf([image(active, { status: 'unreadable', ...parts })])?.remedy;
  expect(remedyOf({ problem: 'No such file or directory' })).toContain('Give the user of this connection the right');
  expect(remedyOf({ problem: 'In whatever words.', lacksFile: true })).toContain('Look for it under another name');
});

it('knows a circle, a reference that leads nowhere, and a disk whose image is not known', () => {
  expect(breakOf([overlay(active, base), overlay(base, active)])).toMatchObject({ kind: 'loop', isCertain: true });
  const nbd = { relation: 'backing', reference: 'nbd://x', imageId: null, format: 'raw' } as const;
  expect(breakOf([image(active, { parent: nbd })])).toMatchObject({ kind: 'unresolved', at: 'nbd://x' });
  expect(brokenChainOfDisk(disk('vda', null, { source: 'pool/volume' }), imagesById([]))).toMatchObject({
    kind: 'imageUnknown',
    at: 'pool/volume',
    isCertain: false,
  });
});

it('leaves out of a VM’s what an obstacle to its start tells with its remedy, and knows media', () => {
  const gone = [image(active, { status: 'missing' })] as const;
  const obstacle = { path: active, message: 'The VM needs it.', remedy: 'Put it back.' };
  const cdrom = disk('hda', active, { device: 'cdrom', readOnly: true });
  expect(brokenDisksOf(vm({ disks: [cdrom], startObstacles: [obstacle] }), imagesById(gone))).toEqual([]);
  expect(brokenDisksOf(vm({ disks: [cdrom] }), imagesById(gone))).toMatchObject([{ kind: 'missing', isMedium: true }]);
});
