/** Where the command line writes: data to stdout, everything for people to stderr. */
import { visibleLine, visibleString } from '../../../shared/rules/text/visible-text.ts';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
  cyan: [36, 39],
};

/** Puts a style around a text; gives the text back as it is where there are to be no colours. */
export type Paint = (style: Style, text: string) => string;

type Environment = Readonly<Record<string, string | undefined>>;

/** Colours on a terminal only, and not where `NO_COLOR` is set to anything (no-color.org) or `TERM` is `dumb`. */
export function paintFor(stream: { readonly isTTY?: boolean | undefined }, environment: Environment): Paint {
  const off = environment['NO_COLOR'] !== undefined && environment['NO_COLOR'] !== '';
  if (stream.isTTY !== true || off || environment['TERM'] === 'dumb') return (_style, text) => text;
  return (style, text) => `\u001b[${codes[style][0]}m${text}\u001b[${codes[style][1]}m`;
}

/**
 * Text from a host on one line, with a mark such as `[escape]` for every character that is not seen: a name must not be
 * able to move the cursor, to pass for another name or to begin a new line.
 */
export const shown = visibleString;

/** As `shown`, for running text of ours in which names stand: spaces stay what they are. */
export const shownSentence = visibleLine;

/** As `shownSentence`, line by line: for a whole document on a terminal. Line ends stay line ends. */
export function shownLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(shownSentence).join('\t'))
    .join('\n');
}

const ourStyles = new RegExp(`(\u001b\\[(?:${Object.values(codes).flat().join('|')})m)`);

/**
 * As `shownLines`, for what may be painted. Everything that the command line prints for people goes through this, whether or
 * not the names in it did before: one that was forgotten can colour at most.
 */
function harmless(text: string): string {
  return text
    .split(ourStyles)
    .map((part, index) => (index % 2 === 1 ? part : shownLines(part)))
    .join('');
}

export interface Output {
  /**
   * Adds text for people to stdout, with marks for what is not seen. Never throws: where the reader went away, `brokenPipe`
   * is true from then on.
   */
  text(text: string): void;
  /** As `text`, for what a program reads: to a file or a pipe it goes exactly as it is, to a terminal as `text`. */
  data(chunk: string | Uint8Array): void;
  /** A line for people, on stderr. What is not seen in it is marked. */
  readonly say: (line: string) => void;
  /** A line that replaces the one of before, on a terminal only; null takes it away. */
  progress(line: string | null): void;
  readonly brokenPipe: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly paint: { readonly out: Paint; readonly err: Paint };
  /** Whether lines and arrows may be drawn with characters beyond ASCII. */
  readonly unicode: boolean;
  /** Answers when everything is written, or cannot be. */
  flush(): Promise<void>;
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly environment: Environment;
}

export function createOutput({ stdout, stderr, environment }: Streams): Output {
  let brokenPipe = false;
  let failure: Error | null = null;
  let progressShown = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    brokenPipe = true;
    if (error.code !== 'EPIPE') failure = error;
  });
  // Nobody is left to be told.
  stderr.on('error', () => undefined);

  const write = (text: string): void => {
    stderr.write(text);
  };
  const clear = (): void => {
    if (progressShown) write('\r\u001b[K');
    progressShown = false;
  };
  const add = (chunk: string | Uint8Array): void => {
    clear();
    if (!brokenPipe) stdout.write(chunk);
  };
  return {
    text(text) {
      add(harmless(text));
    },
    data(chunk) {
      if (!stdout.isTTY) add(chunk);
      else add(harmless(typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)));
    },
    say(line) {
      clear();
      write(`${harmless(line)}\n`);
    },
    progress(line) {
      if (!stderr.isTTY) return;
      clear();
      if (line === null) return;
      write(
        Array.from(shownSentence(line))
          .slice(0, Math.max(10, (stderr.columns || 80) - 1))
          .join(''),
      );
      progressShown = true;
    },
    get brokenPipe() {
      return brokenPipe;
    },
    stdoutIsTerminal: stdout.isTTY,
    stderrIsTerminal: stderr.isTTY,
    paint: { out: paintFor(stdout, environment), err: paintFor(stderr, environment) },
    unicode: /utf-?8/i.test(environment['LC_ALL'] ?? environment['LC_CTYPE'] ?? environment['LANG'] ?? ''),
    async flush() {
      clear();
      await new Promise<void>((resolve) => {
        if (brokenPipe || stdout.destroyed) resolve();
        else {
          // Called with the error too, so that it always ends.
          stdout.write('', () => {
            resolve();
          });
        }
      });
      if (failure !== null) write(`The output could not be written: ${shownSentence(failure.message)}\n`);
    },
  };
}
