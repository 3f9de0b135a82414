/** Lets large events go to a renderer only as fast as it deals with them. */

export interface Pacing {
  /**
   * Calls `turn` when nothing of subscription `id` is on its way and there is room: at once where that is so. `turn` says
   * whether it sent something. One that waits already is replaced and keeps its place.
   */
  wait(id: number, turn: () => boolean): void;
  /** The renderer has dealt with an event of this subscription. One that was not paced is no matter. */
  received(id: number): void;
  /** Forgets a subscription. */
  ended(id: number): void;
}

/** @param most how many paced events may be on their way, of all subscriptions together */
export function createPacing(most: number): Pacing {
  const onTheWay = new Set<number>();
  /** In the order in which they came. */
  const waiting = new Map<number, () => boolean>();
  let isPassing = false;

  function pass(): void {
    // A turn may ask for another one.
    if (isPassing) return;
    isPassing = true;
    try {
      for (const [id, turn] of waiting) {
        if (onTheWay.size >= most) break;
        if (onTheWay.has(id)) continue;
        waiting.delete(id);
        if (turn()) onTheWay.add(id);
      }
    } finally {
      isPassing = false;
    }
  }

  return {
    wait(id, turn) {
      waiting.set(id, turn);
      pass();
    },
    received(id) {
      if (onTheWay.delete(id)) pass();
    },
    ended(id) {
      waiting.delete(id);
      if (onTheWay.delete(id)) pass();
    },
  };
}
