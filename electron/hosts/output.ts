/** Collects what a command prints, up to a limit. */
import type { Readable } from 'node:stream';

/**
 * Listens to `stream` and gives a function that gives everything so far as text; bytes that are not UTF-8 become
 * U+FFFD. Calls `onOverflow` for each chunk that goes beyond `maximumBytes`; such chunks are not kept.
 */
export function collectOutput(stream: Readable, maximumBytes: number, onOverflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maximumBytes) onOverflow();
    else chunks.push(chunk);
  });
  // Decoded as a whole: no chunk border can cut a character.
  return () => Buffer.concat(chunks).toString('utf8');
}
