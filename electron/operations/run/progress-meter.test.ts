import { expect, it } from 'vitest';
import { createProgressMeter } from './progress-meter.ts';

it('knows no rate from one report, and from two what is left at it', () => {
  const meter = createProgressMeter();
  expect(meter.add({ doneBytes: 100, totalBytes: 1000 }, 10)).toEqual({
    doneBytes: 100,
    totalBytes: 1000,
    bytesPerSecond: null,
    secondsLeft: null,
  });
  expect(meter.add({ doneBytes: 300, totalBytes: 1000 }, 14)).toMatchObject({ bytesPerSecond: 50, secondsLeft: 14 });
});

it('tells the rate of the last while, not of the whole time', () => {
  const meter = createProgressMeter();
  for (let at = 0; at <= 100; at += 4) meter.add({ doneBytes: at * 1000, totalBytes: 1e6 }, at);
  for (let at = 104; at <= 140; at += 4) meter.add({ doneBytes: 100_000 + (at - 100) * 10, totalBytes: 1e6 }, at);
  expect(meter.add({ doneBytes: 100_440, totalBytes: 1e6 }, 144).bytesPerSecond).toBe(10);
});

it('says of one that stands still that it does, and not when it ends', () => {
  const meter = createProgressMeter();
  for (const at of [0, 20, 40, 60]) meter.add({ doneBytes: 5, totalBytes: 10 }, at);
  expect(meter.add({ doneBytes: 5, totalBytes: 10 }, 80)).toMatchObject({ bytesPerSecond: 0, secondsLeft: null });
});

it('begins anew where less is done than before, and where the clock was set back', () => {
  const meter = createProgressMeter();
  meter.add({ doneBytes: 500, totalBytes: 1000 }, 10);
  expect(meter.add({ doneBytes: 10, totalBytes: 1000 }, 12).bytesPerSecond).toBeNull();
  expect(meter.add({ doneBytes: 20, totalBytes: 1000 }, 2).bytesPerSecond).toBeNull();
  expect(meter.add({ doneBytes: 30, totalBytes: 1000 }, 3).bytesPerSecond).toBe(10);
});

it('has nothing left where all is done, also where the total grew less than what was done', () => {
  const meter = createProgressMeter();
  meter.add({ doneBytes: 900, totalBytes: 1000 }, 1);
  expect(meter.add({ doneBytes: 1100, totalBytes: 1000 }, 2)).toMatchObject({ secondsLeft: 0 });
});
