import { describe, expect, it } from 'vitest';
import type { Image, Snapshot } from '../../model/inventory.ts';
import { held, image, internal, overlay } from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { lacksOf } from './snapshot-lacks.ts';

const createdAt = 1_795_200_000;
const tag = { id: '1', name: 's', createdAt, memoryBytes: 1000 };
const inside = (parts: Partial<Snapshot> = {}) => internal('s', null, { disks: [held('vda', '/a')], ...parts });
const outside = (parts: Partial<Snapshot> = {}) =>
  internal('s', null, {
    kind: 'external',
    memory: { kind: 'none' },
    disks: [{ target: 'vda', kind: 'external', dataImageId: '/a', overlayImageId: '/b' }],
    ...parts,
  });

const lacks = (snapshot: Snapshot, images: readonly Image[]) =>
  lacksOf(snapshot, imagesById(images)).map(({ severity, message }) => `${severity}: ${message}`);

describe('what a snapshot lacks', () => {
  it('is nothing where its data is there', () => {
    expect(lacks(inside(), [image('/a', { internalSnapshots: [tag] })])).toEqual([]);
    expect(lacks(outside(), [overlay('/a', '/base'), image('/base')])).toEqual([]);
  });

  it.each([
    ['error: It says that its data of vda is in /a, which is missing.', inside(), [image('/a', { status: 'missing' })]],
    [
      'error: It says that its data of vda is in /a, which is missing.',
      outside(),
      [image('/a', { status: 'missing' })],
    ],
    ['error: It says that its data of vda is in /a, which holds no such internal snapshot', inside(), [image('/a')]],
    [
      'error: It says that its data of vda is in /a, which holds something else of that name',
      inside(),
      [image('/a', { internalSnapshots: [{ ...tag, createdAt: createdAt + 5000 }] })],
    ],
    [
      'error: It is said to hold memory, and none of its images holds any for it',
      inside(),
      [image('/a', { internalSnapshots: [{ ...tag, memoryBytes: 0 }] })],
    ],
    [
      'error: The chain of its data of vda is broken: /gone is missing.',
      outside(),
      [overlay('/a', '/gone'), image('/gone', { status: 'missing' })],
    ],
    [
      'warning: The chain of its data of vda could not be read: /a: denied',
      outside(),
      [image('/a', { status: 'unreadable', problem: 'denied' })],
    ],
    [
      'warning: Where its data of vda is, is not known.',
      outside({ disks: [{ target: 'vda', kind: 'external', dataImageId: null, overlayImageId: null }] }),
      [],
    ],
  ] as const)('is %s', (beginning, snapshot, images) => {
    const found = lacks(snapshot, images);
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(beginning)).toBe(true);
  });

  it('is what else its record needs, which is worse with memory', () => {
    const revertObstacles = [{ path: '/k', message: 'It needs /k.', remedy: 'Put it back.' }];
    const images = [image('/a', { internalSnapshots: [tag] })];
    expect(lacks(inside({ revertObstacles }), images)).toEqual(['error: It needs /k. Put it back.']);
    expect(lacks(outside({ revertObstacles }), images)).toEqual(['warning: It needs /k. Put it back.']);
  });

  it('is nothing where nothing was read, and nothing twice of a record that is not whole', () => {
    expect(lacks(outside(), [])).toEqual([]);
    const disks = [{ target: 'vda', kind: 'external' as const, dataImageId: null, overlayImageId: null }];
    expect(lacks(outside({ disks, unknownPart: 'Its record names no domain.' }), [])).toEqual([]);
  });
});
