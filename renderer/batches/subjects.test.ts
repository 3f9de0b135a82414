import { describe, expect, test } from 'vitest';
import { ageLimit } from './subjects.ts';

const now = new Date('2026-11-20T12:00:00').getTime() / 1000;
const day = 86_400;

describe('older than', () => {
  test.each([
    ['', null],
    ['30', now - 30 * day],
    ['30d', now - 30 * day],
    [' 6w ', now - 42 * day],
    ['12 h', now - day / 2],
    ['2026-11-20', now - day / 2],
  ])('“%s”', (typed, before) => {
    expect(ageLimit(typed, now)).toEqual({ before });
  });

  test.each(['soon', '30m', '-3', '2026-02-31', '2026-13-01', '1.5d'])('“%s” is no age', (typed) => {
    expect(ageLimit(typed, now)).toHaveProperty('problem');
  });
});
