import { describe, expect, it } from 'vitest';
import type { Image, ReadableVm } from '../../model/inventory.ts';
import { disk, image, internal, inventory, overlay, vm } from '../../model/inventory.fixtures.ts';
import { chainFrom, chainOfDisk, dependentsIndex, dependentsOf, imagesById } from './chains.ts';

/** A VM with one disk, and external snapshots whose overlays these are. */
function machine(name: string, imageId: string, snapshotImages: readonly string[] = []): ReadableVm {
  const snapshots = snapshotImages.map((overlayImageId, index) =>
    internal(`${index}`, null, {
      kind: 'external',
      disks: [{ target: 'vda', kind: 'external', dataImageId: null, overlayImageId }],
    }),
  );
  return vm({ uuid: name, name, disks: [disk('vda', imageId)], snapshots });
}

describe('a chain', () => {
  const follow = (images: Image[], from: string) => {
    const { images: chain, end, endReference } = chainFrom(from, imagesById(images));
    return [chain.map(({ id }) => id).join(' '), end, endReference];
  };

  it('goes from the active layer to the base', () => {
    expect(follow([overlay('top', 'mid'), overlay('mid', 'base'), image('base')], 'top')).toEqual([
      'top mid base',
      'base',
      null,
    ]);
  });

  it.each([
    [
      'a file that is gone',
      [overlay('top', 'base'), image('base', { status: 'missing' })],
      ['top base', 'missing', 'base'],
    ],
    ['one that is not in the inventory', [overlay('top', 'base')], ['top', 'missing', 'base']],
    [
      'one that cannot be read',
      [overlay('top', 'base'), image('base', { status: 'unreadable' })],
      ['top base', 'unreadable', 'base'],
    ],
    ['a loop', [overlay('a', 'b'), overlay('b', 'a')], ['a b', 'loop', 'a']],
    [
      'a reference that leads nowhere',
      [image('a', { parent: { relation: 'backing', reference: 'json:{}', imageId: null, format: null } })],
      ['a', 'unresolved', 'json:{}'],
    ],
  ])('says where it breaks: %s', (_, images, expected) => {
    expect(follow(images, images[0]?.id ?? '')).toEqual(expected);
  });
});

describe('the dependents of an image', () => {
  const images = [overlay('a', 'base'), overlay('b', 'base'), image('base'), overlay('orphan', 'a')];
  const index = dependentsIndex(
    inventory([machine('A', 'a'), machine('B', 'b'), machine('C', 'a', ['orphan'])], images),
  );
  const of = (id: string) => {
    const { childImageIds, activeFor, vms } = dependentsOf(id, index);
    return [
      childImageIds.join(' '),
      activeFor.map(({ vm: { name } }) => name).join(' '),
      vms.map(({ name }) => name).join(' '),
    ];
  };

  it('are the images on top of it, the disks that write to it and the VMs that reach it', () => {
    expect(of('base')).toEqual(['a b', '', 'A B C']);
    expect(of('a')).toEqual(['orphan', 'A C', 'A C']);
    expect(of('orphan')).toEqual(['', '', 'C']);
    expect(of('nothing')).toEqual(['', '', '']);
  });

  it('are perhaps what begins as an overlay of it and is used as raw, and no VM for certain', () => {
    const header = { format: 'qcow2', reference: 'base', mayDependOn: ['base'] };
    const found = dependentsOf(
      'base',
      dependentsIndex(inventory([machine('A', 'raw')], [image('raw', { format: 'raw', header }), image('base')])),
    );
    expect(found).toMatchObject({ childImageIds: [], possibleChildIds: ['raw'], vms: [] });
  });

  it('are those who reach it by another path than its overlay’s own', () => {
    const parent = { relation: 'backing', reference: 'base', imageId: 'two/base', format: 'qcow2' } as const;
    const top = overlay('top', 'base', { parentsByPath: [{ path: 'two/top', parent }] });
    const all = [top, image('base'), image('two/base')];
    const byPath = vm({ uuid: 'P', name: 'P', disks: [disk('vda', 'top', { openedAs: 'two/top' })] });
    const found = dependentsIndex(inventory([byPath], all));
    expect(dependentsOf('two/base', found)).toMatchObject({ childImageIds: ['top'], vms: [{ name: 'P' }] });
    expect(dependentsOf('base', found)).toMatchObject({ childImageIds: ['top'] });
    const chain = byPath.disks[0] && chainOfDisk(byPath.disks[0], imagesById(all));
    expect(chain?.images.map(({ id }) => id)).toEqual(['top', 'two/base']);
  });

  it('are VMs that name it for anything', () => {
    const use = {
      imageId: 'base',
      use: 'mirror',
      place: 'vda',
      by: 'definition',
      snapshotName: null,
      format: 'raw',
    } as const;
    const found = dependentsIndex(inventory([vm({ uuid: 'U', name: 'U', disks: [], uses: [use] })], [image('base')]));
    expect(dependentsOf('base', found)).toMatchObject({ vms: [{ name: 'U' }], uses: [{ use }] });
  });
});
