/** Which element shows which row while rows come and go. To fill one anew costs half of what a new one does. */
export interface RowSlots {
  /**
   * The slots of the rows that are to be drawn now, by their keys and in their order; an element is keyed by its slot. A
   * row that was drawn keeps its slot, and a new one takes that of a row that went, unless the element would have to change
   * its place among the others: moving one costs as much as making one.
   */
  assign(keys: readonly string[]): readonly number[];
  /** Tells which row has the focus: where that row goes its element goes with it, and carries the focus to no other row. */
  holdFocused(key: string): void;
}

/** The slots of a list of which nothing is drawn yet. */
export function createRowSlots(): RowSlots {
  let drawn: readonly { readonly key: string; readonly slot: number }[] = [];
  let focused: string | null = null;
  let slotCount = 0;
  const newSlot = () => (slotCount += 1);
  return {
    assign(keys) {
      const wanted = new Set(keys);
      const places = new Map(drawn.map(({ key }, place) => [key, place]));
      // Elements before this place stand before the row that is next.
      let next = 0;
      const slotOf = (key: string): number => {
        const place = places.get(key) ?? -1;
        const kept = drawn[place];
        if (kept) {
          next = Math.max(next, place + 1);
          return kept.slot;
        }
        if (drawn[next]?.key === focused && !wanted.has(focused)) next += 1;
        const gone = drawn[next];
        if (!gone || wanted.has(gone.key)) return newSlot();
        next += 1;
        return gone.slot;
      };
      drawn = keys.map((key) => ({ key, slot: slotOf(key) }));
      return drawn.map(({ slot }) => slot);
    },
    holdFocused(key) {
      focused = key;
    },
  };
}
