/**
 * Carries the contract's messages over Electron's IPC. The only use of `ipcMain`, and the place where a sender is
 * checked: nothing but the top frame of our own window, showing our own page, is served.
 */
import { ipcMain } from 'electron';
import type { IpcMainEvent, WebContents } from 'electron';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ServerMessage } from '../../shared/messages.ts';
import { createRendererLink } from '../ipc/renderer-link.ts';
import type { RendererLink } from '../ipc/renderer-link.ts';
import type { Handlers } from '../ipc/handlers.ts';
import type { Log } from '../base/log.ts';
import { isOwnUrl } from './app-scheme.ts';
import { toMain, toRenderer } from './channels.ts';

export interface IpcServer {
  /** Serves the page in `contents` from now on. */
  serve(contents: WebContents): void;
  /** Closes all links and takes no more messages. */
  close(): void;
}

/** Starts to listen; nobody is served until `serve` names them. */
export function createIpcServer(handlers: Handlers, log: Log): IpcServer {
  /** The link of each window that is ours; null while its page has not said anything yet. */
  const links = new Map<WebContents, RendererLink | null>();

  function receive(event: IpcMainEvent, message: unknown): void {
    const obstacle = whyForeign(event, links);
    if (obstacle !== null) {
      log.warn('A message was refused.', { obstacle });
      reject(event, message);
      return;
    }
    const contents = event.sender;
    const link = links.get(contents) ?? connect(contents);
    link.receive(message);
  }

  function connect(contents: WebContents): RendererLink {
    const link = createRendererLink({
      handlers,
      log,
      send(message) {
        if (!contents.isDestroyed()) contents.send(toRenderer, message);
      },
    });
    links.set(contents, link);
    return link;
  }

  function disconnect(contents: WebContents): void {
    links.get(contents)?.close();
    if (links.has(contents)) links.set(contents, null);
  }

  ipcMain.on(toMain, receive);

  return {
    serve(contents) {
      links.set(contents, null);
      // Emitted when another document has taken the page's place (a reload, say), not when one merely tries to: what a
      // document opened ends with it.
      contents.on('did-navigate', () => {
        disconnect(contents);
      });
      contents.on('render-process-gone', () => {
        disconnect(contents);
      });
      contents.on('destroyed', () => {
        disconnect(contents);
        links.delete(contents);
      });
    },
    close() {
      ipcMain.removeListener(toMain, receive);
      for (const contents of links.keys()) disconnect(contents);
      links.clear();
    },
  };
}

/** Why the sender is not our own page, or null where it is. */
function whyForeign({ sender, senderFrame }: IpcMainEvent, ours: ReadonlyMap<WebContents, unknown>): string | null {
  if (!ours.has(sender)) return 'it came from a window that is not ours';
  // A frame that has navigated or gone meanwhile: nobody knows any more who it was.
  if (senderFrame === null) return 'its frame is gone';
  if (senderFrame.parent !== null || senderFrame.frameTreeNodeId !== sender.mainFrame.frameTreeNodeId) {
    return 'it came from a frame within the page';
  }
  return isOwnUrl(senderFrame.url) ? null : 'it came from a page that is not ours';
}

/** Says no, under the message's own number, so that nobody waits for an answer that never comes. */
function reject(event: IpcMainEvent, message: unknown): void {
  if (event.senderFrame === null || typeof message !== 'object' || message === null || !('id' in message)) return;
  const { id } = message;
  if (typeof id !== 'number') return;
  const error = new SnaptreeError('forbidden', 'Snaptree takes requests from its own page only.').toData();
  event.reply(toRenderer, { type: 'response', id, ok: false, error } satisfies ServerMessage);
}
