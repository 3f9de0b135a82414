/** Scripts for a host, and how their answers are told apart from whatever else is printed. */
import { SnaptreeError } from '../../../shared/errors.ts';
import { newNonce, splitFrames } from '../../hosts/commands/frames.ts';
import type { CommandRunner } from '../../hosts/commands/runner.ts';

export interface FramedScript {
  /** What the script is for, in words, for errors and logs. */
  readonly title: string;
  /** POSIX shell in which `frame NAME` opens a frame; everything printed until the next one is its content. It ends with `return`. */
  readonly body: string;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs a script and gives its frames by name. Throws what the runner throws, and `unexpectedOutput` where the answer
 * does not end as it should.
 *
 * The body is one function, called on the last line, because `sh -s` executes what it reads: of a script cut off by a
 * lost connection the first half would otherwise run.
 */
export async function runFramed(
  runner: CommandRunner,
  { title, body, timeoutSeconds, signal }: FramedScript,
): Promise<ReadonlyMap<string, string>> {
  const nonce = newNonce();
  const script = [
    'snaptree_main() {',
    `frame() { printf '\\n%s %s\\n' ${nonce} "$1"; }`,
    'snaptree_body() {',
    body,
    '}',
    'snaptree_body || return',
    'frame end',
    '}',
    'snaptree_main',
    '',
  ].join('\n');
  const { stdout } = await runner.runScript({ title, script, timeoutSeconds, ...(signal ? { signal } : {}) });
  const frames = splitFrames(stdout, nonce);
  if (!frames) {
    throw new SnaptreeError(
      'unexpectedOutput',
      `${runner.hostName} did not give a complete answer (${title}). Nothing is known of the result.`,
      { data: { output: stdout.slice(-2000) }, untold: ['output'] },
    );
  }
  return new Map(frames.map(({ kind, body: content }) => [kind, content]));
}
