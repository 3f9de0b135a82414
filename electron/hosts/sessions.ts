/** The sessions with all hosts of the host book. */
import { isDeepStrictEqual } from 'node:util';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Host, HostWithSession, SessionState } from '../../shared/model/host.ts';
import type { HostBook } from '../store/host-book.ts';
import { createListeners } from '../base/listeners.ts';
import type { Connect } from './connect.ts';
import type { CommandRunner } from './commands/runner.ts';
import { createSession, systemClock } from './session.ts';
import type { Clock, Session } from './session.ts';

export interface Sessions {
  /** Every host of the host book with the state of its session. */
  list(): HostWithSession[];
  /** Called whenever `list()` changed: a host or a session. Gives a function that takes the listener off. */
  onChange(listener: () => void): () => void;
  /** Throws `hostNotFound`. */
  state(hostId: string): SessionState;
  /** The runner of a host; it stays good over reconnecting. Throws `hostNotFound`. */
  runner(hostId: string): CommandRunner;
  /** See `Session.connect`. Throws `hostNotFound` too. */
  connect(hostId: string, signal?: AbortSignal): Promise<void>;
  /** Throws `hostNotFound`. */
  disconnect(hostId: string): void;
  /** See `Session.wake`, for all hosts. */
  wake(): void;
  /** Ends all sessions, for good. */
  close(): void;
}

interface Entry {
  host: Host;
  readonly session: Session;
}

export function createSessions(parts: {
  readonly hostBook: HostBook;
  readonly connect: Connect;
  readonly clock?: Clock;
}): Sessions {
  const { hostBook, connect, clock = systemClock } = parts;
  const entries = new Map<string, Entry>();
  const changed = createListeners<[]>();
  let closed = false;

  function addEntry(host: Host): void {
    const entry: Entry = {
      host,
      session: createSession({
        host: () => entry.host,
        connect,
        clock,
        onChange: () => {
          changed.call();
        },
      }),
    };
    entries.set(host.id, entry);
  }

  /** Follows the host book: a host that is gone, or is reached in another way now, loses its session. */
  function follow(): void {
    const hosts = new Map(hostBook.list().map((host) => [host.id, host]));
    for (const [id, entry] of entries) {
      if (hosts.has(id)) continue;
      entries.delete(id);
      entry.session.disconnect();
    }
    for (const host of hosts.values()) {
      const entry = entries.get(host.id);
      if (entry === undefined) {
        addEntry(host);
        continue;
      }
      const before = entry.host;
      entry.host = host;
      const isSame = before.sudo === host.sudo && isDeepStrictEqual(before.connection, host.connection);
      if (!isSame) entry.session.disconnect();
    }
    changed.call();
  }

  function find(hostId: string): Entry {
    const entry = entries.get(hostId);
    if (entry !== undefined) return entry;
    throw new SnaptreeError('hostNotFound', 'This host is no longer in the host book. It may have been removed.', {
      data: { hostId },
    });
  }

  for (const host of hostBook.list()) addEntry(host);
  const stopFollowing = hostBook.onChange(follow);

  return {
    list: () =>
      hostBook.list().flatMap((host) => {
        const entry = entries.get(host.id);
        return entry === undefined ? [] : [{ host, session: entry.session.state }];
      }),
    onChange: (listener) => changed.add(listener),
    state: (hostId) => find(hostId).session.state,
    runner: (hostId) => find(hostId).session.runner,
    async connect(hostId, signal) {
      const { session } = find(hostId);
      if (closed) throw new SnaptreeError('cancelled', 'Snaptree is being closed.');
      await session.connect(signal);
    },
    disconnect: (hostId) => {
      find(hostId).session.disconnect();
    },
    wake() {
      for (const { session } of entries.values()) session.wake();
    },
    close() {
      closed = true;
      stopFollowing();
      for (const { session } of entries.values()) session.disconnect();
    },
  };
}
