/**
 * Commands for the eye, in plans, remedies and scripts. Whoever copies one from where it is shown runs exactly these
 * arguments: what is not seen in them, and would be copied as something else or not at all, is written as an escape.
 */
import { unseen } from './visible-text.ts';

/** A `=` at the beginning makes zsh look for a command. */
const plain = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/** What `printf %b` is to take as it is: neither an escape nor a quote, nor what interactive shells replace. */
const escapedForPrintf = new RegExp(`[\\\\'!]|${unseen.source}`, 'gu');

/**
 * An argument as a POSIX shell needs it. Nothing in it is unseen, but for line ends at the end of the argument, which a
 * shell takes off whatever a command substitution gives (POSIX.1-2017, 2.6.3).
 */
export function shellWord(argument: string): string {
  if (plain.test(argument)) return argument;
  if (!argument.match(unseen)) return quoted(argument);
  let end = argument.length;
  while (argument[end - 1] === '\n') end -= 1;
  const lineEnds = argument.slice(end);
  const escaped = argument.slice(0, end).replace(escapedForPrintf, inOctal);
  return `"$(printf %b '${escaped}')"${lineEnds === '' ? '' : quoted(lineEnds)}`;
}

/** A command on one line. Where no line can hold it, a comment that says so: it does nothing when it is copied. */
export function shellLine(argv: readonly string[]): string {
  const line = argv.map(shellWord).join(' ');
  return line.includes('\n')
    ? `# not shown as it is, for a name in it ends with a line end: ${line.replaceAll('\n', ' ')}`
    : line;
}

/**
 * The arguments of a command as a POSIX shell needs them: as `shellWord` gives them, but for the script of `sh -c SCRIPT …`.
 * Its line ends are layout, and without them it cannot be read.
 */
export function shellWords(argv: readonly string[]): readonly string[] {
  return argv.map((argument, index) =>
    isScript(argv, index) && argument.includes('\n') ? quoted(argument) : shellWord(argument),
  );
}

/** A command to be read, over several lines where it runs a script that has them; else as `shellLine` gives it. */
export function shellText(argv: readonly string[]): string {
  const words = shellWords(argv);
  const isLine = words.every((word, index) => !word.includes('\n') || isScript(argv, index));
  return isLine ? words.join(' ') : shellLine(argv);
}

/** Whether it is a script in which nothing is unseen besides the ends of its lines. */
function isScript(argv: readonly string[], index: number): boolean {
  return index === 2 && argv[0] === 'sh' && argv[1] === '-c' && !argv[2]?.replaceAll('\n', '').match(unseen);
}

/** One word between single quotes, with each single quote inside closed, escaped and reopened (POSIX.1-2017, 2.2.2). */
export function quoted(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** The bytes of a character in UTF-8, as `%b` takes them (POSIX.1-2017, printf). */
function inOctal(character: string): string {
  return utf8(character)
    .map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`)
    .join('');
}

function utf8(character: string): readonly number[] {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return [code];
  // Half a surrogate pair has no bytes; what is run for it is what stands for it in UTF-8.
  return encodeURIComponent(character.toWellFormed())
    .slice(1)
    .split('%')
    .map((byte) => parseInt(byte, 16));
}
