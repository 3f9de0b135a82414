/**
 * Frames: how one script gives many answers in one stream, so that one failing question costs its own answer only.
 *
 * A frame is a line `NONCE kind arguments…`, preceded by a newline of its own, and then its body up to the next frame.
 * The nonce is random and new for each batch, so that no name, description or file on a host can forge a frame.
 */
import { randomBytes } from 'node:crypto';
import { SnaptreeError } from '../../../shared/errors.ts';

export interface Frame {
  readonly kind: string;
  readonly arguments: readonly string[];
  /** Exactly what was printed between this frame's line and the next frame. */
  readonly body: string;
}

/** A new nonce: 128 random bits as text that no shell or parser treats specially. */
export function newNonce(): string {
  return `frame-${randomBytes(16).toString('hex')}`;
}

/** The text that begins a frame. `words` must be plain words: kind, then arguments. */
export function frameLine(nonce: string, ...words: readonly string[]): string {
  return `\n${nonce} ${words.join(' ')}\n`;
}

/**
 * Takes a batch's output apart. Null where the last frame, `end`, is not there: the batch was cut short. The frame
 * `end` itself is not among the frames.
 */
export function splitFrames(output: string, nonce: string): readonly Frame[] | null {
  const frames = output
    .split(`\n${nonce} `)
    .slice(1)
    .map((piece): Frame => {
      const lineEnd = piece.indexOf('\n');
      const line = lineEnd < 0 ? piece : piece.slice(0, lineEnd);
      const [kind = '', ...rest] = line.split(' ');
      return { kind, arguments: rest, body: lineEnd < 0 ? '' : piece.slice(lineEnd + 1) };
    });
  return frames.at(-1)?.kind === 'end' ? frames.slice(0, -1) : null;
}

/**
 * The frames of a batch that only reads, so that it can be asked again.
 *
 * @param title what the batch is for and where, for the error
 * @throws SnaptreeError `unexpectedOutput` where the batch was cut short
 */
export function parseFrames(output: string, nonce: string, title: string): readonly Frame[] {
  const frames = splitFrames(output, nonce);
  if (frames) return frames;
  throw new SnaptreeError('unexpectedOutput', `The answer to “${title}” was cut short. Nothing of it was used.`, {
    data: { beginning: output.slice(0, 2000), ending: output.slice(-2000) },
    untold: ['beginning', 'ending'],
    retryable: true,
  });
}
