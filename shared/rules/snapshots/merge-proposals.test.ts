import { describe, expect, it } from 'vitest';
import { disk, image, internal, overlay, vm } from '../../model/inventory.fixtures.ts';
import type { Snapshot } from '../../model/inventory.ts';
import { imagesById } from '../chains/chains.ts';
import {
  deletionCosts,
  mergeableDisks,
  mergedImages,
  mergeRequest,
  proposeMerge,
  receivingImage,
} from './merge-proposals.ts';

const images = imagesById([
  image('/base'),
  overlay('/one', '/base'),
  overlay('/two', '/one'),
  overlay('/active', '/two'),
  image('/alone'),
  overlay('/torn', '/lost'),
]);
const web = vm({ disks: [disk('vda', '/active'), disk('vdb', '/alone'), disk('vdc', '/torn')] });
const [chain] = mergeableDisks(web, images);
if (!chain) throw new Error('vda has a chain.');

const holding = (dataImageId: string): Snapshot =>
  internal('of before', null, {
    kind: 'external',
    disks: [{ target: 'vda', kind: 'external', dataImageId, overlayImageId: null }],
  });
const free = () => true;
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

describe('mergeableDisks', () => {
  it('are those with a whole chain of several images that the guest writes to', () => {
    expect(mergeableDisks(web, images).map(({ target, layers }) => [target, ids(layers)])).toEqual([
      ['vda', ['/active', '/two', '/one', '/base']],
    ]);
    expect(mergeableDisks(vm({ disks: [disk('sda', '/active', { device: 'cdrom' })] }), images)).toEqual([]);
    expect(mergeableDisks(vm({ disks: [disk('vda', '/active', { readOnly: true })] }), images)).toEqual([]);
  });
});

describe('proposeMerge', () => {
  it('proposes of the present state as much as nobody else needs', () => {
    expect(proposeMerge('down', chain, null, free)).toEqual({ top: 0, base: 3 });
    // A base that others need is not written to, and neither is what they hang on.
    expect(proposeMerge('down', chain, null, ({ id }) => id !== '/base')).toEqual({ top: 0, base: 2 });
    expect(proposeMerge('down', chain, null, ({ id }) => id !== '/two')).toEqual({ top: 0, base: 1 });
    expect(proposeMerge('up', chain, null, free)).toEqual({ top: 1, base: 4 });
  });

  it('proposes of a snapshot what came after it', () => {
    expect(proposeMerge('down', chain, holding('/one'), free)).toEqual({ top: 0, base: 2 });
    expect(proposeMerge('up', chain, holding('/one'), free)).toEqual({ top: 1, base: 2 });
    // Nothing lies between the active layer and this one.
    expect(proposeMerge('up', chain, holding('/two'), free)).toEqual({ top: 1, base: 4 });
  });

  it('proposes nothing for a snapshot whose data is in no chain in use', () => {
    expect(proposeMerge('down', chain, holding('/branch'), free)).toBeNull();
    expect(proposeMerge('up', chain, holding('/branch'), free)).toBeNull();
  });
});

describe('deletionCosts', () => {
  const sized = imagesById(
    [...images.values()].map((each) => ({
      ...each,
      allocatedBytes: { '/two': 20, '/one': 10, '/active': 1 }[each.id] ?? null,
    })),
  );

  it('are what the overlay, or the image of the snapshot, holds', () => {
    expect(deletionCosts(holding('/one'), web, sized)).toEqual({ down: 20, up: 10 });
    expect(deletionCosts(holding('/two'), web, sized)).toEqual({ down: 1, up: 20 });
    const unknown = imagesById([...sized.values()].map((each) => ({ ...each, allocatedBytes: null })));
    expect(deletionCosts(holding('/two'), web, unknown)).toEqual({ down: null, up: null });
  });

  it('are none where nothing can be chosen', () => {
    // A base is not removed, and what is in no chain, or inside an image, is not merged.
    for (const snapshot of [holding('/base'), holding('/branch'), internal('inside', null)]) {
      expect(deletionCosts(snapshot, web, sized)).toBeNull();
    }
  });
});

describe('mergeRequest', () => {
  const options = { oneByOne: true, bytesPerSecond: 5 };

  it('names the images of what was chosen', () => {
    const choice = { top: 1, base: 3 };
    expect(ids(mergedImages(chain, choice))).toEqual(['/two', '/one']);
    expect(receivingImage('down', chain, choice)?.id).toBe('/base');
    expect(receivingImage('up', chain, choice)?.id).toBe('/active');
    expect(mergeRequest('down', 'u', [{ disk: chain, choice }], options)).toEqual({
      action: 'commitImages',
      vmUuid: 'u',
      ranges: [{ target: 'vda', topId: '/two', baseId: '/base' }],
      oneByOne: true,
      bytesPerSecond: 5,
    });
    expect(mergeRequest('up', 'u', [{ disk: chain, choice }], options)).toEqual({
      action: 'pullImages',
      vmUuid: 'u',
      ranges: [{ target: 'vda', baseId: '/base' }],
      bytesPerSecond: 5,
    });
    expect(mergeRequest('up', 'u', [{ disk: chain, choice: { top: 1, base: 4 } }], options)).toMatchObject({
      ranges: [{ target: 'vda', baseId: null }],
    });
  });
});
