/** Values and commands in the language of virsh's own parser, which reads a whole line of commands from one argument. */
import { SnaptreeError } from '../../../../../shared/errors.ts';

/**
 * `value` as one word for virsh: single quotes keep everything, also line breaks, semicolons and backslashes; a single
 * quote is written outside of them (libvirt 9.0, tools/vsh.c, `vshCommandStringGetArg`). NUL is refused.
 */
export function quoteForVirsh(value: string): string {
  if (value.includes('\0')) {
    throw new SnaptreeError('invalidRequest', 'A name for virsh must not contain a NUL character.');
  }
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** An option of a virsh command, written so that a value with a leading dash or an equals sign stays a value. */
export function virshOption(name: string, value: string): string {
  return `--${name}=${quoteForVirsh(value)}`;
}
