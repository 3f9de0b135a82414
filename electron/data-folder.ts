/** Where Snaptree keeps what it remembers, by the custom of the operating system; the same for both shells. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * The absolute path of the data folder, which need not exist yet. `SNAPTREE_DATA_FOLDER` names another one; the XDG
 * base directory specification holds on Linux, where a relative `XDG_DATA_HOME` is to be ignored.
 */
export function dataFolder(
  { platform, environment, home }: Surroundings = {
    platform: process.platform,
    environment: process.env,
    home: homedir(),
  },
): string {
  const named = environment['SNAPTREE_DATA_FOLDER'];
  if (named !== undefined && named !== '') return named;
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Snaptree');
  if (platform === 'win32') return join(environment['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Snaptree');
  const dataHome = environment['XDG_DATA_HOME'];
  return join(dataHome?.startsWith('/') === true ? dataHome : join(home, '.local', 'share'), 'snaptree');
}
