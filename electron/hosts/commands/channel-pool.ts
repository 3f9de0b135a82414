/**
 * How many commands run at once on one connection. OpenSSH allows 10 sessions by default (MaxSessions); the eleventh is
 * refused with reason 2. So at most 8, what a user waits for before what is polled, and half as many after a refusal.
 */
import { SnaptreeError } from '../../../shared/errors.ts';
import { joinSignals, whenAborted } from '../../base/abort.ts';

export type Priority = 'user' | 'poll';

export interface ChannelPool {
  /**
   * Runs `task` when there is room. A task that throws `channelRefused` with reason 2 did not start: it is run again when another
   * one ended, and fails with that error only where it was refused while alone.
   */
  run<T>(
    task: () => Promise<T>,
    options: { priority: Priority; signal?: AbortSignal; cancelled: () => Error },
  ): Promise<T>;
  /**
   * Runs a task that goes on until its signal aborts, on a channel of its own. Fails with `refused()` where there are too
   * few for that, and when that turns out later: what ends by itself goes before it, so it is told to stop.
   */
  follow<T>(
    task: (signal: AbortSignal) => Promise<T>,
    options: { signal: AbortSignal; cancelled: () => Error; refused: () => Error },
  ): Promise<T>;
  /** How many tasks may run at once now. */
  readonly limit: number;
}

/** So many channels must be left for a task that goes on to have one: for a click, and for a poll with its images. */
const smallestRoom = 4;

/** So long after such a task ended a refusal may still be because of it. */
const afterFollowerMs = 1000;
const againMs = 50;

interface Waiting {
  readonly start: () => void;
}

/** RFC 4254, 5.1: reason 2 is "connect failed", sshd's answer when MaxSessions is reached. Others are for good. */
function isForNow(error: unknown): boolean {
  return SnaptreeError.is(error, 'channelRefused') && error.data['reason'] === '2';
}

export function createChannelPool(maximum = 8): ChannelPool {
  let limit = maximum;
  let running = 0;
  let runningPolls = 0;
  /** Tasks that go on; each takes a channel. */
  const followers = new Set<{ readonly wish: AbortSignal; readonly controller: AbortController }>();
  let followerEndedAt = Number.NEGATIVE_INFINITY;
  /** There is no room for them on this connection. */
  let noFollowers = false;
  const queues: Record<Priority, Waiting[]> = { user: [], poll: [] };

  function takeNext(): Waiting | undefined {
    const room = limit - followers.size;
    // One that was told to stop still has its channel.
    if (running >= room || [...followers].some(({ wish, controller }) => wish.aborted || controller.signal.aborted))
      return undefined;
    const user = queues.user.shift();
    if (user !== undefined) return user;
    // One place stays free of polls, so that a click never waits for the end of a slow one.
    return room === 1 || runningPolls < room - 1 ? queues.poll.shift() : undefined;
  }

  function startNext(): void {
    for (let next = takeNext(); next !== undefined; next = takeNext()) next.start();
  }

  return {
    get limit() {
      return limit;
    },
    async follow(task, { signal, cancelled, refused }) {
      if (signal.aborted) throw cancelled();
      if (noFollowers || limit - followers.size < smallestRoom) throw refused();
      const controller = new AbortController();
      const follower = { wish: signal, controller };
      followers.add(follower);
      try {
        return await task(joinSignals([signal, controller.signal]));
      } catch (error) {
        if (isForNow(error)) noFollowers = true;
        if (controller.signal.aborted) throw refused();
        throw error;
      } finally {
        followers.delete(follower);
        followerEndedAt = performance.now();
        startNext();
      }
    },
    run: (task, { priority, signal, cancelled }) =>
      new Promise((resolve, reject) => {
        const queue = queues[priority];
        const begin = async (): Promise<void> => {
          const limitAtStart = limit;
          try {
            resolve(await task());
          } catch (error) {
            // `running` still counts this one.
            const isAlone = running <= 1 && followers.size === 0;
            if (isForNow(error) && isAlone && performance.now() - followerEndedAt < afterFollowerMs) {
              // sshd counts a session a moment longer than it answers for it.
              setTimeout(() => {
                wait('front');
                startNext();
              }, againMs);
              return;
            }
            if (!isForNow(error) || isAlone || signal?.aborted === true) {
              reject(error instanceof Error ? error : new Error(String(error)));
              return;
            }
            // Measured from the limit under which it was started: eight refusals of one burst halve once.
            limit = Math.max(1, Math.min(limit, Math.floor(limitAtStart / 2)));
            if (followers.size > 0) noFollowers = true;
            for (const { controller } of followers) controller.abort();
            wait('front');
          }
        };
        const wait = (where: 'front' | 'back') => {
          const entry: Waiting = {
            start: () => {
              stopListening();
              running += 1;
              if (priority === 'poll') runningPolls += 1;
              void begin().finally(() => {
                running -= 1;
                if (priority === 'poll') runningPolls -= 1;
                startNext();
              });
            },
          };
          if (signal?.aborted === true) {
            reject(cancelled());
            return;
          }
          if (where === 'front') queue.unshift(entry);
          else queue.push(entry);
          const stopListening = whenAborted(signal, () => {
            queue.splice(queue.indexOf(entry), 1);
            reject(cancelled());
          });
        };
        wait('back');
        startNext();
      }),
  };
}
