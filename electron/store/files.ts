/** Reading, replacing and setting aside of whole files, so that a crash leaves the old content or the new one. */
import { access, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { SnaptreeError } from '../../shared/errors.ts';
import { corruptPath } from './paths.ts';
import { withSpareDescriptors } from './spare-descriptors.ts';

/** The code of a system error, such as `ENOENT`; null of anything else. */
export function systemErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function unusable(path: string, what: string, error: unknown): SnaptreeError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SnaptreeError(
    'storeUnusable',
    `Snaptree cannot ${what} its file ${path}: ${reason}. Nothing was changed. Check the rights on the folder and the free space, then try again.`,
    { data: { path, reason }, retryable: true, cause: error },
  );
}

/** Makes the folder (mode 0700) where it is missing. Throws `storeUnusable`. */
export async function ensureFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(folder, 'make the folder of', error);
  }
}

/** The text of a file, or null where there is none. Throws `storeUnusable` where it is there and cannot be read. */
export async function readTextFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw unusable(path, 'read', error);
  }
}

/** Makes a rename or a new file in `folder` outlive a power cut. Windows cannot open a folder, and needs it less. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await withSpareDescriptors(() => open(folder, 'r'));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file as a whole (mode 0600, fsync of file and folder). Throws `storeUnusable`; the old content stays. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await ensureFolder(dirname(path));
  try {
    await withSpareDescriptors(() => writeFileAtomic(path, text, { mode: 0o600 }));
    await syncFolder(dirname(path));
  } catch (error) {
    throw unusable(path, 'write', error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Renames a damaged file to `<name>.corrupt-<UTC timestamp>`, never over another file, and gives the new path.
 * Only one Snaptree works in a data folder (instance-lock.ts), so nobody takes the name between look and rename.
 */
export async function setAside(path: string, at: Date): Promise<string> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      const target = corruptPath(path, at, attempt);
      if (await exists(target)) continue;
      await rename(path, target);
      await syncFolder(dirname(path));
      return target;
    }
  } catch (error) {
    throw unusable(path, 'set aside', error);
  }
}
