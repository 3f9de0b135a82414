/**
 * Descriptors that are kept open for nothing, to be given up when a file of the store has to be written and the process
 * has none left: an operation that cannot be written down is worse than any connection that cannot be made.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/** What writing a journal takes: the file, its folder, and some for what is done meanwhile. */
const most = 8;

const spare: number[] = [];

/** Takes as many as can be had, up to the number above. */
export function keepSpareDescriptors(): void {
  try {
    while (spare.length < most) spare.push(openSync(devNull, 'r'));
  } catch {
    // There are none left now; the next call gets them.
  }
}

/**
 * Runs `action`, and where it fails for want of a descriptor gives up the spare ones and runs it once more. It must do
 * nothing before it has opened what it needs.
 */
export async function withSpareDescriptors<Value>(action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    if (!isForWantOfDescriptors(error) || spare.length === 0) throw error;
    for (const descriptor of spare.splice(0)) closeSync(descriptor);
    try {
      return await action();
    } finally {
      keepSpareDescriptors();
    }
  }
}

function isForWantOfDescriptors(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}
