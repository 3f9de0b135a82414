/** What goes into a command and what comes out of it, up to a limit. */
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { ExecRequest } from './transport.ts';

/**
 * Listens to `stream` and gives a function that gives everything so far as text; bytes that are not UTF-8 become
 * U+FFFD. Calls `onOverflow` for each chunk that goes beyond `maximumBytes`; such chunks are not kept.
 */
function collectOutput(stream: Readable, maximumBytes: number, onOverflow: () => void): () => string {
  const decoder = new StringDecoder('utf8');
  const texts: string[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maximumBytes) onOverflow();
    // As it comes in, so that no output is in memory three times, outside of the heap, which does not give that back.
    else texts.push(decoder.write(chunk));
  });
  return () => {
    // What is left of a character that was never whole.
    texts.push(decoder.end());
    return texts.join('');
  };
}

/** Hands `stream` on as text as it comes in; a character that is cut by a chunk's border comes whole. Nothing is kept. */
function passOutputOn(stream: Readable, onText: (text: string) => void): () => string {
  const decoder = new StringDecoder('utf8');
  stream.on('data', (chunk: Buffer) => {
    const text = decoder.write(chunk);
    if (text !== '') onText(text);
  });
  return () => '';
}

/**
 * Listens to both outputs of a command as its request says. The functions give what was collected so far. Calls `onOverflow`
 * for what goes beyond the request's limit.
 */
export function takeOutput(
  streams: { readonly stdout: Readable; readonly stderr: Readable },
  { onStdout, maximumOutputBytes }: ExecRequest,
  onOverflow: () => void,
): { readonly stdout: () => string; readonly stderr: () => string } {
  return {
    stdout: onStdout
      ? passOutputOn(streams.stdout, onStdout)
      : collectOutput(streams.stdout, maximumOutputBytes, onOverflow),
    stderr: collectOutput(streams.stderr, maximumOutputBytes, onOverflow),
  };
}

/** Stops listening to a command and speaking to it; the command itself is not ended by that. */
export function leavePipes(command: {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}): void {
  for (const pipe of [command.stdin, command.stdout, command.stderr]) pipe.destroy();
}

/** Gives a command its input, which stays open for one that goes on until it is told to stop. */
export function giveInput(input: Writable, { stdin, onStdout }: ExecRequest): void {
  // A command that ends without reading its input closes the pipe: its exit code tells, not EPIPE.
  input.on('error', () => undefined);
  if (onStdout) input.write(stdin);
  else input.end(stdin);
}
