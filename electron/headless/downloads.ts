/** Files that the browser shell offers its page for download: each once, for a short time, under an address to be had only from us. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { FileSaver, FileToSave } from '../application/file-saver.ts';
import { createToken, sameToken } from './access.ts';

/** Milliseconds for which a file is offered. */
const offerTime = 60_000;
/** Bytes of all files on offer. The oldest go first. */
const mostBytes = 256 * 1024 * 1024;

const folder = '/downloads/';

export interface Downloads extends FileSaver {
  /** The file at a path of our origin, which is then no longer offered; undefined where there is none (any more). */
  take(path: string): FileToSave | undefined;
}

/** @param now milliseconds; for tests */
export function createDownloads(now: () => number = Date.now): Downloads {
  const offers = new Map<string, { readonly file: FileToSave; readonly until: number }>();

  function tidy(): void {
    for (const [token, { until }] of offers) if (now() >= until) offers.delete(token);
    let bytes = 0;
    for (const [token, { file }] of [...offers].reverse()) {
      bytes += file.bytes.length;
      // The newest is always offered, however large it is.
      if (bytes > mostBytes && bytes > file.bytes.length) offers.delete(token);
    }
  }

  return {
    save(file) {
      const token = createToken();
      offers.set(token, { file, until: now() + offerTime });
      tidy();
      // Frees the memory where nobody comes for the file; never keeps the process alive.
      setTimeout(tidy, offerTime + 1000).unref();
      return Promise.resolve({ outcome: 'download', url: `${folder}${token}` });
    },
    open() {
      return Promise.reject(
        new SnaptreeError('fileNotFound', 'Your browser has saved this file. Open it from the list of its downloads.'),
      );
    },
    take(path) {
      tidy();
      if (!path.startsWith(folder)) return undefined;
      const given = path.slice(folder.length);
      const offer = [...offers].find(([token]) => sameToken(given, token));
      if (offer === undefined) return undefined;
      offers.delete(offer[0]);
      return offer[1].file;
    },
  };
}

/** The headers with which a file is sent: it is saved under its name and never shown as a page of ours. */
export function downloadHeaders({ suggestedName, mediaType, bytes }: FileToSave): Record<string, string | number> {
  const plain = suggestedName.replaceAll(/[^\w. -]/g, '_');
  return {
    'Content-Type': mediaType,
    'Content-Length': bytes.length,
    'Content-Disposition': `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(suggestedName.toWellFormed()).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)}`,
    'Cache-Control': 'no-store',
  };
}
