/** Collects what a command prints, up to a limit. */

export interface OutputCollector {
  /** Takes a chunk. False once more than the limit came; such a chunk is not kept. */
  add(chunk: Buffer): boolean;
  /** Everything so far as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
}

/** @param onText called with each chunk's text; a character whose bytes are not all there yet waits for the next. */
export function createOutputCollector(maximumBytes: number, onText?: (text: string) => void): OutputCollector {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const decoder = onText === undefined ? null : new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    add(chunk) {
      bytes += chunk.length;
      if (bytes > maximumBytes) return false;
      chunks.push(chunk);
      const text = decoder?.decode(chunk, { stream: true });
      if (text !== undefined && text !== '') onText?.(text);
      return true;
    },
    // Decoded as a whole: no chunk border can cut a character.
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
