import { describe, expect, it } from 'vitest';
import { storageGroups, usedShare } from './storage-groups.ts';

describe('storageGroups', () => {
  it('puts folders of one file system in one row, the fullest file system first', () => {
    const groups = storageGroups([
      { folder: '/b', freeBytes: 50, totalBytes: 100 },
      { folder: '/full', freeBytes: 5, totalBytes: 100 },
      { folder: '/a', freeBytes: 50, totalBytes: 100 },
      { folder: '/other', freeBytes: 50, totalBytes: 90 },
    ]);
    expect(groups.map(({ folders }) => folders)).toEqual([['/full'], ['/a', '/b'], ['/other']]);
    expect(groups.map(usedShare).map((share) => Math.round(share * 100))).toEqual([95, 50, 44]);
  });

  it('does not divide by nothing', () => {
    expect(usedShare({ freeBytes: 0, totalBytes: 0 })).toBe(0);
  });
});
