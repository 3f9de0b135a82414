/** How wide lanes are drawn. Many lanes are drawn closer, so that names always have room. */
export interface LaneMetrics {
  readonly pitch: number;
}

const left = 16;
const widestPitch = 18;
const narrowestPitch = 1;
const roomForLanes = 180;

export function laneMetrics(laneCount: number): LaneMetrics {
  const fits = roomForLanes / Math.max(1, laneCount - 1);
  return { pitch: Math.min(widestPitch, Math.max(narrowestPitch, fits)) };
}

/** The middle of a lane, in pixels from the left of the row. Lanes beyond the room share its right edge. */
export function laneX(lane: number, { pitch }: LaneMetrics): number {
  return left + Math.min(lane * pitch, roomForLanes);
}
