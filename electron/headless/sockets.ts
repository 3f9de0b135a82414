/** Carries a renderer's messages over a WebSocket: one JSON message a frame. */
import type { WebSocket } from 'ws';
import { createRendererLink } from '../ipc/renderer-link.ts';
import type { Handlers } from '../ipc/handlers.ts';
import type { Log } from '../base/log.ts';

/** Bytes. The largest message of the contract is a plan request of a few kilobytes. */
export const largestMessage = 1024 * 1024;

/** Bytes that may wait for a page that does not read. Beyond, the page is cut off; it reconnects and starts afresh. */
const mostBuffered = 64 * 1024 * 1024;

/** Frames that are not JSON, after which a page is not ours and is cut off. */
const mostJunk = 20;

export interface SocketOptions {
  readonly handlers: Handlers;
  readonly log: Log;
  /** Milliseconds between two pings. A socket that did not answer the one before is cut off. */
  readonly pingInterval: number;
}

/** Serves the contract on an open `socket` until it closes, by whichever side; then everything it opened is disposed of. */
export function serveSocket(socket: WebSocket, { handlers, log, pingInterval }: SocketOptions): void {
  let junk = 0;
  let alive = true;

  const link = createRendererLink({
    handlers,
    log,
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > mostBuffered) {
        log.warn('A page does not read what it is sent and was cut off.', { waiting: socket.bufferedAmount });
        socket.terminate();
        return;
      }
      socket.send(JSON.stringify(message));
    },
  });

  const pinging = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, pingInterval);

  socket.on('pong', () => {
    alive = true;
  });
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : parseJson(data);
    if (message !== undefined) {
      link.receive(message);
      return;
    }
    junk += 1;
    log.warn('A page sent a frame that is not JSON text.', { junk });
    if (junk >= mostJunk) socket.close(1008, 'too many frames that are not messages');
  });
  socket.on('close', () => {
    clearInterval(pinging);
    link.close();
  });
}

/** The value of a JSON text; undefined (which JSON cannot say) where it is none. */
function parseJson(data: Buffer | ArrayBuffer | Buffer[]): unknown {
  const bytes = Array.isArray(data)
    ? Buffer.concat(data)
    : Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return value;
  } catch {
    return undefined;
  }
}
