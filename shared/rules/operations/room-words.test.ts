import { expect, it } from 'vitest';
import type { PlanRoom } from '../../model/plan.ts';
import { allRooms, freeWords, neededWords, roomFit } from './room-words.ts';

const GiB = 1024 ** 3;
const room = (parts: Partial<PlanRoom> = {}): PlanRoom => ({
  folders: ['/srv'],
  likelyBytes: GiB,
  atMostBytes: 2 * GiB,
  guestBytes: 0,
  freeBytes: 3 * GiB,
  ...parts,
});

it.each([
  [{}, 'fits'],
  [{ freeBytes: 2 * GiB }, 'fits'],
  [{ freeBytes: 2 * GiB - 1 }, 'mayNotFit'],
  [{ freeBytes: GiB - 1 }, 'tooLittle'],
  [{ guestBytes: 2 * GiB }, 'guestMayFill'],
  [{ likelyBytes: null, freeBytes: GiB }, 'mayNotFit'],
  [{ atMostBytes: null }, 'notKnown'],
  [{ freeBytes: null }, 'notKnown'],
  [{ likelyBytes: 0, atMostBytes: 0, freeBytes: 0 }, 'fits'],
])('%j: %s', (parts, fit) => {
  expect(roomFit(room(parts))).toBe(fit);
});

it.each([
  [{}, 'likely 1 GiB, at most 2 GiB needed'],
  [{ likelyBytes: 2 * GiB - 1 }, 'at most 2 GiB needed'],
  [{ likelyBytes: null }, 'at most 2 GiB needed'],
  [{ atMostBytes: null }, 'likely 1 GiB needed'],
  [{ likelyBytes: null, atMostBytes: null }, 'how much is needed is not known'],
  [{ likelyBytes: 0, atMostBytes: 0 }, 'none needed'],
  [{ guestBytes: GiB }, 'likely 1 GiB, at most 2 GiB needed, and up to 1 GiB more as the guest writes'],
  [
    { likelyBytes: 0, atMostBytes: 0, guestBytes: null },
    'none needed, and nobody knows how much more as the guest writes',
  ],
])('%j is: %s', (parts, words) => {
  expect(neededWords(room(parts))).toBe(words);
});

it('says what is free, and where that was not read', () => {
  expect(freeWords(room())).toBe('3 GiB free');
  expect(freeWords(room({ freeBytes: null }))).toBe('what is free could not be read');
});

it('knows no sum of which a part is not known', () => {
  expect(allRooms([room(), room({ likelyBytes: null })])).toEqual({
    likelyBytes: null,
    atMostBytes: 4 * GiB,
    guestBytes: 0,
  });
});
