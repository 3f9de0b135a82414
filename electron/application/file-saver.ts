/** How a shell lets its user keep a file: a save dialog on the desktop, a download in the browser. */
import { SnaptreeError } from '../../shared/errors.ts';

export interface FileToSave {
  readonly suggestedName: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export type SavedFile =
  | { readonly outcome: 'saved'; readonly path: string }
  /** A path on the page's own origin from which the file can be had once. */
  | { readonly outcome: 'download'; readonly url: string }
  | { readonly outcome: 'cancelled' };

export interface FileSaver {
  /** Throws a `SnaptreeError` where the file cannot be written. */
  save(file: FileToSave): Promise<SavedFile>;
  /** Opens a file that `save` has written, with the system's program for it. Throws where there is none. */
  open(path: string): Promise<void>;
}

const refuse = (): Promise<never> =>
  Promise.reject(new SnaptreeError('fileNotFound', 'This Snaptree has nowhere to save files. Nothing was saved.'));

/** Of a shell that keeps no files. */
export const noFileSaver: FileSaver = { save: refuse, open: refuse };
