/** Scripts for a host, and how their answers are told apart from whatever else is printed. */
import { randomBytes } from 'node:crypto';
import { SnaptreeError } from '../../shared/errors.ts';
import type { CommandRunner } from '../hosts/runner.ts';

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
  // Chosen anew for every script, so that nothing printed by a command can pass for a frame.
  const nonce = randomBytes(16).toString('hex');
  const script = [
    'snaptree_main() {',
    `frame() { printf '\\n@%s %s\\n' ${nonce} "$1"; }`,
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
  const frames = new Map<string, string>();
  for (const part of stdout.split(`\n@${nonce} `).slice(1)) {
    const end = part.indexOf('\n');
    frames.set(part.slice(0, end), part.slice(end + 1));
  }
  if (!frames.has('end')) {
    throw new SnaptreeError(
      'unexpectedOutput',
      `${runner.hostName} did not give a complete answer (${title}). Nothing is known of the result.`,
      { data: { output: stdout.slice(-2000) } },
    );
  }
  return frames;
}
