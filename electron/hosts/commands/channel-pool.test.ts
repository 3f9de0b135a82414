import { describe, expect, it } from 'vitest';
import { createChannelPool } from './channel-pool.ts';
import type { ChannelPool, Priority } from './channel-pool.ts';
import { channelRefused } from './transport-errors.ts';

const cancelled = () => new Error('cancelled');

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Tasks that note when they start and end when told to. */
function tasks(pool: ChannelPool) {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    run: (name: string, priority: Priority = 'user', signal?: AbortSignal) => {
      const task = () => {
        started.push(name);
        return new Promise<string>((resolve) =>
          ends.set(name, () => {
            resolve(name);
          }),
        );
      };
      return pool.run(task, signal === undefined ? { priority, cancelled } : { priority, cancelled, signal });
    },
    end: async (name: string) => {
      ends.get(name)?.();
      await settle();
    },
  };
}

describe('a channel pool', () => {
  it('runs so many at once, the others in their order', async () => {
    const { run, end, started } = tasks(createChannelPool(2));
    const all = ['a', 'b', 'c', 'd'].map((name) => run(name));
    await settle();
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    await end('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets what a user waits for go first, and keeps a place free of polls', async () => {
    const { run, end, started } = tasks(createChannelPool(3));
    for (const name of ['p1', 'p2', 'p3']) void run(name, 'poll');
    await settle();
    expect(started).toEqual(['p1', 'p2']);
    void run('u1');
    void run('u2');
    await settle();
    expect(started).toEqual(['p1', 'p2', 'u1']);
    await end('p1');
    expect(started).toEqual(['p1', 'p2', 'u1', 'u2']);
    await end('u1');
    expect(started.at(-1)).toBe('p3');
  });

  it('stays below the ten sessions that OpenSSH allows, unless told otherwise', () => {
    expect(createChannelPool().limit).toBe(8);
  });

  it('runs polls one by one where there is room for one only', async () => {
    const { run, end, started } = tasks(createChannelPool(1));
    void run('p1', 'poll');
    void run('p2', 'poll');
    await settle();
    expect(started).toEqual(['p1']);
    await end('p1');
    expect(started).toEqual(['p1', 'p2']);
  });

  it('forgets what is cancelled while it waits', async () => {
    const { run, end, started } = tasks(createChannelPool(1));
    const controller = new AbortController();
    void run('a');
    const waiting = run('b', 'user', controller.signal);
    const last = run('c');
    controller.abort();
    await expect(waiting).rejects.toThrow('cancelled');
    await expect(run('d', 'user', controller.signal)).rejects.toThrow('cancelled');
    await end('a');
    await end('c');
    await last;
    expect(started).toEqual(['a', 'c']);
  });

  it('gives back what a task throws, and goes on', async () => {
    const pool = createChannelPool(1);
    const failing = pool.run(() => Promise.reject(new Error('broken')), { priority: 'user', cancelled });
    await expect(failing).rejects.toThrow('broken');
    expect(await pool.run(() => Promise.resolve(1), { priority: 'user', cancelled })).toBe(1);
  });

  it('halves itself once after a burst of refusals, and runs what was refused again', async () => {
    const pool = createChannelPool(8);
    let open = 0;
    let most = 0;
    const task = async () => {
      await settle();
      if (open === 4) throw channelRefused('host', 2, 'open failed');
      open += 1;
      most = Math.max(most, open);
      await settle();
      await settle();
      open -= 1;
      return 'ran';
    };
    const all = Array.from({ length: 20 }, () => pool.run(task, { priority: 'user', cancelled }));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, () => 'ran'));
    expect(pool.limit).toBe(4);
    expect(most).toBe(4);
  });

  it('runs what was refused before what came later', async () => {
    const pool = createChannelPool(2);
    const { run, end, started } = tasks(pool);
    void run('first');
    let refused = false;
    const refusedOnce = pool.run(
      async () => {
        await settle();
        if (!refused) {
          refused = true;
          throw channelRefused('host', 2, 'open failed');
        }
        started.push('refused once');
      },
      { priority: 'user', cancelled },
    );
    void run('later');
    await settle();
    await settle();
    await end('first');
    await refusedOnce;
    await settle();
    expect(started).toEqual(['first', 'refused once', 'later']);
  });

  it('fails where a task is refused while alone, and for another reason at once', async () => {
    const pool = createChannelPool(8);
    const refuse = (reason: number) => () => Promise.reject(channelRefused('host', reason, 'open failed'));
    const alone = pool.run(refuse(2), { priority: 'user', cancelled });
    await expect(alone).rejects.toMatchObject({ code: 'channelRefused' });
    const both = [1, 2].map(() => pool.run(refuse(1), { priority: 'user', cancelled }));
    for (const each of both) await expect(each).rejects.toMatchObject({ code: 'channelRefused' });
    expect(pool.limit).toBe(8);
    // None of a burst that is refused as a whole is left waiting.
    const burst = Array.from({ length: 20 }, () => pool.run(refuse(2), { priority: 'user', cancelled }));
    const results = await Promise.allSettled(burst);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(pool.limit).toBe(1);
  });

  describe('with a task that goes on', () => {
    const refused = () => new Error('no room');
    function follow(pool: ChannelPool, signal = new AbortController().signal) {
      const stopped: string[] = [];
      const outcome = pool
        .follow(
          (stop) =>
            new Promise<never>((_resolve, reject) => {
              stop.addEventListener('abort', () => {
                stopped.push('told');
                setImmediate(() => {
                  reject(cancelled());
                });
              });
            }),
          { signal, cancelled, refused },
        )
        .catch((error: unknown) => String(error));
      return { stopped, outcome };
    }

    it('has one channel less for the others', async () => {
      const pool = createChannelPool(4);
      const controller = new AbortController();
      const { outcome } = follow(pool, controller.signal);
      const { run, started } = tasks(pool);
      for (const name of ['a', 'b', 'c', 'd']) void run(name);
      await settle();
      expect(started).toEqual(['a', 'b', 'c']);
      controller.abort();
      expect(await outcome).toBe('Error: cancelled');
      await settle();
      expect(started).toEqual(['a', 'b', 'c', 'd']);
    });

    it('refuses it where there is little room', async () => {
      expect(await follow(createChannelPool(3)).outcome).toBe('Error: no room');
    });

    it('ends it where a command is refused, runs the command, and takes no other', async () => {
      const pool = createChannelPool();
      const { stopped, outcome } = follow(pool);
      let attempts = 0;
      const result = pool.run(
        () => {
          attempts += 1;
          return stopped.length === 0 ? Promise.reject(channelRefused('host', 2, 'x')) : Promise.resolve('ran');
        },
        { priority: 'user', cancelled },
      );
      expect(await outcome).toBe('Error: no room');
      expect(await result).toBe('ran');
      expect(attempts).toBe(2);
      expect(await follow(pool).outcome).toBe('Error: no room');
    });
  });
});
