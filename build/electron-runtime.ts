/** Finds the Electron runtime, which npm does not install: a separate download from the project's releases. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRepository } from './paths.ts';

const executables: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/**
 * The path of the runtime's executable: in the folder that `ELECTRON_OVERRIDE_DIST_PATH` names, or where
 * `npx install-electron` puts it. Null where there is none. (The `electron` package's own look-up starts the download,
 * which is not ours to decide.)
 */
export function findElectron(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  packageFolder: string = inRepository('node_modules/electron'),
): string | null {
  const usual = executables[process.platform] ?? 'electron';
  const named = environment['ELECTRON_OVERRIDE_DIST_PATH'];
  if (named !== undefined && named !== '') return existing(join(named, usual));
  const pathFile = join(packageFolder, 'path.txt');
  return existing(join(packageFolder, 'dist', existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : usual));
}

function existing(path: string): string | null {
  return existsSync(path) ? path : null;
}
