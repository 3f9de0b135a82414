/**
 * Gives the page `window.snaptree`: a pipe for messages with exactly two functions. It looks into nothing and decides
 * nothing; the main process does. It is bundled as CommonJS, since it runs in the sandbox.
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { IpcRendererEvent } from 'electron';
import type { ServerMessage, ShellPipe } from '../../shared/messages.ts';
import { toMain, toRenderer } from './channels.ts';

const pipe: ShellPipe = {
  call(message) {
    ipcRenderer.send(toMain, message);
  },
  subscribe(listener) {
    // Not the listener itself: the event that comes with a message holds `ipcRenderer`.
    const deliver = (_event: IpcRendererEvent, message: ServerMessage): void => {
      listener(message);
    };
    ipcRenderer.on(toRenderer, deliver);
    return () => {
      ipcRenderer.off(toRenderer, deliver);
    };
  },
};

contextBridge.exposeInMainWorld('snaptree', pipe);
