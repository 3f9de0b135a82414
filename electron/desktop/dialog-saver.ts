/** Saves files where the user says, in the system's own dialog, and opens them with the system's own programs. */
import { extname, join } from 'node:path';
import { app, BrowserWindow, dialog, shell } from 'electron';
import { SnaptreeError } from '../../shared/errors.ts';
import type { FileSaver } from '../application/file-saver.ts';
import { writeUserFile } from '../store/user-file.ts';

export function createDialogSaver(): FileSaver {
  return {
    async save({ suggestedName, bytes }) {
      const extension = extname(suggestedName).slice(1);
      const options = {
        defaultPath: join(app.getPath('documents'), suggestedName),
        filters: [{ name: extension.toUpperCase(), extensions: [extension] }],
      };
      const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
      const { canceled, filePath } = await (window
        ? dialog.showSaveDialog(window, options)
        : dialog.showSaveDialog(options));
      if (canceled || filePath === '') return { outcome: 'cancelled' };
      await writeUserFile(filePath, bytes);
      return { outcome: 'saved', path: filePath };
    },
    async open(path) {
      // Electron says in a sentence why it could not, and nothing where it could.
      const obstacle = await shell.openPath(path);
      if (obstacle === '') return;
      throw new SnaptreeError(
        'fileNotFound',
        `${path} could not be opened: ${obstacle}. It was saved; open it yourself.`,
        {
          data: { path },
        },
      );
    },
  };
}
