/** Where the command line writes: data to stdout, everything for people to stderr. */
import { visibleText } from '../../../shared/rules/visible-text.ts';

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
export function shown(text: string): string {
  return visibleText(text)
    .map(({ text: part, mark, isSpace }) => (mark === null ? part : isSpace === true ? '[space]' : `[${mark}]`))
    .join('');
}

/** As `shown`, for running text of ours in which names stand: spaces stay what they are. */
export function shownSentence(text: string): string {
  return visibleText(text, 'leave')
    .map(({ text: part, mark }) => (mark === null ? part : `[${mark}]`))
    .join('');
}

/** As `shownSentence`, line by line: for a whole document on a terminal. Line ends stay line ends. */
export function shownLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(shownSentence).join('\t'))
    .join('\n');
}

export interface Output {
  /** Adds to stdout. Never throws: where the reader went away, `brokenPipe` is true from then on. */
  data(chunk: string | Uint8Array): void;
  /** A line for people, on stderr. */
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
  return {
    data(chunk) {
      clear();
      if (!brokenPipe) stdout.write(chunk);
    },
    say(line) {
      clear();
      write(`${line}\n`);
    },
    progress(line) {
      if (!stderr.isTTY) return;
      clear();
      if (line === null) return;
      write(line.slice(0, Math.max(10, (stderr.columns || 80) - 1)));
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
      if (failure !== null) write(`The output could not be written: ${failure.message}\n`);
    },
  };
}
