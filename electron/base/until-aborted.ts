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
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
