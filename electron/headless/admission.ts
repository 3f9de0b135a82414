/**
 * Which connections the browser shell keeps open. Anybody on this machine can connect, and each connection takes a
 * descriptor that the journal or a host may need: so those that nobody was let in by are few, and the oldest gives way.
 */
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';

/** Milliseconds that a connection which was refused has to read why. */
const farewell = 1000;

export interface Limits {
  /** Connections whose owner is not known (yet). */
  readonly unknown: number;
  /** Connections of this user that carry no page: requests for files, handshakes. */
  readonly own: number;
  /** Connections of others, while they read that they are refused. */
  readonly refused: number;
  /** Pages that were let in. */
  readonly pages: number;
}

/** The limits where a process may have `descriptors` open: together never more than half of them. */
export function limitsFor(descriptors: number): Limits {
  const share = (most: number, part: number): number => Math.max(2, Math.min(most, Math.floor(descriptors / part)));
  return { unknown: share(100, 8), own: share(100, 8), refused: share(16, 32), pages: share(64, 8) };
}

/** How many descriptors this process may have open; a low guess where the system does not say. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? 256 : Number(soft);
  } catch {
    return 256;
  }
}

type Group = 'unknown' | 'own' | 'refused' | 'pages';

export interface Admission {
  /** Takes a new connection, and asks whose it is. */
  add(socket: Duplex): void;
  /** Whether the connection may be served. Answers when its owner is known, which takes milliseconds. */
  isTrusted(socket: Duplex): Promise<boolean>;
  /** Whether another page may be let in. */
  hasRoom(): boolean;
  /** Its page was let in: from now on it is not cut off for others. */
  letIn(socket: Duplex): void;
  /** Sends a last text and closes the connection, whatever the other side does. */
  dismiss(socket: Duplex, text: string): void;
}

/** @param isTrusted whether the owner of a connection may be served. Must not reject. */
export function createAdmission(options: {
  readonly limits: Limits;
  readonly isTrusted: (socket: Duplex) => Promise<boolean | 'unknown'>;
  readonly log: Log;
}): Admission {
  const { limits, log } = options;
  const groups: Readonly<Record<Group, Set<Duplex>>> = {
    unknown: new Set(),
    own: new Set(),
    refused: new Set(),
    pages: new Set(),
  };
  const verdicts = new WeakMap<Duplex, Promise<boolean>>();
  let cutOff = 0;

  function leave(socket: Duplex): void {
    for (const group of Object.values(groups)) group.delete(socket);
  }

  function put(socket: Duplex, name: Group): void {
    leave(socket);
    if (socket.destroyed) return;
    const group = groups[name];
    group.add(socket);
    if (name === 'pages') return;
    for (const oldest of group) {
      if (group.size <= limits[name]) break;
      cutOff += 1;
      // Now and then only: whoever opens thousands must not fill the log either.
      if ((cutOff & (cutOff - 1)) === 0) log.warn('Connections were cut off to make room.', { group: name, cutOff });
      group.delete(oldest);
      oldest.destroy();
    }
  }

  return {
    add(socket) {
      socket.once('close', () => {
        leave(socket);
      });
      put(socket, 'unknown');
      const verdict = options.isTrusted(socket).then((trusted) => {
        if (trusted === true) put(socket, 'own');
        if (trusted !== false) return true;
        put(socket, 'refused');
        setTimeout(() => socket.destroy(), farewell).unref();
        return false;
      });
      verdicts.set(socket, verdict);
    },
    async isTrusted(socket) {
      return (await verdicts.get(socket)) === true;
    },
    hasRoom: () => groups.pages.size < limits.pages,
    letIn(socket) {
      put(socket, 'pages');
    },
    dismiss(socket, text) {
      const close = (): void => {
        socket.destroy();
      };
      // What it goes on to send is read and dropped: a close with bytes unread would take the text back.
      socket.on('end', close);
      socket.resume();
      if (socket.writable) socket.end(text);
      else close();
      setTimeout(close, farewell).unref();
    },
  };
}
