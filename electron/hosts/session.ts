/** The session with one host: connecting, being connected, losing the connection and getting it back. */
import { userInfo } from 'node:os';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Host, SessionState } from '../../shared/model/host.ts';
import { untilAborted } from '../base/abort.ts';
import { createChannelPool } from './commands/channel-pool.ts';
import type { ChannelPool } from './commands/channel-pool.ts';
import type { Connect } from './connect.ts';
import type { CommandRunner } from './commands/runner.ts';
import { createScriptRunner } from './commands/script-runner.ts';
import { needsUser } from './ssh2/ssh-authentication.ts';
import { forgetSecrets } from './ssh-target.ts';
import type { Secrets } from './ssh-target.ts';
import { userOf } from './commands/sudo.ts';
import type { Transport } from './commands/transport.ts';

/** Time, so that tests need not wait. */
export interface Clock {
  /** Seconds since 1970. */
  now(): number;
  /** Calls once after so many milliseconds; gives a function that calls it off. */
  schedule(milliseconds: number, call: () => void): () => void;
  /** 0 ≤ x < 1 */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  schedule: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
  random: Math.random,
};

const longestWaitSeconds = 60;
/** So long a connection has to answer after sleep, before it counts as dead. */
const wakeLimitMs = 5000;

/**
 * How long to wait before the n-th attempt (from 0) to reconnect: 1, 2, 4 … 60 seconds, of which a random half is taken
 * off, so that twenty hosts behind one broken switch are not all asked at the same moment; never below 1.
 */
export function reconnectDelaySeconds(attempt: number, random: number): number {
  const full = Math.min(longestWaitSeconds, 2 ** attempt);
  return Math.max(1, full * (1 - random / 2));
}

export interface Session {
  readonly state: SessionState;
  /** Works whenever the session is connected; else its calls reject with `hostNotConnected`. */
  readonly runner: CommandRunner;
  /**
   * Connects, or waits for the attempt that is under way. Throws what connecting throws; `cancelled` when `signal`
   * aborts (the attempt ends when nobody waits for it any more) or `disconnect` is called.
   */
  connect(signal?: AbortSignal): Promise<void>;
  /**
   * To be called when the computer was asleep: looks at once whether the connection still lives, and connects again at
   * once where it does not, or where that was to be tried later. Never after a failure that needs the user.
   */
  wake(): void;
  /** Ends session or attempt, and forgets what the user typed. */
  disconnect(): void;
}

interface Attempt {
  readonly controller: AbortController;
  readonly promise: Promise<void>;
  /** How many callers wait; one that reconnects by itself counts as one that never gives up. */
  waiting: number;
}

interface SessionParts {
  /** The host as the host book has it now. */
  readonly host: () => Host;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly onChange: () => void;
}

