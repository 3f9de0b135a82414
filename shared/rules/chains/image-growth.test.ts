import { describe, expect, it } from 'vitest';
import { image, overlay } from '../../model/inventory.fixtures.ts';
import type { Image } from '../../model/inventory.ts';
import { fullBytes, mergeGrowth, type MergeCopies } from './image-growth.ts';

const GiB = 1024 ** 3;
const base = (parts: Partial<Image> = {}) =>
  image('/base', { virtualBytes: 100 * GiB, allocatedBytes: 40 * GiB, ...parts });
const layer = (gib: number, parts: Partial<Image> = {}) =>
  overlay(`/${gib}`, '/base', { virtualBytes: 100 * GiB, allocatedBytes: gib * GiB, ...parts });
const down = (merged: Image[], into: Image, copies: MergeCopies = 'data') => mergeGrowth(merged, into, copies);

describe('what a merge takes at most', () => {
  it('is what is merged, with its tables', () => {
    const { atMostBytes } = down([layer(10)], base());
    expect(atMostBytes).toBeGreaterThan(10 * GiB);
    expect(atMostBytes).toBeLessThan(10.1 * GiB);
  });

  it('counts each of several images, for they may hold different places', () => {
    expect(down([layer(10), layer(20)], base()).atMostBytes).toBeGreaterThan(30 * GiB);
  });

  it('is no more than what is lacking to all of the disk', () => {
    const { atMostBytes } = down([layer(50), layer(60)], base());
    expect(atMostBytes).toBe((fullBytes(base()) ?? 0) - 40 * GiB);
    expect(down([layer(10)], base({ allocatedBytes: 110 * GiB })).atMostBytes).toBe(0);
  });

  it('may be all of the disk once more where internal snapshots keep what is there', () => {
    const tag = { id: '1', name: 'kept', createdAt: 1, memoryBytes: 0 };
    const { atMostBytes, likelyBytes } = down([layer(100)], base({ internalSnapshots: [tag] }));
    expect(atMostBytes).toBe(fullBytes(base()));
    expect(likelyBytes).toBe(100 * GiB);
  });

  it('counts the larger clusters of what takes it up', () => {
    const small = layer(1, { clusterBytes: 4096 });
    expect(down([small], base({ clusterBytes: 2 ** 20, allocatedBytes: 0 })).atMostBytes).toBeGreaterThan(99 * GiB);
    // Data goes to a raw image in pieces of 64 KiB.
    expect(down([small], base({ format: 'raw', allocatedBytes: 0 })).atMostBytes).toBe(16 * GiB);
    expect(down([layer(1)], base({ format: 'raw', allocatedBytes: 0 })).atMostBytes).toBe(GiB);
  });

  it('counts the pieces in which a block job pulls from a raw image', () => {
    const raw = base({ format: 'raw', allocatedBytes: GiB / 8 });
    const up = (from: Image, copies: MergeCopies) => mergeGrowth([from], layer(0), copies).atMostBytes ?? 0;
    expect(up(raw, 'data')).toBeGreaterThan(2 * GiB);
    expect(up(raw, 'data')).toBeLessThan(2.1 * GiB);
    expect(up(raw, 'chunks')).toBeGreaterThan(16 * GiB);
    expect(up(raw, 'chunks')).toBeLessThan(16.1 * GiB);
    expect(up(layer(2), 'chunks')).toBe(up(layer(2), 'data'));
  });

  it('is all of the disk where zeroes are written out, or an image may be compressed', () => {
    const lacking = (fullBytes(base()) ?? 0) - 40 * GiB;
    expect(down([layer(1)], base(), 'zeroes').atMostBytes).toBe(lacking);
    const active = layer(1);
    const up = (template: Image) => mergeGrowth([template], active, 'data').atMostBytes ?? 0;
    expect(up(base())).toBeGreaterThan(98 * GiB);
    expect(up(base({ format: 'raw', allocatedBytes: GiB }))).toBeLessThan(17 * GiB);
  });

  it('is all of the disk, or not known at all, where sizes are not known', () => {
    const unread = layer(0, { allocatedBytes: null });
    expect(down([unread], base())).toEqual({ likelyBytes: null, atMostBytes: (fullBytes(base()) ?? 0) - 40 * GiB });
    const nothing = { virtualBytes: null, allocatedBytes: null };
    expect(down([layer(0, nothing)], base(nothing))).toEqual({ likelyBytes: null, atMostBytes: null });
  });
});

describe('what a merge likely takes', () => {
  it('is the part that is not there yet, of each place one copy', () => {
    expect(down([layer(10)], base()).likelyBytes).toBe(6 * GiB);
    expect(down([layer(50), layer(50)], base({ allocatedBytes: 0 })).likelyBytes).toBe(75 * GiB);
    expect(down([layer(10)], base({ allocatedBytes: 100 * GiB })).likelyBytes).toBe(0);
  });

  it('is never more than at most', () => {
    const { likelyBytes, atMostBytes } = down([layer(100)], base({ format: 'raw', allocatedBytes: 0 }));
    expect(likelyBytes).toBe(atMostBytes);
  });
});
