/** A list of functions to call when something happens. */
export interface Listeners<Arguments extends readonly unknown[]> {
  /** Adds a listener; gives a function that takes it off again. */
  add(listener: (...values: Arguments) => void): () => void;
  /** Calls every listener that is on the list now. */
  call(...values: Arguments): void;
}

export function createListeners<Arguments extends readonly unknown[]>(): Listeners<Arguments> {
  // Wrapped, so that a function added twice is called twice and taken off once.
  const entries = new Set<{ listener: (...values: Arguments) => void }>();
  return {
    add(listener) {
      const entry = { listener };
      entries.add(entry);
      return () => {
        entries.delete(entry);
      };
    },
    call(...values) {
      for (const { listener } of [...entries]) listener(...values);
    },
  };
}
