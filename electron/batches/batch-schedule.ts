/** Which changes of a batch may be begun now. Pure. */
import type { BatchItem } from '../../shared/model/batch.ts';

/** Changes of one host that run at the same time, at most: each reads the host and its disks. */
const mostOfHost = 2;

export type Scheduled = Pick<BatchItem, 'index' | 'hostId' | 'after' | 'state'> & {
  /** The file systems that it fills: of each of these, one at a time. */
  readonly fills: readonly string[];
};

/**
 * Those that may be begun beside what runs, in order: the one before on the VM is done, the host has a place free, and nothing else
 * fills the same file system.
 *
 * @param isReachable whether anything can be begun on the host now
 */
export function mayBegin(items: readonly Scheduled[], isReachable: (hostId: string) => boolean): readonly Scheduled[] {
  const running = items.filter(({ state }) => state === 'running');
  const begun: Scheduled[] = [];
  for (const item of items) {
    if (item.state !== 'waiting' || !isReachable(item.hostId)) continue;
    if (item.after !== null && items[item.after]?.state !== 'succeeded') continue;
    const beside = [...running, ...begun];
    if (beside.filter(({ hostId }) => hostId === item.hostId).length >= mostOfHost) continue;
    if (beside.some(({ fills }) => fills.some((each) => item.fills.includes(each)))) continue;
    begun.push(item);
  }
  return begun;
}
