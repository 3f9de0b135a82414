/** How wide lanes are drawn. Many lanes are drawn closer, so that names always have room. */
import { passingLanes, type PassingLanes } from './layout.ts';

export interface LaneMetrics {
  readonly pitch: number;
}

const left = 16;
const widestPitch = 18;
const narrowestPitch = 1;
const roomForLanes = 126;

export function laneMetrics(laneCount: number): LaneMetrics {
  const fits = roomForLanes / Math.max(1, laneCount - 1);
  return { pitch: Math.min(widestPitch, Math.max(narrowestPitch, fits)) };
}

/** The middle of a lane, in pixels from the left of the row. Lanes beyond the room share its right edge. */
export function laneX(lane: number, { pitch }: LaneMetrics): number {
  return left + Math.min(lane * pitch, roomForLanes);
}

/** Where lines pass a row, each place once however many lanes share it: a row never draws more than its room has pixels. */
export function passingLines(
  passing: PassingLanes | null,
  metrics: LaneMetrics,
): readonly { readonly x: number; readonly onPath: boolean }[] {
  const lines = new Map<number, boolean>();
  for (const { lane, onPath } of passingLanes(passing)) {
    const x = laneX(lane, metrics);
    lines.set(x, onPath || (lines.get(x) ?? false));
  }
  return [...lines].map(([x, onPath]) => ({ x, onPath }));
}
