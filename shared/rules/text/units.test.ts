import { expect, it } from 'vitest';
import { readableBytes, readableDuration } from './units.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [196_624, '192 KiB'],
  [1024 ** 3, '1 GiB'],
  [1024 ** 6, '1024 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(readableBytes(bytes)).toBe(text);
});

it.each([
  [-1, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [125, '2 min 05 s'],
  [3599.6, '1 h 00 min'],
  [90_061, '25 h 01 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(readableDuration(seconds)).toBe(text);
});
