/** The one place that turns values into shell text. */
import { SnaptreeError } from '../../../shared/errors.ts';
import { quoted } from '../../../shared/rules/text/shell-words.ts';

/**
 * `value` as one word for a POSIX shell, whatever it holds. NUL is refused with `invalidRequest`: no argument can hold it.
 */
export function quoteArgument(value: string): string {
  if (value.includes('\0')) {
    throw new SnaptreeError('invalidRequest', 'A command argument must not contain a NUL character.');
  }
  return quoted(value);
}

/** A program and its arguments as a command line. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(' ');
}
