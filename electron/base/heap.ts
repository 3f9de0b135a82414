/** How much memory V8 may take beyond what is alive. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From so many bytes alive and garbage on, memory counts for more than time. */
const largeHeap = 256 * 1024 * 1024;
/** Garbage that V8 may leave lying before it looks for some, as a share of what is alive; by itself it takes up to three times as much. */
const garbagePercent = 20;

let isBounded = false;

/**
 * From now on lets this process’s heap have little garbage, if it is large. To be called when much was added to it. V8 asks
 * for this setting at the end of each collection, so that it can be made while it runs (as of V8 13.6, and of Electron, which
 * does not freeze V8's settings either).
 */
export function boundHeap(): void {
  if (isBounded || getHeapStatistics().used_heap_size < largeHeap) return;
  isBounded = true;
  setFlagsFromString(`--heap-growing-percent=${garbagePercent}`);
}
