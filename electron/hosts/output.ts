/** Collects what a command prints, up to a limit. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

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

/** Hands `stream` on as text as it comes in; a character that is cut by a chunk's border comes whole. Nothing is kept. */
export function passOutputOn(stream: Readable, onText: (text: string) => void): () => string {
  const decoder = new StringDecoder('utf8');
  stream.on('data', (chunk: Buffer) => {
    const text = decoder.write(chunk);
    if (text !== '') onText(text);
  });
  return () => '';
}
