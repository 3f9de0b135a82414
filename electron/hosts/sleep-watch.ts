/** Notices that the computer slept, where nobody tells: the time of day went on while the process did not. */

/** Time, so that tests need not wait. */
export interface Ticks {
  /** The time of day, in milliseconds. */
  now(): number;
  /** Calls again and again after so many milliseconds of being awake; gives a function that ends that. */
  every(milliseconds: number, call: () => void): () => void;
}

export const systemTicks: Ticks = {
  now: () => Date.now(),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    // Watching is no reason to stay alive.
    timer.unref();
    return () => {
      clearInterval(timer);
    };
  },
};

const tickMs = 5000;
/** A busy process may be late by so much without having slept. */
const toleranceMs = 10_000;

/**
 * Calls `onWake` after the computer slept, or after its clock was set forward, which cannot be told apart and does no harm:
 * what listens only looks whether its connections still live. Gives a function that ends watching.
 */
export function watchForSleep(ticks: Ticks, onWake: () => void): () => void {
  let last = ticks.now();
  return ticks.every(tickMs, () => {
    const now = ticks.now();
    const slept = now - last > tickMs + toleranceMs;
    last = now;
    if (slept) onWake();
  });
}
