import type { ShellPipe } from '../../shared/messages.ts';
import type { ClientPipe } from './client.ts';
import { readCredentials, shakeHands, type Refusal } from './handshake.ts';
import { createWebSocketPipe } from './web-socket-pipe.ts';

declare global {
  interface Window {
    /** Put there by the preload of the desktop shell; absent in a browser. */
    readonly snaptree?: ShellPipe;
  }
}

/**
 * The pipe of the shell that this page runs in: the preload's, or a WebSocket to the server that the page came from.
 *
 * @param onRefused called when that server will never serve this page
 */
export function shellPipe(onRefused: (refusal: Refusal) => void): ClientPipe {
  if (window.snaptree) return window.snaptree;
  const { location, history, localStorage } = window;
  const url = new URL('/ipc', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const credentials = readCredentials(location, history, localStorage);
  return createWebSocketPipe(url.href, {
    shakeHands: (socket) => shakeHands(socket, credentials, localStorage),
    onRefused,
  });
}
