/** Puts what was built into its place, while others read what is there, or build the same. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Every file below a folder, relative to it, but for those in the folders `except`, which may be gone the next moment. */
function filesIn(folder: string, except: readonly string[] = []): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    if (except.includes(entry.name)) return [];
    return filesIn(join(folder, entry.name)).map((file) => join(entry.name, file));
  });
}

/**
 * Moves all files of `from` into `to`, on the same file system, each whole at every moment, and then removes the other files
 * of `to`; folders stay, into which another one may be about to place something. What names other files comes after
 * them: a page whose scripts are not there yet is never in place. Two who place the same at once do not disturb each other.
 *
 * @param keep names of folders in `to` that are not touched
 */
export function placeFolder(from: string, to: string, keep: readonly string[] = []): void {
  const isEntry = (file: string): boolean => file.endsWith('.html');
  const files = [...filesIn(from)].sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)));
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    renameSync(join(from, file), join(to, file));
  }
  for (const file of filesIn(to, keep)) if (!files.includes(file)) rmSync(join(to, file), { force: true });
  rmSync(from, { recursive: true });
}
