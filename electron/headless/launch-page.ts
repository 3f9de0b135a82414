/**
 * The page that a browser is started with. Its path stands on the command line of the browser, which every user of the
 * machine can read; the address with its token stands inside, which only this user can.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface LaunchPage {
  /** A `file:` URL. */
  readonly url: string;
  remove(): Promise<void>;
}

/**
 * The folders to try, in turn. On Linux the home folder, under a name that is not hidden: a browser from a Snap or Flatpak
 * package has a `/tmp` and a runtime folder of its own, and is kept out of hidden folders. Elsewhere the folder for
 * temporary files is each user's own.
 */
export function launchFolders(platform: NodeJS.Platform, home: string, temporary: string): readonly string[] {
  return platform === 'linux' ? [home, temporary] : [temporary];
}

/** Writes the page that leads to `address`: mode 0600, in a new folder of mode 0700. Rejects where that cannot be done. */
export async function writeLaunchPage(
  address: string,
  folders: readonly string[] = launchFolders(process.platform, homedir(), tmpdir()),
): Promise<LaunchPage> {
  const folder = await firstFolder(folders);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'open.html');
    // The address is ours and holds nothing that HTML would take for its own.
    const page = `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${address}">
<title>Snaptree</title>
<p><a href="${address}">Open Snaptree</a>
`;
    await writeFile(path, page, { mode: 0o600, flag: 'wx' });
    return { url: pathToFileURL(path).href, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function firstFolder(candidates: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const candidate of candidates) {
    try {
      // 0700, whatever the umask (mkdtemp(3)).
      return await mkdtemp(join(candidate, 'snaptree-open-'));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
