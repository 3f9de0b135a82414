/** The user's terminal, to ask on: also where stdin and stdout are files or pipes. */
import { openSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { Key } from 'node:readline';
import { ReadStream } from 'node:tty';
import { whenAborted } from '../../base/abort.ts';
import { Interrupted } from './interruption.ts';
import { shownLines } from './output.ts';

export interface Terminal {
  /**
   * Asks and gives the line that was typed; null at the end of input, and when `signal` withdraws the question. `echo`
   * false: nothing of it is shown. Throws `Interrupted` at Ctrl-C.
   */
  ask(prompt: string, echo: boolean, signal?: AbortSignal): Promise<string | null>;
}

/**
 * The terminal to ask on; null where there is none: questions go to stderr, so that must be one, and so must stdin or
 * the terminal that controls the process.
 */
export function openTerminal(streams: {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}): Terminal | null {
  const { stdin, stderr } = streams;
  if (!stderr.isTTY) return null;
  const openInput = inputOpener(stdin);
  if (openInput === null) return null;
  return {
    async ask(prompt, echo, signal) {
      if (signal?.aborted === true) return null;
      const { input, done } = openInput();
      try {
        // Before the prompt: what is typed as soon as that is seen must not be shown by the terminal.
        input.setRawMode(true);
        stderr.write(shownLines(prompt));
        const show = (text: string): void => {
          if (echo) stderr.write(text);
        };
        return await readLine(input, show, signal);
      } finally {
        stderr.write('\n');
        done();
      }
    },
  };
}

function inputOpener(stdin: NodeJS.ReadStream): (() => { input: ReadStream; done: () => void }) | null {
  if (stdin.isTTY) {
    return () => ({
      input: stdin,
      done: () => {
        stdin.setRawMode(false);
        // Else it would keep the process alive.
        stdin.pause();
      },
    });
  }
  const open = (): ReadStream => new ReadStream(openSync('/dev/tty', 'r+'));
  try {
    open().destroy();
  } catch {
    return null;
  }
  return () => {
    const input = open();
    return {
      input,
      done: () => {
        input.setRawMode(false);
        input.destroy();
      },
    };
  };
}

/** What a key does to a line that is being typed. `typed`: what is to be shown for it. */
export type KeyEffect =
  | { readonly kind: 'more'; readonly line: string; readonly typed: string }
  | { readonly kind: 'line' | 'end' | 'interrupt' };

/**
 * The effect of one key on `line`. Raw mode leaves erasing and Ctrl-C to us.
 *
 * @param sequence what the terminal sends for the key: a character, or more for an arrow or a function key
 */
export function keyEffect(line: string, sequence: string): KeyEffect {
  const [character = '', ...more] = sequence;
  if (more.length > 0) return { kind: 'more', line, typed: '' };
  switch (character) {
    case '\r':
    case '\n':
      return { kind: 'line' };
    case '\u0003':
      return { kind: 'interrupt' };
    case '\u0004':
      return line === '' ? { kind: 'end' } : { kind: 'more', line, typed: '' };
    case '\u0008':
    case '\u007f': {
      const shorter = Array.from(line).slice(0, -1).join('');
      return { kind: 'more', line: shorter, typed: line === '' ? '' : '\b \b' };
    }
    case '\u0015':
      return { kind: 'more', line: '', typed: '\b \b'.repeat(Array.from(line).length) };
    default:
      return character < ' '
        ? { kind: 'more', line, typed: '' }
        : { kind: 'more', line: line + character, typed: character };
  }
}

function readLine(
  input: ReadStream,
  show: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let line = '';
    let stopListening: () => void = () => undefined;
    const settle = (act: () => void): void => {
      input.off('keypress', onKey);
      input.off('end', onEnd);
      input.off('error', reject);
      stopListening();
      act();
    };
    const onEnd = (): void => {
      settle(() => {
        resolve(null);
      });
    };
    const onKey = (_text: string | undefined, { sequence = '' }: Key): void => {
      const effect = keyEffect(line, sequence);
      if (effect.kind === 'more') {
        line = effect.line;
        show(effect.typed);
        return;
      }
      settle(() => {
        if (effect.kind === 'interrupt') reject(new Interrupted('Interrupted.'));
        else resolve(effect.kind === 'line' ? line : null);
      });
    };
    // Node's own reader of keys knows what belongs together: an arrow key is not three characters of a password.
    emitKeypressEvents(input);
    input.on('keypress', onKey);
    input.on('end', onEnd);
    input.on('error', reject);
    input.resume();
    stopListening = whenAborted(signal, onEnd);
  });
}
