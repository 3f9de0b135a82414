/**
 * `npm start`: builds, then starts the desktop shell; with `--browser`, or where there is no Electron runtime, the
 * browser shell.
 *
 *     npm start -- --browser [--no-open] [--port N]
 *
 * `--demo` works on the demo fleet, in a data folder of its own that goes when Snaptree ends. `--no-build` starts what
 * was built before.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createApplication } from '../electron/application/application.ts';
import { withDemoFleet } from '../electron/application/demo-application.ts';
import { parseServeOptions, serve } from '../electron/headless/serve.ts';
import { createLog } from '../electron/base/log.ts';
import { findElectron } from './electron-runtime.ts';
import { inRepository } from './paths.ts';

const given = process.argv.slice(2);
const demo = given.includes('--demo');

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function build(parameters: readonly string[]): void {
  process.stderr.write('Building Snaptree…\n');
  // In a process of its own, which gives its memory back; its stdout is not ours, that line belongs to the address.
  const { status } = spawnSync(process.execPath, [inRepository('build/build.ts'), ...parameters], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('Snaptree could not be built; the reason stands above.');
}

function startDesktop(runtime: string): void {
  const child = spawn(runtime, [inRepository('.'), ...(demo ? ['--demo'] : [])], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`Electron could not be started: ${error.message}`));
  child.on('exit', (code) => process.exit(code ?? 1));
}

async function startBrowser(parameters: readonly string[]): Promise<void> {
  try {
    await serve(parseServeOptions(parameters), {
      createApplication: demo ? withDemoFleet(createApplication, 'connects') : createApplication,
      log: createLog(),
    });
  } catch (error) {
    fail(`Snaptree could not start: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Ends with npm. A signal that npm gets reaches only the shell that it starts scripts with, which does not pass it on;
 * what it started would serve on with nobody to stop it.
 */
function endWithNpm(): void {
  if (process.env['npm_lifecycle_event'] === undefined || process.platform === 'win32') return;
  const parent = process.ppid;
  const watching = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watching);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watching.unref();
}

endWithNpm();
const own = new Set(['--browser', '--no-build', '--demo']);
const serveParameters = given.filter((parameter) => !own.has(parameter));
const runtime = given.includes('--browser') ? null : findElectron();
if (runtime === null && !given.includes('--browser')) {
  process.stderr.write('There is no Electron runtime here, so Snaptree is served to a browser instead.\n');
}

if (runtime === null) {
  // Before the build, which takes seconds: a mistyped option is said at once.
  try {
    parseServeOptions(serveParameters);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  if (!given.includes('--no-build')) build(['--renderer']);
  await startBrowser(serveParameters);
} else {
  if (!given.includes('--no-build')) build([]);
  startDesktop(runtime);
}
