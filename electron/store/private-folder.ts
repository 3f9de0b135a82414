/** Keeps the data folder to its user: it names hosts, their users and what was done on them. */
import { chmod, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SnaptreeError } from '../../shared/errors.ts';

/** Group and others, with everything they may do. */
const othersBits = 0o077;

/**
 * Closes `folder`, and everything in it, to all but its user, where an earlier version, an administrator or an archive left
 * it open. Gives a sentence that says so; null where it was closed. Throws `storeUnusable` where it belongs to another user,
 * or stays open whatever is asked of its file system.
 */
export async function makePrivate(
  folder: string,
  user: number | undefined = process.getuid?.(),
): Promise<string | null> {
  // Windows has no such modes; a user's folders are closed to others there.
  if (user === undefined) return null;
  const { uid, mode } = await stat(folder);
  if (uid !== user) {
    throw refusal(
      folder,
      `belongs to another user (${uid}), who could change what Snaptree keeps there`,
      'Start Snaptree as that user, or give it a folder of your own with SNAPTREE_DATA.',
    );
  }
  await close(folder, 0o700);
  if (((await stat(folder)).mode & othersBits) !== 0) {
    throw refusal(
      folder,
      'is open to other users of this computer, and its file system does not let that be changed',
      'Give Snaptree a folder on another file system with SNAPTREE_DATA.',
    );
  }
  if ((mode & othersBits) === 0) return null;
  return `The data folder ${folder} was open to other users of this computer (mode ${(mode & 0o7777).toString(8).padStart(4, '0')}). It is closed to them now; what they read before, they know.`;
}

/** Takes the rights of group and others away, downwards. What a symbolic link leads to is not ours to change. */
async function close(path: string, most: number): Promise<void> {
  const { mode } = await lstat(path);
  if ((mode & othersBits) !== 0) await chmod(path, mode & most).catch(() => undefined);
  if (most !== 0o700) return;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await close(join(path, entry.name), 0o700);
    else if (entry.isFile()) await close(join(path, entry.name), 0o600);
  }
}

function refusal(folder: string, what: string, remedy: string): SnaptreeError {
  return new SnaptreeError('storeUnusable', `The data folder ${folder} ${what}. Nothing was changed. ${remedy}`, {
    data: { path: folder },
  });
}
