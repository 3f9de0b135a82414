/**
 * Commands for the eye, in plans, remedies and scripts. Whoever copies one from where it is shown runs exactly these
 * arguments: what is not seen in them, and would be copied as something else or not at all, is written as an escape.
 */
import { unseen } from './visible-text.ts';

const plain = /^[\w@%+=:,./-]+$/;

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

function quoted(argument: string): string {
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
