/** Watches one connected host: polls it now and then, listens to what it tells by itself, and polls at once when it does. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { InventoryState } from '../../shared/contract.ts';
import type { Clock } from '../hosts/session.ts';
import type { WatchOptions } from '../hypervisors/driver.ts';

/**
 * Between the end of one poll and the next. No slower where the host tells by itself what happens: libvirt sends no event
 * for the snapshot of a VM that is shut off.
 */
export const pollSeconds = 30;
/** After so long everything is read again, for what polls cannot see. */
export const fullReadSeconds = 600;
/**
 * Events come in bursts: a start is three, a commit four. Where they keep coming, a host also rests as long as it was last asked, or one
 * that is slow to answer would be asked all the time.
 */
export const coalesceSeconds = 0.3;
const firstRetrySeconds = 30;
const longestRetrySeconds = 600;
/** A poll is so much of its interval early or late, so that hosts are not all asked at the same moment. */
const jitter = 0.2;

export interface HostWatchParts {
  readonly clock: Clock;
  /** Looks for changes. `changedVms`: names of VMs that are known to have changed. Rejections are the caller's to show. */
  readonly poll: (changedVms: ReadonlySet<string>, signal: AbortSignal) => Promise<void>;
  /** Reads everything, as a poll does: in the background. */
  readonly readAll: (signal: AbortSignal) => Promise<void>;
  /** When everything was read last, in seconds since 1970; null where it never was. */
  readonly readAllAt: () => number | null;
  /** Whether somebody else is reading everything now, so that there is no need to. */
  readonly isBeingRead: () => boolean;
  /** See `HypervisorDriver.watch`; null where the host never tells anything by itself. */
  readonly listen: ((options: WatchOptions) => Promise<void>) | null;
  readonly onWatching: (watching: InventoryState['watching']) => void;
}

/** Begins to watch. Gives the function that ends it: after it nothing is called any more. */
export function watchHost(parts: HostWatchParts): () => void {
  const { clock, onWatching } = parts;
  const controller = new AbortController();
  const { signal } = controller;
  const changedVms = new Set<string>();
  let hasEvents = false;
  let isPolling = false;
  /** Something happened while a poll was under way. */
  let again = false;
  /** See `coalesceSeconds`. */
  let restUntil = 0;
  let next: { at: number; cancel: () => void } | null = null;
  let cancelRetry: () => void = () => undefined;

  function schedulePoll(seconds: number): void {
    const at = clock.now() + seconds;
    if (isPolling || signal.aborted || (next !== null && next.at <= at)) return;
    next?.cancel();
    const cancel = clock.schedule(seconds * 1000, () => {
      next = null;
      void poll();
    });
    next = { at, cancel };
  }

  function scheduleUsualPoll(): void {
    schedulePoll(pollSeconds * (1 - jitter / 2 + jitter * clock.random()));
  }

  async function poll(): Promise<void> {
    const names = new Set(changedVms);
    changedVms.clear();
    isPolling = true;
    again = false;
    const began = clock.now();
    try {
      const readAllAt = parts.readAllAt();
      // Whoever reads everything now may have begun before what was told happened.
      if (parts.isBeingRead()) {
        for (const name of names) changedVms.add(name);
        again = names.size > 0;
      } else if (readAllAt === null || clock.now() - readAllAt >= fullReadSeconds) await parts.readAll(signal);
      else await parts.poll(names, signal);
    } catch {
      // Shown by whoever reads. What was told is not forgotten.
      for (const name of names) changedVms.add(name);
    } finally {
      isPolling = false;
      const ended = clock.now();
      restUntil = ended + Math.min(pollSeconds, ended - began);
      if (again) schedulePollSoon();
      else scheduleUsualPoll();
    }
  }

  function schedulePollSoon(): void {
    schedulePoll(Math.max(coalesceSeconds, restUntil - clock.now()));
  }

  function somethingHappened(): void {
    again = true;
    schedulePollSoon();
  }

  async function listen(listenTo: NonNullable<HostWatchParts['listen']>, attempt: number): Promise<void> {
    try {
      await listenTo({
        signal,
        onReady() {
          if (signal.aborted) return;
          hasEvents = true;
          onWatching('events');
          // What happened before this was not told.
          somethingHappened();
        },
        onChange(vmName) {
          if (signal.aborted) return;
          changedVms.add(vmName);
          somethingHappened();
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      const wasListening = hasEvents;
      hasEvents = false;
      onWatching('polling');
      scheduleUsualPoll();
      // No room for it on this connection, for good.
      if (SnaptreeError.is(error, 'channelRefused') || SnaptreeError.is(error, 'commandNotFound')) return;
      const number = wasListening ? 0 : attempt + 1;
      const wait = Math.min(longestRetrySeconds, firstRetrySeconds * 2 ** number);
      cancelRetry = clock.schedule(wait * 1000, () => {
        void listen(listenTo, number);
      });
    }
  }

  onWatching('polling');
  scheduleUsualPoll();
  if (parts.listen) void listen(parts.listen, 0);
  return () => {
    controller.abort();
    next?.cancel();
    next = null;
    cancelRetry();
    onWatching('off');
  };
}
