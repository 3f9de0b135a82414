import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPattern } from './name-pattern.ts';

test.each([
  ['nightly-1', 'nightly-?', true],
  ['nightly-12', 'nightly-?', false],
  ['nightly-12', 'nightly-*', true],
  ['a.nightly', 'nightly*', false],
  ['a+b (2) [x] {y} ^$|\\/', 'a+b (2) [x] {y} ^$|\\/', true],
  ['axb', 'a.b', false],
  ['two\nlines', 'two*', true],
  ['🙂', '?', true],
  ['Web', 'web', false],
  ['', '*', true],
])('%j and %j', (name, pattern, expected) => {
  expect(matchesPattern(name, pattern)).toBe(expected);
});

test('every name is of itself as a pattern', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      expect(matchesPattern(name, name)).toBe(true);
      expect(matchesPattern(`x${name}`, `?${name}`)).toBe(true);
    }),
  );
});