export function createSession({ host, connect, clock, onChange }: SessionParts): Session {
  let state: SessionState = { state: 'disconnected' };
  let current: { transport: Transport; pool: ChannelPool } | null = null;
  let attempt: Attempt | null = null;
  let cancelRetry: () => void = () => undefined;
  /** Ends the look at a connection after sleep; null where there is none under way. */
  let endProbe: (() => void) | null = null;
  const secrets: Secrets = { password: null, passphrase: null };

  function setState(next: SessionState): void {
    state = next;
    onChange();
  }

  function fail(error: SnaptreeError, retryNumber: number | null): void {
    if (retryNumber === null || needsUser(error)) {
      setState({ state: 'failed', error: error.toData(), retryAt: null });
      return;
    }
    const delay = reconnectDelaySeconds(retryNumber, clock.random());
    cancelRetry = clock.schedule(delay * 1000, () => {
      start(retryNumber + 1).promise.catch(() => undefined);
    });
    setState({ state: 'failed', error: error.toData(), retryAt: clock.now() + delay });
  }

  function established(transport: Transport): void {
    current = { transport, pool: createChannelPool() };
    transport.onClose((reason) => {
      if (current?.transport !== transport) return;
      current = null;
      if (endProbe !== null) reconnectAtOnce();
      else if (reason === null) setState({ state: 'disconnected' });
      else fail(reason, 0);
    });
    setState({ state: 'connected', since: clock.now() });
  }

  /** @param retryNumber null: a user asked for it, who may be asked back and is told the outcome */
  function start(retryNumber: number | null): Attempt {
    cancelRetry();
    const controller = new AbortController();
    const { signal } = controller;
    const run = async (): Promise<void> => {
      try {
        const transport = await connect({ host: host(), secrets, mayAsk: retryNumber === null, signal });
        if (signal.aborted) {
          transport.close();
          throw new SnaptreeError('cancelled', `The connection attempt to ${host().name} was given up.`);
        }
        attempt = null;
        if (transport.isOpen) established(transport);
        else throw new SnaptreeError('connectionLost', `The connection to ${host().name} was lost at once. Try again.`);
      } catch (error) {
        const known = toSnaptreeError(error, host().name);
        // After `disconnect` the state is already what the user asked for.
        if (!signal.aborted) {
          attempt = null;
          if (known.code === 'cancelled' && retryNumber === null) setState({ state: 'disconnected' });
          else fail(known, retryNumber);
        }
        throw known;
      }
    };
    // Not before this function returned: `attempt` has to be set first.
    const promise = Promise.resolve().then(run);
    const started: Attempt = { controller, promise, waiting: retryNumber === null ? 0 : Infinity };
    attempt = started;
    setState({ state: 'connecting' });
    return started;
  }

  function reconnectAtOnce(): void {
    endProbe?.();
    start(0).promise.catch(() => undefined);
  }

  /** Asks the host for a sign of life. What answers, or is refused by the host, lives. */
  function probe(transport: Transport): void {
    if (endProbe !== null) return;
    const controller = new AbortController();
    const cancelTimer = clock.schedule(wakeLimitMs, () => {
      if (current?.transport !== transport) return;
      current = null;
      // Not `transport.close` first: that would be taken for the user's wish.
      reconnectAtOnce();
      transport.close();
    });
    endProbe = () => {
      endProbe = null;
      cancelTimer();
      controller.abort();
    };
    const end = endProbe;
    const settled = (): void => {
      if (endProbe === end && current?.transport === transport) end();
    };
    const request = { commandLine: 'exit 0', stdin: '', maximumOutputBytes: 100_000, signal: controller.signal };
    transport.exec(request).then(settled, settled);
  }

  function giveUp(which: Attempt): void {
    which.controller.abort();
    if (attempt === which) attempt = null;
    // Whoever waits sees the rejection; where nobody does, it is none's.
    which.promise.catch(() => undefined);
  }

  return {
    get state() {
      return state;
    },
    runner: createScriptRunner({
      get hostName() {
        return host().name;
      },
      get sudo() {
        return host().sudo;
      },
      get user() {
        return userOf(host().connection, userInfo().username);
      },
      current() {
        if (current !== null) return current;
        const { name } = host();
        const why = state.state === 'failed' ? ` ${state.error.message}` : '';
        throw new SnaptreeError(
          'hostNotConnected',
          `${name} is not connected, so nothing was run there.${why} Connect it and try again.`,
          { retryable: true },
        );
      },
    }),
    async connect(signal) {
      if (current !== null) return;
      // An attempt without anybody to ask would fail where this one may ask: it is replaced.
      if (attempt?.waiting === Infinity) giveUp(attempt);
      const joined = attempt ?? start(null);
      joined.waiting += 1;
      if (signal === undefined) {
        await joined.promise;
        return;
      }
      await untilAborted(joined.promise, signal, () => {
        joined.waiting -= 1;
        if (joined.waiting === 0 && attempt === joined) {
          giveUp(joined);
          setState({ state: 'disconnected' });
        }
        return new SnaptreeError('cancelled', `Waiting for the connection to ${host().name} was given up.`);
      });
    },
    wake() {
      if (current !== null) {
        probe(current.transport);
        return;
      }
      // Only what goes on by itself: what the user waits for has a time limit of its own.
      const isRetrying = attempt?.waiting === Infinity;
      const isToRetry = attempt === null && state.state === 'failed' && state.retryAt !== null;
      if (!isRetrying && !isToRetry) return;
      if (attempt !== null) giveUp(attempt);
      reconnectAtOnce();
    },
    disconnect() {
      cancelRetry();
      endProbe?.();
      forgetSecrets(secrets);
      const old = current;
      current = null;
      if (attempt !== null) giveUp(attempt);
      old?.transport.close();
      if (state.state !== 'disconnected') setState({ state: 'disconnected' });
    },
  };
}

function toSnaptreeError(error: unknown, hostName: string): SnaptreeError {
  if (error instanceof SnaptreeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SnaptreeError('internalError', `Connecting to ${hostName} failed inside Snaptree: ${message}.`, {
    cause: error,
  });
}
