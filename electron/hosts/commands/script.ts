/**
 * The text that makes a host run a command, whatever the user's login shell is.
 *
 * The login shell (bash, csh, fish) only ever sees one fixed line, of words that mean the same to all of them. What is to
 * be run travels on stdin to `sh`, so its size is not bound by the 128 KiB that Linux allows for one argument.
 */
import { quoteArgument, quoteCommand } from './quoting.ts';

/**
 * The fixed line. `timeout` (coreutils) stands outside, so that it holds for everything; it is left out where the host
 * has none. It gives 124 when it ended the command, 137 when it had to use SIGKILL.
 *
 * @param timeoutSeconds null: no time limit
 * @param sudo everything runs as root: `timeout` too, since a user's could not end what root runs. `sudo -n` never asks
 *   for a password; under LC_ALL=C its refusal can be understood.
 */
export function remoteCommandLine(timeoutSeconds: number | null, sudo = false): string {
  if (timeoutSeconds !== null && (!Number.isSafeInteger(timeoutSeconds) || timeoutSeconds < 1)) {
    throw new RangeError(`Not a time limit in whole seconds: ${timeoutSeconds}`);
  }
  const plain = sudo ? 'exec sudo -n -- sh -s' : 'exec sh -s';
  const limited = plain.replace('sh -s', `timeout -k 5 ${timeoutSeconds ?? ''} sh -s`);
  const chosen =
    timeoutSeconds === null ? plain : `if command -v timeout >/dev/null 2>&1; then ${limited}; else ${plain}; fi`;
  return `exec sh -c '${sudo ? 'LC_ALL=C; export LC_ALL; ' : ''}${chosen}'`;
}

/**
 * A whole script around `body`. As one quoted word it is read to its end before any of it runs: a connection that is cut
 * while the script is sent runs nothing, and no command in it can read the rest of the script as its input. (Braces
 * would do the same, but bash 5.2 as `sh` crashes on a group of 40 000 commands.)
 *
 * @param mark printed to stdout and stderr before anything else; what comes before it is the login shell's own chatter
 */
function wrap(body: string, mark: string, ending = ' </dev/null'): string {
  const lines = [
    `printf '%s\\n' '${mark}'; printf '%s\\n' '${mark}' >&2`,
    'LC_ALL=C TZ=UTC; export LC_ALL TZ; unset LANGUAGE',
    // sshd gives users no sbin folders on Debian; lvs, xl and friends live there.
    'for folder in /usr/sbin /sbin; do case ":$PATH:" in *":$folder:"*) ;; *) PATH=$PATH:$folder ;; esac; done',
    'export PATH; unset folder',
    body,
  ];
  return `eval ${quoteArgument(lines.join('\n'))}${ending}\n`;
}

/** The script that runs one program with its arguments. Throws `invalidRequest` where an argument holds a NUL. */
export function commandScript(argv: readonly string[], mark: string): string {
  return wrap(`exec ${quoteCommand(argv)}`, mark);
}

/** The script that runs `script`. Throws `invalidRequest` where it holds a NUL. */
export function shellScript(script: string, mark: string): string {
  return wrap(script, mark);
}

/** As `shellScript`, for a script that reads stdin to its end to learn when it has to end. */
export function followedScript(script: string, mark: string): string {
  // Without `exit`, `sh -s` would wait for more of it.
  return wrap(script, mark, '; exit');
}

/** What was printed behind the mark; null where the mark never came. */
export function behindMark(output: string, mark: string): string | null {
  const start = output.indexOf(`${mark}\n`);
  return start < 0 ? null : output.slice(start + mark.length + 1);
}
