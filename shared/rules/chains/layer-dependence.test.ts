import { describe, expect, it } from 'vitest';
import type { Image, ReadableVm } from '../../model/inventory.ts';
import { disk, image, internal, inventory, overlay, vm } from '../../model/inventory.fixtures.ts';
import { chainOfDisk, dependentsIndex, imagesById } from './chains.ts';
import { dependenceOf } from './layer-dependence.ts';

/** Its VM went back to before `/left`, which the record of a snapshot names. */
const reverted = vm({
  disks: [disk('vda', '/active')],
  snapshots: [
    internal('s', null, {
      kind: 'external',
      disks: [{ target: 'vda', kind: 'external', dataImageId: '/base', overlayImageId: '/left' }],
    }),
  ],
});
const images = [image('/base'), overlay('/active', '/base'), overlay('/left', '/base')];

function ofBase(vms: readonly ReadableVm[], all: readonly Image[] = images) {
  const host = inventory([...vms], all);
  const [first] = vms;
  const [vda] = first?.disks ?? [];
  const chain = vda && chainOfDisk(vda, imagesById(all));
  if (!first || !chain) throw new Error('There is no chain.');
  return dependenceOf('/base', chain.images, first, host, dependentsIndex(host));
}

describe('who depends on a layer', () => {
  it('is another chain of the VM itself too, and not the layer above', () => {
    expect(ofBase([reverted])).toEqual({
      others: [],
      names: [],
      namedByOthers: false,
      inOtherChains: ['/left'],
      ofNoVm: [],
      possible: [],
      unknown: [],
    });
  });

  it('is the chain of another disk of the VM', () => {
    const twoDisks = vm({ disks: [disk('vda', '/active'), disk('vdb', '/left')] });
    expect(ofBase([twoDisks]).inOtherChains).toEqual(['/left']);
  });

  it('tells what others need as theirs, and what nobody needs as nobody’s', () => {
    const other = vm({ uuid: 'other', name: 'other', disks: [disk('vda', '/left')] });
    const { inOtherChains, others } = ofBase([reverted, other]);
    expect([inOtherChains, others]).toEqual([[], ['other']]);
    const alone = ofBase([vm({ disks: [disk('vda', '/active')] })]);
    expect([alone.inOtherChains, alone.ofNoVm]).toEqual([[], ['/left']]);
  });

  it('is nobody in a chain that runs in a circle', () => {
    const circle = [overlay('/active', '/base'), overlay('/base', '/active')];
    expect(ofBase([vm({ disks: [disk('vda', '/active')] })], circle).inOtherChains).toEqual([]);
  });
});
