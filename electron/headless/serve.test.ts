import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCommand } from './open-browser.ts';
import { openPage } from './page.fixtures.ts';
import { parseServeOptions } from './serve.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-serve-'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>');
});
afterAll(() => rm(folder, { recursive: true }));

function start(...parameters: string[]) {
  const program = fileURLToPath(new URL('serve-stub.fixtures.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString('utf8')));
  const exit = once(child, 'close');
  return { child, output, exit };
}

describe('the command', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'prints its address alone on stdout, serves, and ends cleanly at %s',
    async (signal) => {
      const { child, output, exit } = start(folder, '--no-open', '--port', '0');
      await once(child.stdout, 'data');
      const url = output.out.trimEnd();
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
      (await openPage(url)).terminate();
      child.kill(signal);
      expect(await exit).toEqual([0, null]);
      expect(output.out).toBe(`${url}\n`);
      expect(output.err).toContain('disposed');
      expect(output.err).not.toContain(new URL(url).searchParams.get('token'));
    },
  );

  test('ends with a reason where there is no page, or no free port', async () => {
    const noPage = start(join(folder, 'none'), '--no-open');
    expect(await noPage.exit).toEqual([1, null]);
    expect(noPage.output.out).toBe('');
    const first = start(folder, '--no-open');
    await once(first.child.stdout, 'data');
    const second = start(folder, '--no-open', '--port', new URL(first.output.out).port);
    expect(await second.exit).toEqual([1, null]);
    expect(second.output.err).toContain('EADDRINUSE');
    expect(second.output.err).toContain('disposed');
    first.child.kill('SIGTERM');
    expect(await first.exit).toEqual([0, null]);
  });
});

describe('the options', () => {
  test('are read', () => {
    expect(parseServeOptions([])).toEqual({ port: 0, open: true });
    expect(parseServeOptions(['--no-open', '--port', '8080'])).toEqual({ port: 8080, open: false });
    expect(parseServeOptions(['--port=65535'])).toEqual({ port: 65535, open: true });
  });

  test.each([['--port'], ['--port', '65536'], ['--port', '-1'], ['--port', '8e1'], ['--host', '0.0.0.0'], ['x']])(
    '%s %s are not understood, and there is none that weakens anything',
    (...parameters) => {
      expect(() => parseServeOptions(parameters)).toThrow();
    },
  );
});

describe('the browser', () => {
  test.each([
    ['linux', { DISPLAY: ':0' }, ['xdg-open', 'u']],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open', 'u']],
    ['linux', { DISPLAY: '' }, null],
    ['darwin', {}, ['open', 'u']],
    ['win32', {}, ['rundll32', 'url.dll,FileProtocolHandler', 'u']],
  ] as const)('is opened on %s with %j by %j', (platform, environment, command) => {
    expect(openCommand('u', platform, environment)).toEqual(command);
  });
});
