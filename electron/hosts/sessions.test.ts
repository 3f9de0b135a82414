import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { openHostBook } from '../store/host-book.ts';
import type { HostBook } from '../store/host-book.ts';
import type { Connect, ConnectOptions } from './connect.ts';
import { reconnectDelaySeconds } from './session.ts';
import { createSessions } from './sessions.ts';
import type { Sessions } from './sessions.ts';
import type { Transport } from './commands/transport.ts';
import { connectionLost } from './commands/transport-errors.ts';

/** A connection that a test can cut. */
function fakeTransport() {
  let open = true;
  let answer: (() => void) | null = null;
  let listener: (reason: SnaptreeError | null) => void = () => undefined;
  const end = (reason: SnaptreeError | null) => {
    if (!open) return;
    open = false;
    listener(reason);
  };
  const transport: Transport = {
    get isOpen() {
      return open;
    },
    exec: () =>
      new Promise((resolve) => {
        answer = () => {
          resolve({ exitCode: 0, signal: null, stdout: '', stderr: '' });
        };
      }),
    close: () => {
      end(null);
    },
    onClose: (added) => {
      listener = added;
      return () => undefined;
    },
  };
  return {
    transport,
    /** Answers the command that was run last; false where none was. */
    answer: () => {
      answer?.();
      return answer !== null;
    },
    cut: () => {
      end(connectionLost('host', 'cut'));
    },
  };
}

const settings: HostSettings = {
  name: 'host',
  hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
  connection: {
    transport: 'ssh',
    address: 'a',
    port: 22,
    user: 'me',
    authentication: { method: 'password' },
    jumps: [],
  },
  sudo: false,
  readOnly: false,
};

const settle = () => new Promise((resolve) => setImmediate(resolve));
const unreachable = () => new SnaptreeError('hostUnreachable', 'no answer', { retryable: true });

let folder: string;
let hostBook: HostBook;
let sessions: Sessions;
let hostId: string;
/** The attempts so far, each waiting to be decided. */
let attempts: (ConnectOptions & { resolve: (transport: Transport) => void; reject: (error: Error) => void })[];
let timers: { seconds: number; call: () => void }[];

const connect: Connect = (options) =>
  new Promise((resolve, reject) => {
    attempts.push({ ...options, resolve, reject });
    options.signal.addEventListener('abort', () => {
      reject(new SnaptreeError('cancelled', 'given up'));
    });
  });

function attempt(index: number) {
  const found = attempts[index];
  if (found === undefined) throw new Error(`There is no attempt ${index}.`);
  return found;
}

