import { expect, it } from 'vitest';
import { readableBytes } from './units.ts';

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
