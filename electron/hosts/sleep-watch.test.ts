import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchForSleep } from './sleep-watch.ts';

/** Lets a watch tick, so many milliseconds of the time of day after the tick before. Gives when it called. */
function run(gaps: readonly number[]): number[] {
  let now = 1_000_000;
  let tick: () => void = () => undefined;
  const woken: number[] = [];
  let index = 0;
  watchForSleep(
    {
      now: () => now,
      every: (milliseconds, call) => {
        expect(milliseconds).toBe(5000);
        tick = call;
        return () => undefined;
      },
    },
    () => {
      woken.push(index);
    },
  );
  for (index = 0; index < gaps.length; index += 1) {
    now += gaps[index] ?? 0;
    tick();
  }
  return woken;
}

describe('the watch for sleep', () => {
  it('tells once of each jump of the clock, and of no busy moment', () => {
    expect(run([5000, 5001, 9000, 14_000])).toEqual([]);
    expect(run([5000, 3_600_000, 5000, 5000, 20_000])).toEqual([1, 4]);
    // Set back: no sleep.
    expect(run([5000, -3_600_000, 5000])).toEqual([]);
  });

  it('tells of every sleep of more than ten seconds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(10_000), fc.integer({ min: 10_001, max: 10 ** 9 }))),
        (each) => {
          const gaps = each.map(([sleeps, late, long]) => 5000 + (sleeps ? long : late));
          expect(run(gaps)).toEqual(each.flatMap(([sleeps], index) => (sleeps ? [index] : [])));
        },
      ),
    );
  });
});
