/** The private folder of one connection: control socket, configuration, what asks, and the logs of commands. */
import { access, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `sun_path` holds 104 bytes on macOS (108 on Linux); ssh adds `.` and 16 characters to the path while it binds. */
const maximumSocketPath = 104 - 1 - 17;

/**
 * Makes the folder, which only this user may enter (mkdtemp: 0700). In the folder for temporary files, or in /tmp where its
 * path is too long or holds what OpenSSH would expand (`%`, `$`) or split.
 */
export async function makeControlFolder(temporary = tmpdir()): Promise<string> {
  const name = 'snaptree-ssh-';
  const fits = /^[\w/.+-]+$/.test(temporary) && join(temporary, `${name}XXXXXX`, 'c').length <= maximumSocketPath;
  return mkdtemp(join(fits ? temporary : '/tmp', name));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * The configuration for a connection: first what Snaptree insists on, for jump hosts too (ssh hands `-F` on to them, and no
 * `-o`), then the user's and the system's own. OpenSSH takes the first value that it meets.
 *
 * The paths are reached through links in the folder, so that no quoting is needed.
 *
 * @param globalKnownHosts what GlobalKnownHostsFile is without us
 * @param ownKnownHosts Snaptree's own file: read here, never written
 * @param configFile instead of the user's and the system's configuration
 */
export async function writeConfiguration(
  folder: string,
  parts: {
    readonly globalKnownHosts: string;
    readonly ownKnownHosts: string;
    readonly configFile: string | null;
    readonly aliveSeconds: number;
  },
): Promise<string> {
  const path = join(folder, 'config');
  const link = async (name: string, target: string): Promise<string> => {
    await symlink(target, join(folder, name));
    return join(folder, name);
  };
  const includes: string[] = [];
  // As ssh finds it: by the user database, not by HOME.
  const user = parts.configFile ?? join(userInfo().homedir, '.ssh', 'config');
  if (isAbsolute(user) && (await exists(user))) includes.push(await link('user-config', user));
  if (parts.configFile === null && (await exists('/etc/ssh/ssh_config'))) includes.push('/etc/ssh/ssh_config');
  const known = await link('known-hosts', parts.ownKnownHosts);
  const lines = [
    '# Made by Snaptree for one connection; gone when it ends.',
    'StrictHostKeyChecking ask',
    'NoHostAuthenticationForLocalhost no',
    'FingerprintHash sha256',
    'UpdateHostKeys no',
    `GlobalKnownHostsFile ${parts.globalKnownHosts} ${known}`,
    `ServerAliveInterval ${parts.aliveSeconds}`,
    'ServerAliveCountMax 3',
    ...includes.map((include) => `Include ${include}`),
    '',
  ];
  await writeFile(path, lines.join('\n'), { mode: 0o600, flag: 'wx' });
  return path;
}

/** Takes the folder away; what cannot be removed stays until the computer's own cleaning. */
export async function removeControlFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
}
