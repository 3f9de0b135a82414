/** The browser shell: the real `npm start -- --browser` as a process of its own, and a page in Chromium. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from '@playwright/test';
import { shellEnvironment, type Shell, type ShellOptions } from './shell.ts';

const startScript = fileURLToPath(new URL('../../build/start.ts', import.meta.url));

/** Starts the server, opens the address that it printed, and checks that this was all it printed on stdout. */
export async function startBrowserShell(options: ShellOptions, browser: Browser): Promise<Shell> {
  // Not by way of npm: what is killed must be Snaptree itself. What it serves was built in the global setup.
  const parameters = [startScript, '--browser', '--no-open', '--port', '0', '--no-build'];
  const child = spawn(process.execPath, parameters, {
    env: shellEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  const address = await new Promise<string>((resolve, reject) => {
    reader.on('line', (line) => {
      lines.push(line);
      resolve(line);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`Snaptree ended with ${String(code)} before it gave an address:\n${said.join('')}`));
    });
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);

  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    page,
    async stop() {
      await context.close();
      if (!running()) return;
      await end(child, 'SIGTERM');
      if (child.exitCode !== 0 || lines.length !== 1) {
        throw new Error(
          `Snaptree ended with ${String(child.exitCode ?? child.signalCode)}, having printed ${JSON.stringify(lines)}:\n${said.join('')}`,
        );
      }
    },
    async kill() {
      if (running()) await end(child, 'SIGKILL');
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
