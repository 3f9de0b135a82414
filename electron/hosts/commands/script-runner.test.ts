import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createChannelPool } from './channel-pool.ts';
import { createScriptRunner, matchFailure } from './script-runner.ts';
import type { ExecRequest, ExecResult, Transport } from './transport.ts';
import { commandCancelled, connectionLost } from './transport-errors.ts';

/** A runner over a transport that answers as told. */
function runnerOver(exec: (request: ExecRequest, mark: string) => Promise<Partial<ExecResult>>) {
  const transport: Transport = {
    isOpen: true,
    exec: async (request) => {
      const mark = /snaptree:[-0-9a-f]+/.exec(request.stdin)?.[0] ?? '';
      const result = await exec(request, mark);
      return { exitCode: 0, signal: null, stdout: `${mark}\n`, stderr: `${mark}\n`, ...result };
    },
    close: () => undefined,
    onClose: () => () => undefined,
  };
  const pool = createChannelPool();
  return createScriptRunner({ hostName: 'host', current: () => ({ transport, pool }) });
}

describe('matchFailure', () => {
  it('takes the first that fits code and text', () => {
    const expected = [
      { name: 'both', exitCodes: [1, 2], stderr: /gone/ },
      { name: 'text', stderr: /gone/g },
      { name: 'code', exitCodes: [1] },
    ];
    const name = (exitCode: number | null, stderr: string) => matchFailure({ exitCode, stderr }, expected)?.name;
    expect(name(2, 'it is gone')).toBe('both');
    expect(name(3, 'it is gone')).toBe('text');
    // A pattern with the flag g must not remember where it was.
    expect(name(3, 'gone')).toBe('text');
    expect(name(1, 'other')).toBe('code');
    expect(name(null, 'other')).toBeUndefined();
    expect(matchFailure({ exitCode: null, stderr: '' }, [{ name: 'any' }])?.name).toBe('any');
  });
});

describe('the runner', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('takes away what a login shell says before the command', async () => {
    const runner = runnerOver((_request, mark) =>
      Promise.resolve({ stdout: `Welcome\n${mark}\nout`, stderr: `motd\n${mark}\nerr` }),
    );
    expect(await runner.run({ argv: ['x'] })).toMatchObject({ stdout: 'out', stderr: 'err' });
  });

  it('tells that the login shell ran nothing', async () => {
    const runner = runnerOver(() => Promise.resolve({ exitCode: 1, stdout: 'No login here.\n', stderr: '' }));
    await expect(runner.run({ argv: ['x'] })).rejects.toMatchObject({
      code: 'unexpectedOutput',
      message: expect.stringContaining('No login here.') as string,
    });
  });

  it('says of a command that failed the last line that it said, and that there are more', async () => {
    const failing = (stderr: string) =>
      runnerOver((_request, mark) => Promise.resolve({ exitCode: 1, stderr: `${mark}\n${stderr}` })).run({
        argv: ['x'],
      });
    const message = expect.stringContaining('failed with exit code 1: it is gone') as string;
    await expect(failing('it is gone\n')).rejects.toMatchObject({ message, untold: ['command'] });
    await expect(failing('why\nit is gone\n')).rejects.toMatchObject({ message, untold: ['command', 'stderr'] });
  });

  it('gives no expected failure to a command that succeeded', async () => {
    const runner = runnerOver(() => Promise.resolve({}));
    expect(await runner.run({ argv: ['x'], expected: [{ name: 'any' }] })).toMatchObject({ failure: null });
  });

  it('gives up a host that does not even end the command, and says that it may still run', async () => {
    const runner = runnerOver(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(commandCancelled('host'));
          });
        }),
    );
    const run = runner.run({ argv: ['x'], timeoutSeconds: 10 });
    const expectation = expect(run).rejects.toMatchObject({
      code: 'commandTimedOut',
      message: expect.stringContaining('may still be running') as string,
    });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    await expectation;
  });

  it('says after SIGKILL that the command took too long', async () => {
    const runner = runnerOver(async (_request, mark) => {
      await vi.advanceTimersByTimeAsync(15_000);
      return { exitCode: 137, stdout: `${mark}\n` };
    });
    await expect(runner.run({ argv: ['x'], timeoutSeconds: 10 })).rejects.toMatchObject({ code: 'commandTimedOut' });
  });

  it('leaves no timer behind', async () => {
    await runnerOver(() => Promise.resolve({})).run({ argv: ['x'] });
    const lost = runnerOver(() => Promise.reject(connectionLost('host', 'cut'))).run({ argv: ['x'] });
    await expect(lost).rejects.toMatchObject({ code: 'connectionLost' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('refuses a time limit that is none', async () => {
    const runner = runnerOver(() => Promise.resolve({}));
    for (const timeoutSeconds of [0, -1, 1.5, NaN, Infinity]) {
      await expect(runner.run({ argv: ['x'], timeoutSeconds })).rejects.toThrow(RangeError);
    }
  });
});
