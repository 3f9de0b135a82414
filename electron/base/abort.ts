/** What is done when a signal aborts. All of `electron` joins signals and listens to them through here: lint sees to it. */

/** A joined signal → its sources: they live as long as it does. */
const sourcesOf = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * A signal that aborts with the first of `signals`, or has where one of them has. Node's own holds its sources weakly while nobody
 * listens to it: an abort is lost whose source is collected before it is asked for (nodejs/node#65995, seen with 24.21).
 */
export function joinSignals(signals: readonly AbortSignal[]): AbortSignal {
  const joined = AbortSignal.any([...signals]);
  sourcesOf.set(joined, signals);
  return joined;
}

/**
 * Calls `act` once when `signal` aborts, and also where it has already, which a listener alone never hears of: then soon, never before
 * this has returned. Without a signal, never.
 *
 * @returns stops listening
 */
export function whenAborted(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return () => undefined;
  let isListening = true;
  const listener = () => {
    if (isListening) act();
    isListening = false;
  };
  if (signal.aborted) queueMicrotask(listener);
  else signal.addEventListener('abort', listener, { once: true });
  return () => {
    isListening = false;
    signal.removeEventListener('abort', listener);
  };
}

/**
 * Waits for what cannot be told to give up: gives what `promise` gives, or rejects with `cancelled()` as soon as `signal`
 * aborts. The promise itself goes on, and what it rejects with then is nobody's.
 */
export async function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  cancelled: () => Error,
): Promise<Value> {
  promise.catch(() => undefined);
  if (signal.aborted) throw cancelled();
  let stopListening: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stopListening = whenAborted(signal, () => {
      reject(cancelled());
    });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopListening();
  }
}
