/** Which known_hosts files OpenSSH would read for a host: what its configuration says, or else the default. */
import { opensshKnownHosts } from '../../store/paths.ts';
import { resolveSshSettings } from '../openssh/ssh-settings.ts';
import type { Environment } from '../openssh/ssh-settings.ts';

/** The absolute paths in a list as `ssh -G` prints it, without quotes: a space within a path is told by what follows. */
export function splitPaths(list: string): string[] {
  return list.split(/ +(?=\/)/).filter((path) => path.startsWith('/'));
}

/**
 * Gives the files of UserKnownHostsFile and GlobalKnownHostsFile for a host, as `ssh -G` says; where it cannot be asked,
 * and on Windows, those that OpenSSH has by default.
 *
 * @param home the user's home folder, absolute
 * @param configFile read instead of the user's and the system's configuration
 */
export function createKnownHostsFiles(parts: {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly configFile?: string;
}): (address: string, port: number) => Promise<readonly string[]> {
  const { environment, platform, home, configFile = null } = parts;
  const byDefault = opensshKnownHosts(environment, platform, home);
  return async (address, port) => {
    if (platform === 'win32') return byDefault;
    const resolved = await resolveSshSettings({ destination: address, port, configFile, environment });
    if (resolved.kind !== 'settings') return byDefault;
    const lists = ['userknownhostsfile', 'globalknownhostsfile'].map((keyword) => resolved.settings.get(keyword)?.[0]);
    return lists.includes(undefined) ? byDefault : lists.flatMap((list) => splitPaths(list ?? ''));
  };
}
