import { describe, expect, it } from 'vitest';
import { laneMetrics, laneX, passingLines } from './lane-metrics.ts';
import type { PassingLanes } from './layout.ts';

describe('lanes', () => {
  it('are wide where there are few, and closer where there are many, but always within their room', () => {
    expect(laneMetrics(1).pitch).toBe(18);
    expect(laneMetrics(40).pitch).toBeLessThan(4);
    const widest = laneX(9999, laneMetrics(10_000));
    expect(widest).toBe(laneX(7, laneMetrics(8)));
  });

  it('that share a place are drawn once, and as the way to "you are here" if one of them is', () => {
    let passing: PassingLanes | null = null;
    for (let lane = 0; lane < 5000; lane += 1) passing = { lane, onPath: lane === 4000, next: passing };
    const lines = passingLines(passing, laneMetrics(5000));
    expect(lines.length).toBeLessThan(200);
    expect(lines.filter((line) => line.onPath).map((line) => line.x)).toEqual([laneX(4000, laneMetrics(5000))]);
  });
});
