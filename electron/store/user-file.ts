/** Files that the user asked for, where the user said. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SnaptreeError } from '../../shared/errors.ts';

/**
 * Writes a file as a whole: an old one of that name stays until the new one is complete. Mode as the user's umask says.
 * Throws `storeUnusable`; nothing is left behind then.
 */
export async function writeUserFile(path: string, bytes: Uint8Array): Promise<void> {
  const beside = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}`);
  try {
    // Exclusive: nobody's link at that name is followed.
    const handle = await open(beside, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnaptreeError(
      'storeUnusable',
      `${path} could not be written: ${reason}. A file that was there before is unchanged. Check the rights and the free space, or choose another place.`,
      { data: { path, reason }, retryable: true, cause: error },
    );
  }
}
