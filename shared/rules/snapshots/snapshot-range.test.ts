import { expect, it } from 'vitest';
import { internal } from '../../model/inventory.fixtures.ts';
import { pathBetween, rangeOf } from './snapshot-range.ts';

/** a - b - c - d (here), and x on b. */
const tree = [internal('a', null), internal('b', 'a'), internal('c', 'b'), internal('d', 'c'), internal('x', 'b')];
const ends = (...selected: (string | null)[]) => {
  const range = rangeOf(new Set(selected), tree, 'd');
  return 'reason' in range ? range.reason : [range.oldest.id, range.youngest?.id ?? null];
};

it.each<[(string | null)[], [string, string | null]]>([
  [
    ['c', 'b'],
    ['b', 'c'],
  ],
  [
    ['d', 'b', 'c'],
    ['b', 'd'],
  ],
  [
    ['x', 'b'],
    ['b', 'x'],
  ],
  [
    [null, 'd', 'c'],
    ['c', null],
  ],
  [['a'], ['a', 'a']],
])('%o is one line of the tree', (selected, range) => {
  expect(ends(...selected)).toEqual(range);
});

it('says why others are none', () => {
  expect(ends('a', 'c')).toContain('without a gap');
  expect(ends('c', null)).toContain('without a gap');
  expect(ends('b', 'c', 'x')).toContain('branches at “b”');
  expect(ends(null)).toContain('Select a snapshot as well');
});

it('finds the line between two, whichever is the older', () => {
  expect(pathBetween('a', 'd', tree, 'd')).toEqual(['d', 'c', 'b', 'a']);
  expect(pathBetween('d', 'b', tree, 'd')).toEqual(['d', 'c', 'b']);
  expect(pathBetween(null, 'c', tree, 'd')).toEqual([null, 'd', 'c']);
  expect(pathBetween('c', null, tree, 'd')).toEqual([null, 'd', 'c']);
  expect(pathBetween('x', 'd', tree, 'd')).toBeNull();
  expect(pathBetween('c', 'c', tree, 'd')).toEqual(['c']);
});

it('comes to an end where records name each other as parents', () => {
  const circle = [internal('a', 'b'), internal('b', 'a')];
  expect(pathBetween('a', 'z', circle, null)).toBeNull();
  expect(rangeOf(new Set(['a', 'b']), circle, null)).toHaveProperty('reason');
});
