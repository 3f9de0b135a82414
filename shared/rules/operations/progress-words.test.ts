import { expect, it } from 'vitest';
import type { StepControl } from '../../model/operation.ts';
import { progressWords } from './progress-words.ts';

const progress = {
  operationId: '00000000-0000-4000-8000-000000000000',
  index: 0,
  doneBytes: 1.5 * 1024 ** 3,
  totalBytes: 2 * 1024 ** 3,
};

it.each([
  [null, null, '1.5 GiB of 2 GiB'],
  [0, null, '1.5 GiB of 2 GiB, 0 B/s'],
  [100.4 * 1024 ** 2, 5.1, '1.5 GiB of 2 GiB, 100 MiB/s, about 5 s left'],
  [1, 0, '1.5 GiB of 2 GiB, 1 B/s'],
])('a rate of %s with %s seconds left', (bytesPerSecond, secondsLeft, text) => {
  expect(progressWords({ ...progress, bytesPerSecond, secondsLeft })).toBe(text);
});

const unlimited: StepControl = {
  can: ['limit', 'pause', 'pauseGuest'],
  bytesPerSecond: null,
  isPaused: false,
  fallsBehind: false,
  guestPausedUntil: null,
};

it.each<[Partial<StepControl>, string]>([
  [{}, ''],
  [{ bytesPerSecond: 1024 ** 2 }, ', limited to 1 MiB/s'],
  [{ isPaused: true }, ', paused'],
  [{ fallsBehind: true, guestPausedUntil: 1 }, ', cannot catch up with what the guest writes, the guest is paused'],
])('says how it was told to go on: %o', (control, text) => {
  const told = { ...progress, bytesPerSecond: null, secondsLeft: null, control: { ...unlimited, ...control } };
  expect(progressWords(told)).toBe(`1.5 GiB of 2 GiB${text}`);
});
