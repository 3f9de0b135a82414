/** Where the command line keeps a report: in the file that its user names, or on stdout. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { FileSaver } from '../../application/file-saver.ts';
import type { Output } from './output.ts';

/** @param file null for stdout */
export function reportSaver(output: Output, file: string | null): FileSaver {
  return {
    async save({ bytes, mediaType }) {
      if (file === null) {
        if (output.stdoutIsTerminal && mediaType === 'application/pdf') {
          throw new SnaptreeError('invalidRequest', 'A PDF is nothing for a terminal. Name a file with --output.');
        }
        output.data(bytes);
        return { outcome: 'saved', path: '-' };
      }
      const path = resolve(file);
      try {
        await writeFile(path, bytes);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new SnaptreeError('fileNotFound', `The report could not be written: ${reason}.`, { data: { path } });
      }
      return { outcome: 'saved', path };
    },
    open: () => Promise.reject(new SnaptreeError('fileNotFound', 'Open the file yourself.')),
  };
}