async function connected() {
  const fake = fakeTransport();
  const promise = sessions.connect(hostId);
  await settle();
  attempt(attempts.length - 1).resolve(fake.transport);
  await promise;
  return fake;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-sessions-'));
  attempts = [];
  timers = [];
  hostBook = await openHostBook(join(folder, 'hosts.json'), () => undefined);
  const clock = {
    now: () => 1000,
    random: () => 0,
    schedule: (milliseconds: number, call: () => void) => {
      const timer = { seconds: milliseconds / 1000, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
  };
  sessions = createSessions({ hostBook, connect, clock });
  ({ id: hostId } = await hostBook.add(settings));
});

afterEach(() => {
  sessions.close();
  rmSync(folder, { recursive: true });
});

describe('sessions', () => {
  it('follow the host book, and tell of each change', async () => {
    const listener = vi.fn();
    sessions.onChange(listener);
    expect(sessions.list()).toMatchObject([{ host: { name: 'host' }, session: { state: 'disconnected' } }]);
    await connected();
    expect(sessions.state(hostId)).toEqual({ state: 'connected', since: 1000 });
    expect(listener).toHaveBeenCalledTimes(2);
    const { transport } = await connectedAgain();
    await hostBook.update(hostId, { ...settings, name: 'renamed' });
    expect(transport.isOpen).toBe(true);
    expect(sessions.runner(hostId).hostName).toBe('renamed');
    await hostBook.update(hostId, { ...settings, connection: { transport: 'local' } });
    expect(transport.isOpen).toBe(false);
    expect(sessions.state(hostId)).toEqual({ state: 'disconnected' });
    // Another user on the host, in effect.
    const local = await connected();
    await hostBook.update(hostId, { ...settings, connection: { transport: 'local' }, sudo: true });
    expect(local.transport.isOpen).toBe(false);
    await hostBook.remove(hostId);
    expect(sessions.list()).toEqual([]);
    expect(() => sessions.runner(hostId)).toThrow(expect.objectContaining({ code: 'hostNotFound' }));
  });

  async function connectedAgain() {
    sessions.disconnect(hostId);
    return connected();
  }

  it('connect once, whoever asks', async () => {
    const both = Promise.all([sessions.connect(hostId), sessions.connect(hostId)]);
    await settle();
    expect(sessions.state(hostId)).toEqual({ state: 'connecting' });
    expect(attempts).toHaveLength(1);
    attempt(0).resolve(fakeTransport().transport);
    await both;
    await sessions.connect(hostId);
    expect(attempts).toHaveLength(1);
  });

  it('give an attempt up when the last one who waits does', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [sessions.connect(hostId, first.signal), sessions.connect(hostId, second.signal)];
    const outcomes = Promise.allSettled(waiting);
    await settle();
    first.abort();
    await settle();
    expect(attempt(0).signal.aborted).toBe(false);
    second.abort();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(attempt(0).signal.aborted).toBe(true);
    expect(sessions.state(hostId)).toEqual({ state: 'disconnected' });
  });

  it('do not run anything without a connection', async () => {
    await expect(sessions.runner(hostId).run({ argv: ['true'] })).rejects.toMatchObject({ code: 'hostNotConnected' });
  });

  it('do not try again by themselves where the first attempt failed', async () => {
    const promise = sessions.connect(hostId);
    await settle();
    attempt(0).reject(unreachable());
    await expect(promise).rejects.toMatchObject({ code: 'hostUnreachable' });
    expect(sessions.state(hostId)).toMatchObject({ state: 'failed', retryAt: null });
    expect(timers).toEqual([]);
  });

  it('come back after a loss, ever more slowly, without asking', async () => {
    (await connected()).cut();
    expect(sessions.state(hostId)).toMatchObject({
      state: 'failed',
      error: { code: 'connectionLost' },
      retryAt: 1001,
    });
    const waits: number[] = [];
    for (let number = 1; number <= 8; number += 1) {
      const [timer] = timers.splice(0);
      waits.push(timer?.seconds ?? NaN);
      timer?.call();
      await settle();
      expect(attempt(number).mayAsk).toBe(false);
      if (number < 8) attempt(number).reject(unreachable());
      await settle();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    const again = fakeTransport();
    attempt(8).resolve(again.transport);
    await settle();
    expect(sessions.state(hostId).state).toBe('connected');
    again.cut();
    expect(timers.map(({ seconds }) => seconds)).toEqual([1]);
  });

  it.each([
    'authenticationFailed',
    'hostKeyChanged',
    'hostKeyRejected',
    'keyFileUnusable',
    'agentUnavailable',
  ] as const)('stop coming back after %s', async (code) => {
    (await connected()).cut();
    timers.splice(0)[0]?.call();
    await settle();
    attempt(1).reject(new SnaptreeError(code, 'no'));
    await settle();
    expect(sessions.state(hostId)).toMatchObject({ state: 'failed', error: { code }, retryAt: null });
    expect(timers).toEqual([]);
  });

  it('may ask as soon as the user connects by hand', async () => {
    (await connected()).cut();
    timers.splice(0)[0]?.call();
    await settle();
    const promise = sessions.connect(hostId);
    await settle();
    expect(attempt(1).signal.aborted).toBe(true);
    expect(attempt(2).mayAsk).toBe(true);
    attempt(2).resolve(fakeTransport().transport);
    await promise;
    expect(sessions.state(hostId).state).toBe('connected');
    expect(timers).toEqual([]);
  });

  it('forget secrets and stop coming back when disconnected', async () => {
    const { cut } = await connected();
    const { secrets } = attempt(0);
    secrets.password = 'typed';
    secrets.passphrase = 'typed too';
    secrets.jumps = [{ password: 'on the way', passphrase: null }];
    cut();
    expect(secrets.password).toBe('typed');
    sessions.disconnect(hostId);
    expect(secrets).toEqual({
      password: null,
      passphrase: null,
      jumps: [{ password: null, passphrase: null }],
    });
    expect(timers).toEqual([]);
    expect(sessions.state(hostId)).toEqual({ state: 'disconnected' });
  });

  it('close a connection that came when nobody wanted it any more', async () => {
    const promise = sessions.connect(hostId);
    await settle();
    const late = fakeTransport();
    attempt(0).resolve(late.transport);
    sessions.disconnect(hostId);
    await expect(promise).rejects.toMatchObject({ code: 'cancelled' });
    expect(late.transport.isOpen).toBe(false);
    expect(sessions.state(hostId)).toEqual({ state: 'disconnected' });
  });
});

describe('after sleep, sessions', () => {
  it('are left alone where the host answers', async () => {
    const fake = await connected();
    sessions.wake();
    sessions.wake();
    expect(timers.map(({ seconds }) => seconds)).toEqual([5]);
    expect(fake.answer()).toBe(true);
    await settle();
    expect(timers).toEqual([]);
    expect(sessions.state(hostId).state).toBe('connected');
    expect(attempts).toHaveLength(1);
    // A loss later on is an ordinary one.
    fake.cut();
    expect(timers.map(({ seconds }) => seconds)).toEqual([1]);
  });

  it('come back at once where the host does not answer', async () => {
    const fake = await connected();
    sessions.wake();
    timers.splice(0)[0]?.call();
    expect(sessions.state(hostId).state).toBe('connecting');
    expect(fake.transport.isOpen).toBe(false);
    await settle();
    expect(attempt(1).mayAsk).toBe(false);
    attempt(1).resolve(fakeTransport().transport);
    await settle();
    expect(sessions.state(hostId).state).toBe('connected');
    expect(timers).toEqual([]);
  });

  it('come back at once where the connection turns out to be gone, and slowly where that fails too', async () => {
    const fake = await connected();
    sessions.wake();
    fake.cut();
    expect(sessions.state(hostId).state).toBe('connecting');
    expect(timers).toEqual([]);
    await settle();
    attempt(1).reject(unreachable());
    await settle();
    expect(timers.map(({ seconds }) => seconds)).toEqual([1]);
  });

  it('do not wait for the next attempt, and give up one that began before', async () => {
    (await connected()).cut();
    expect(timers).toHaveLength(1);
    sessions.wake();
    expect(timers).toEqual([]);
    await settle();
    expect(attempts).toHaveLength(2);
    sessions.wake();
    await settle();
    expect(attempt(1).signal.aborted).toBe(true);
    attempt(2).resolve(fakeTransport().transport);
    await settle();
    expect(sessions.state(hostId).state).toBe('connected');
  });

  it('stay as they are where the user is needed, or did not want them', async () => {
    sessions.wake();
    const promise = sessions.connect(hostId);
    await settle();
    sessions.wake();
    expect(attempt(0).signal.aborted).toBe(false);
    attempt(0).reject(new SnaptreeError('authenticationFailed', 'no'));
    await expect(promise).rejects.toMatchObject({ code: 'authenticationFailed' });
    sessions.wake();
    await settle();
    expect(attempts).toHaveLength(1);
    const { transport } = await connected();
    sessions.wake();
    sessions.disconnect(hostId);
    expect(transport.isOpen).toBe(false);
    expect(timers).toEqual([]);
    expect(sessions.state(hostId)).toEqual({ state: 'disconnected' });
  });
});

describe('the time until the next attempt', () => {
  it('is between 1 and 60 seconds, and not the same for all', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(5000), random, (number, chance) => {
        const full = Math.min(60, 2 ** number);
        const delay = reconnectDelaySeconds(number, chance);
        expect(delay).toBeGreaterThanOrEqual(Math.max(1, full / 2));
        expect(delay).toBeLessThanOrEqual(full);
      }),
    );
    expect(reconnectDelaySeconds(9, 0.9)).toBeLessThan(reconnectDelaySeconds(9, 0.1));
  });
});
