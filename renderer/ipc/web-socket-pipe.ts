/**
 * The pipe of the browser shell: one WebSocket to `/ipc` on the page's own origin; first the handshake, then one JSON
 * message a frame.
 */
import { serverMessageSchema, type ClientMessage, type ServerMessage } from '../../shared/messages.ts';
import type { ClientPipe } from './client.ts';
import type { Refusal } from './handshake.ts';

const firstDelay = 500;
const longestDelay = 10_000;

export interface WebSocketPipeOptions {
  /** As `shakeHands` of handshake.ts. */
  readonly shakeHands: (socket: WebSocket) => Promise<Refusal | null>;
  /** Called when there will be no connection any more. */
  readonly onRefused: (refusal: Refusal) => void;
}

/**
 * Connects, and connects again for ever, with a delay that doubles from 0.5 s to 10 s (and some jitter, so that many
 * windows do not come at once), unless the handshake ends in a refusal. A request that cannot be sent is answered with
 * `shellDisconnected`.
 */
export function createWebSocketPipe(
  url: string,
  { shakeHands, onRefused }: WebSocketPipeOptions,
  WebSocketClass: typeof WebSocket = WebSocket,
): ClientPipe {
  const listeners = new Set<(message: ServerMessage) => void>();
  const watchers = new Set<(connected: boolean) => void>();
  let socket: WebSocket | null = null;
  let delay = firstDelay;
  let refused = false;

  const setSocket = (next: WebSocket | null) => {
    if ((socket === null) === (next === null)) return;
    socket = next;
    for (const watcher of watchers) watcher(next !== null);
  };

  const connect = () => {
    const attempt = new WebSocketClass(url);
    attempt.addEventListener('open', () => {
      shakeHands(attempt).then(
        (refusal) => {
          if (refusal === null) {
            delay = firstDelay;
            setSocket(attempt);
            return;
          }
          refused = true;
          attempt.close();
          onRefused(refusal);
        },
        () => {
          attempt.close();
        },
      );
    });
    attempt.addEventListener('message', (event) => {
      // What comes before that belongs to the handshake.
      const message = socket === attempt ? parse(event.data) : null;
      if (message) for (const listener of listeners) listener(message);
    });
    // `error` is always followed by `close`.
    attempt.addEventListener('close', () => {
      setSocket(null);
      if (refused) return;
      setTimeout(connect, delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, longestDelay);
    });
  };
  connect();

  return {
    call(message: ClientMessage) {
      if (socket?.readyState === WebSocketClass.OPEN) socket.send(JSON.stringify(message));
      else if (message.type === 'request') {
        const error = {
          code: 'shellDisconnected' as const,
          message: 'Not done: there is no connection to Snaptree at the moment. It is being made again.',
          data: {},
          retryable: true,
        };
        queueMicrotask(() => {
          for (const listener of listeners) listener({ type: 'response', id: message.id, ok: false, error });
        });
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watchConnection(watcher) {
      watchers.add(watcher);
      watcher(socket !== null);
      return () => watchers.delete(watcher);
    },
  };
}

/** The message in a frame, or null for anything else: our own server sends nothing else, so there is nobody to tell. */
function parse(frame: unknown): ServerMessage | null {
  if (typeof frame !== 'string') return null;
  try {
    const message = serverMessageSchema.safeParse(JSON.parse(frame));
    return message.success ? message.data : null;
  } catch {
    return null;
  }
}
