/** The desktop shell: the built entry in a real Electron, where there is one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron } from '@playwright/test';
import { shellEnvironment, type Shell, type ShellOptions } from './shell.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const variable = 'ELECTRON_OVERRIDE_DIST_PATH';

function runtime(): string | null {
  const folder = process.env[variable];
  if (folder === undefined || folder === '') return null;
  return join(folder, process.platform === 'win32' ? 'electron.exe' : 'electron');
}

/** Why the Electron shell cannot be tested here; null where it can. */
export function electronObstacle(): string | null {
  const executable = runtime();
  if (executable === null) {
    return `There is no Electron runtime: ${variable} names no folder. It is a download of its own, from Electron's releases.`;
  }
  return existsSync(executable)
    ? null
    : `There is no Electron runtime: ${variable} is set, but there is no ${executable}.`;
}

/** Starts the desktop shell and waits for its window. Throws where there is no runtime. */
export async function startElectronShell(options: ShellOptions): Promise<Shell> {
  const executablePath = runtime();
  if (executablePath === null) throw new Error(electronObstacle() ?? '');
  const application = await _electron.launch({
    executablePath,
    // Chromium's own folder is per data folder too, or the second instance would only wake the first.
    args: [repository, `--user-data-dir=${join(options.dataFolder, 'chromium')}`, '--no-sandbox'],
    cwd: repository,
    env: shellEnvironment(options),
  });
  const page = await application.firstWindow();
  let ended = false;
  application.on('close', () => {
    ended = true;
  });
  return {
    page,
    async stop() {
      if (!ended) await application.close();
    },
    async kill() {
      const closed = application.waitForEvent('close');
      application.process().kill('SIGKILL');
      await closed;
    },
  };
}
