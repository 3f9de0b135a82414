import { expect, it } from 'vitest';
import type { Disk, Image } from '../../model/inventory.ts';
import { disk, image, vm } from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { overlayRefusals } from './libvirt-disk-refusals.ts';
import { createExternalRefusals, createInternalRefusals, createMemoryRefusals } from './libvirt-refusals.ts';

const abilities = { version: '9.0.0', can: () => true };

function known(
  disks: readonly Partial<Disk>[],
  images: readonly Partial<Image>[] = [],
  state: 'running' | 'shutoff' = 'running',
) {
  const made = disks.map((each, index) => ({ ...disk(`vd${'abc'[index] ?? ''}`, `/${index}`), ...each }));
  return {
    vm: vm({ state, disks: made }),
    images: imagesById(made.map((_, index) => image(`/${index}`, images[index]))),
  };
}

const codes = (notes: readonly { readonly code: string }[]) => notes.map(({ code }) => code);

it.each([
  ['shared with other VMs', { shareable: true }, {}, 'running', 'shareable'],
  ['thrown away at the end', { transient: true as const }, {}, 'running', 'transientDisk'],
  ['encrypted', {}, { encryption: 'luks' }, 'running', 'encrypted'],
  ['encrypted by its definition', { encryption: 'luks' }, {}, 'shutoff', 'encrypted'],
  ['of a corrupt image', {}, { corrupt: true }, 'running', 'imageCorrupt'],
  ['of an image that is gone', {}, { status: 'missing' as const }, 'running', 'chainBroken'],
] as const)(
  'a disk that is %s gets no overlay; the others do, but without the memory',
  (_what, ofDisk, ofImage, state, code) => {
    const both = known([{}, ofDisk], [{}, ofImage], state);
    const [first, second] = both.vm.disks;
    expect(codes(overlayRefusals(both, first ? [first] : []))).toEqual([]);
    expect(codes(overlayRefusals(both, second ? [second] : []))).toEqual([code]);
    expect(codes(createExternalRefusals(both))).toEqual([]);
    expect(codes(createMemoryRefusals(both))).toContain(state === 'shutoff' ? 'noMemory' : code);
    expect(codes(createExternalRefusals(known([ofDisk], [ofImage], state)))).toEqual([code]);
  },
);

it('an internal snapshot needs every writable disk, and on old libvirts takes those along that it is not of', () => {
  const dataFile = { reference: '/0', imageId: '/0' };
  expect(codes(createInternalRefusals(known([{}, {}], [{}, { dataFile }]), abilities))).toEqual([
    'formatWithoutSnapshots',
  ]);
  expect(codes(createInternalRefusals(known([{}], [{ encryption: 'luks' }], 'shutoff'), abilities))).toEqual([
    'encrypted',
  ]);
  expect(codes(createInternalRefusals(known([{}], [{ encryption: 'luks' }]), abilities))).toEqual([]);
  const beside = known([{}, { readOnly: true }], [], 'shutoff');
  expect(codes(createInternalRefusals(beside, { ...abilities, version: '7.0.0' }))).toEqual(['diskTakenAlong']);
  expect(codes(createInternalRefusals(beside, abilities))).toEqual([]);
});
