/** How far a copying job gets beside a guest that writes to what it copies. */

/** What is copied and what is left, in bytes, at a time. */
export interface CopyState {
  readonly copied: number;
  /** Left of what nobody writes to meanwhile. It is copied first. */
  readonly settled: number;
  /** Left of what the guest writes again and again, which is to be copied anew each time. */
  readonly dirty: number;
  /** Whether nothing was left at any time. */
  readonly wasEmptied: boolean;
  /** Epoch seconds. */
  readonly at: number;
}

export interface Flow {
  /** Infinite: at once. */
  readonly copiedPerSecond: number;
  readonly writtenPerSecond: number;
  /** How much of the disk the guest writes to: more cannot be dirty. */
  readonly writtenBytes: number;
}

/** The state at another time, where nothing of the flow changed meanwhile. */
export function advance(state: CopyState, now: number, flow: Flow): CopyState {
  const { copiedPerSecond: out, writtenPerSecond: into } = flow;
  const seconds = Math.max(0, now - state.at);
  if (out === Infinity) {
    const copied = state.copied + state.settled + state.dirty;
    return { copied, settled: 0, dirty: 0, wasEmptied: true, at: now };
  }
  const most = Math.max(state.dirty, flow.writtenBytes);
  const first = Math.min(seconds, state.settled / out);
  const isSettled = seconds >= state.settled / out;
  const dirty = Math.min(most, state.dirty + into * first);
  if (!isSettled) {
    return { ...state, copied: state.copied + out * first, settled: state.settled - out * first, dirty, at: now };
  }
  const rest = seconds - first;
  const untilEmpty = into < out ? dirty / (out - into) : Infinity;
  const beforeEmpty = Math.min(rest, untilEmpty);
  return {
    copied: state.copied + state.settled + out * beforeEmpty + into * (rest - beforeEmpty),
    settled: 0,
    dirty: rest >= untilEmpty ? 0 : Math.min(most, dirty + (into - out) * rest),
    wasEmptied: state.wasEmptied || rest >= untilEmpty,
    at: now,
  };
}

export const leftBytes = ({ settled, dirty }: CopyState): number => settled + dirty;
