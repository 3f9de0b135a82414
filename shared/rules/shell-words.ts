/** Commands for the eye. What runs is the argument list itself, quoted by the main process. */

const plain = /^[\w@%+=:,./-]+$/;

/** An argument as a POSIX shell would need it. */
export function shellWord(argument: string): string {
  return plain.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** A command on one line. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ');
}
