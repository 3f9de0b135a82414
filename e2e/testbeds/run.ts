import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  /** Exit codes that are not an error; [0] when left out. */
  readonly expect?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a local command without a shell, in the C locale.
 * Throws an error that names the command, its exit code and what it printed when the exit code is not an expected one.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const result = await new Promise<CommandResult>((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command that ends without reading its input closes the pipe: the exit code tells, not EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
  const expected = options.expect ?? [0];
  if (result.exitCode === null || !expected.includes(result.exitCode)) {
    throw new Error(
      `${[command, ...args].join(' ')} ended with exit code ${String(result.exitCode)}:\n${result.stderr}${result.stdout}`,
    );
  }
  return result;
}

/** Waits until a condition holds, looking every 20 ms; throws, naming what it waited for, after `limitMs`. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${limitMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
