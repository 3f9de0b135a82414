import type { ShellPipe } from '../../shared/messages.ts';
import type { ClientPipe } from './client.ts';
import { createWebSocketPipe } from './web-socket-pipe.ts';

declare global {
  interface Window {
    /** Put there by the preload of the desktop shell; absent in a browser. */
    readonly snaptree?: ShellPipe;
  }
}

/** The pipe of the shell that this page runs in: the preload's, or a WebSocket to the server that the page came from. */
export function shellPipe(): ClientPipe {
  if (window.snaptree) return window.snaptree;
  const url = new URL('/ipc', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return createWebSocketPipe(url.href);
}
