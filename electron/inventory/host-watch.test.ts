import { describe, expect, it } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import { coalesceSeconds, fullReadSeconds, pollSeconds, watchHost, type HostWatchParts } from './host-watch.ts';
import type { WatchOptions } from '../hypervisors/driver.ts';

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A host that is watched, and the time, which passes when it is told to. */
function watched(changes: Partial<HostWatchParts> = {}) {
  let now = 1000;
  let timers: { at: number; call: () => void }[] = [];
  const polls: { vms: string[]; signal: AbortSignal; end: (error?: Error) => void }[] = [];
  const listens: { options: WatchOptions; fail: (error: Error) => void }[] = [];
  const watching: string[] = [];
  const reads: number[] = [];
  const stop = watchHost({
    clock: {
      now: () => now,
      random: () => 0.5,
      schedule(milliseconds, call) {
        const timer = { at: now + milliseconds / 1000, call };
        timers.push(timer);
        return () => (timers = timers.filter((each) => each !== timer));
      },
    },
    poll: (vms, signal) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error) => {
          if (error) reject(error);
          else resolve();
        };
        polls.push({ vms: [...vms], signal, end });
      }),
    readAll: () => {
      reads.push(now);
      return Promise.resolve();
    },
    readAllAt: () => reads.at(-1) ?? 1000,
    isBeingRead: () => false,
    listen: (options) =>
      new Promise((_resolve, reject) => {
        listens.push({ options, fail: reject });
      }),
    onWatching: (state) => watching.push(state),
    ...changes,
  });
  return {
    polls,
    listens,
    watching,
    reads,
    stop,
    timers: () => timers.length,
    pass: async (seconds: number) => {
      await settle();
      const end = now + seconds;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end + 1e-9).sort((a, b) => a.at - b.at);
        if (!next) break;
        now = next.at;
        timers = timers.filter((each) => each !== next);
        next.call();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

describe('a watched host', () => {
  it('is polled again and again, never while a poll is under way', async () => {
    const { polls, pass, watching } = watched();
    expect(watching).toEqual(['polling']);
    await pass(pollSeconds - 1);
    expect(polls).toHaveLength(0);
    await pass(1);
    expect(polls).toHaveLength(1);
    await pass(10 * pollSeconds);
    expect(polls).toHaveLength(1);
    polls[0]?.end();
    await pass(pollSeconds);
    expect(polls).toHaveLength(2);
    polls[1]?.end(new Error('failed'));
    await pass(pollSeconds);
    expect(polls).toHaveLength(3);
  });

  it('that never tells anything by itself is polled, and nothing else waits to be tried', async () => {
    const { polls, pass, watching, timers } = watched({ listen: null });
    await pass(pollSeconds - 1);
    expect(timers()).toBe(1);
    await pass(1);
    expect(polls).toHaveLength(1);
    polls[0]?.end();
    await pass(pollSeconds - 1);
    expect(timers()).toBe(1);
    expect(watching).toEqual(['polling']);
  });

  it('is polled at once when it tells that something happened, once for a burst', async () => {
    const { polls, pass, listens, watching } = watched();
    const options = listens[0]?.options;
    options?.onReady();
    expect(watching).toEqual(['polling', 'events']);
    await pass(coalesceSeconds);
    polls[0]?.end();
    await pass(pollSeconds - 1);
    expect(polls).toHaveLength(1);
    for (const name of ['a', 'b', 'a']) options?.onChange(name);
    await pass(coalesceSeconds);
    expect(polls.map(({ vms }) => vms)).toEqual([[], ['a', 'b']]);
    polls[1]?.end();
    // What is not told is looked for all the same.
    await pass(pollSeconds - 1);
    expect(polls).toHaveLength(2);
    await pass(1);
    expect(polls).toHaveLength(3);
  });

  it('is polled again for what happened during a poll, and tells again what a failed one was told', async () => {
    const { polls, pass, listens } = watched();
    await pass(pollSeconds);
    listens[0]?.options.onChange('a');
    await pass(1);
    expect(polls).toHaveLength(1);
    polls[0]?.end();
    await settle();
    await pass(1);
    expect(polls[1]?.vms).toEqual(['a']);
    polls[1]?.end(new Error('failed'));
    await pass(pollSeconds);
    expect(polls[2]?.vms).toEqual(['a']);
  });

  it('rests as long as it was asked where it tells all the time, and no longer than usual', async () => {
    const { polls, pass, listens } = watched();
    await pass(pollSeconds);
    for (const [lasts, rests] of [
      [8, 8],
      [3 * pollSeconds, pollSeconds],
    ] as const) {
      const count = polls.length;
      await pass(lasts);
      listens[0]?.options.onChange('a');
      polls.at(-1)?.end();
      await pass(1);
      listens[0]?.options.onChange('b');
      await pass(rests - 2);
      expect(polls).toHaveLength(count);
      await pass(1);
      expect(polls.slice(count).map(({ vms }) => vms)).toEqual([['a', 'b']]);
    }
  });

  it('is read whole now and then, for what polls cannot see', async () => {
    const { polls, pass, reads } = watched();
    for (let at = 0; at < fullReadSeconds; at += pollSeconds) {
      await pass(pollSeconds);
      polls.at(-1)?.end();
      await settle();
    }
    expect(reads).toEqual([1000 + fullReadSeconds]);
  });

  it('is not polled while somebody reads it whole', async () => {
    let isBeingRead = true;
    const { polls, pass, listens } = watched({ isBeingRead: () => isBeingRead });
    await pass(pollSeconds);
    expect(polls).toHaveLength(0);
    listens[0]?.options.onChange('a');
    await pass(coalesceSeconds);
    expect(polls).toHaveLength(0);
    isBeingRead = false;
    await pass(coalesceSeconds);
    expect(polls.map(({ vms }) => vms)).toEqual([['a']]);
  });

  it('is listened to again later where that ended, and not where there is no room for it', async () => {
    const { pass, listens, watching, polls } = watched();
    listens[0]?.options.onReady();
    listens[0]?.fail(new SnaptreeError('commandFailed', 'libvirt was restarted'));
    await settle();
    expect(watching).toEqual(['polling', 'events', 'polling']);
    await pass(coalesceSeconds);
    polls[0]?.end();
    await pass(30);
    expect(listens).toHaveLength(2);
    listens[1]?.fail(new SnaptreeError('channelRefused', 'no room'));
    await pass(10_000);
    expect(listens).toHaveLength(2);
  });

  it('is left alone when that is told: nothing runs, nothing is scheduled', async () => {
    const { pass, polls, listens, stop, timers, watching } = watched();
    await pass(pollSeconds);
    stop();
    expect(polls[0]?.signal.aborted).toBe(true);
    expect(listens[0]?.options.signal.aborted).toBe(true);
    polls[0]?.end(new Error('cancelled'));
    listens[0]?.options.onChange('late');
    listens[0]?.fail(new Error('late'));
    await settle();
    expect(timers()).toBe(0);
    expect(watching).toEqual(['polling', 'off']);
  });
});
