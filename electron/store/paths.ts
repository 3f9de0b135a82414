/** The one place that knows a file name on disk. */
import { posix, win32 } from 'node:path';

/** What Snaptree keeps, by what it is for. */
export interface StorePaths {
  readonly folder: string;
  readonly hostBook: string;
  /** Host keys that a user accepted in Snaptree, in OpenSSH's format. */
  readonly knownHosts: string;
  readonly journalFolder: string;
  readonly batchFolder: string;
  readonly auditTrail: string;
  readonly instanceLock: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

function pathsOf(platform: NodeJS.Platform): typeof posix {
  return platform === 'win32' ? win32 : posix;
}

function setValue(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

/** The files in `dataFolder` (absolute). */
export function storePaths(dataFolder: string, platform: NodeJS.Platform = process.platform): StorePaths {
  const path = pathsOf(platform);
  return {
    folder: dataFolder,
    hostBook: path.join(dataFolder, 'hosts.json'),
    knownHosts: path.join(dataFolder, 'known_hosts'),
    journalFolder: path.join(dataFolder, 'journal'),
    batchFolder: path.join(dataFolder, 'batches'),
    auditTrail: path.join(dataFolder, 'audit.jsonl'),
    instanceLock: path.join(dataFolder, 'instance.lock'),
  };
}

/**
 * Where Snaptree keeps its data unless told otherwise. `SNAPTREE_DATA` decides where it is set. Else the platform's
 * custom: `$XDG_DATA_HOME/snaptree` (~/.local/share; a relative value is ignored, as the XDG Base Directory
 * Specification demands), `%APPDATA%\Snaptree`, `~/Library/Application Support/Snaptree`.
 *
 * @param home the user's home folder, absolute
 */
export function defaultDataFolder(environment: Environment, platform: NodeJS.Platform, home: string): string {
  const path = pathsOf(platform);
  const chosen = setValue(environment['SNAPTREE_DATA']);
  if (chosen !== null) return path.resolve(chosen);
  if (platform === 'win32') {
    return path.join(setValue(environment['APPDATA']) ?? path.join(home, 'AppData', 'Roaming'), 'Snaptree');
  }
  if (platform === 'darwin') return path.join(home, 'Library', 'Application Support', 'Snaptree');
  const xdg = setValue(environment['XDG_DATA_HOME']);
  return path.join(xdg !== null && path.isAbsolute(xdg) ? xdg : path.join(home, '.local', 'share'), 'snaptree');
}

/** The known_hosts files that OpenSSH reads by default (ssh_config(5), UserKnownHostsFile, GlobalKnownHostsFile). */
export function opensshKnownHosts(environment: Environment, platform: NodeJS.Platform, home: string): string[] {
  const path = pathsOf(platform);
  const system =
    platform === 'win32' ? path.join(setValue(environment['ProgramData']) ?? 'C:\\ProgramData', 'ssh') : '/etc/ssh';
  return [
    path.join(home, '.ssh', 'known_hosts'),
    path.join(home, '.ssh', 'known_hosts2'),
    path.join(system, 'ssh_known_hosts'),
    path.join(system, 'ssh_known_hosts2'),
  ];
}

/** Where a damaged file goes: `<name>.corrupt-<UTC timestamp>`, with a number behind it from the second on. */
export function corruptPath(path: string, at: Date, attempt: number): string {
  const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${path}.corrupt-${stamp}${attempt > 1 ? `-${attempt}` : ''}`;
}
