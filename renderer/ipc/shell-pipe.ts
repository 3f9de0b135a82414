import type { ShellPipe } from '../../shared/messages.ts';
import type { ClientPipe } from './client.ts';
import { openKeyStorage, type Keeping } from './key-storage.ts';
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
 * @param onLetIn called when the server serves this page, with what is let in again without a token; may be called again
 * @param onRefused called when that server will never serve this page
 */
export function shellPipe({
  onLetIn,
  onRefused,
}: {
  readonly onLetIn: (keeping: Keeping) => void;
  readonly onRefused: (refusal: Refusal) => void;
}): ClientPipe {
  if (window.snaptree) return window.snaptree;
  const { location, history } = window;
  const storage = openKeyStorage(window);
  const url = new URL('/ipc', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const credentials = readCredentials(location, history, storage);
  return createWebSocketPipe(url.href, {
    shakeHands: async (socket) => {
      const refusal = await shakeHands(socket, credentials, storage);
      if (refusal === null) onLetIn(storage.keeping());
      return refusal;
    },
    onRefused,
  });
}
