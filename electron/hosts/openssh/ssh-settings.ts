/**
 * What the system's OpenSSH would do for a destination: `ssh -G`, so that Include, Match, patterns, tokens and the system's
 * configuration hold as they do in the terminal.
 */
import { execFile } from 'node:child_process';
import { systemErrorCode } from '../../store/files.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** By keyword in lower case; several lines of one keyword in their order. */
export type SshSettings = ReadonlyMap<string, readonly string[]>;

export type ResolvedSettings =
  | { readonly kind: 'settings'; readonly settings: SshSettings }
  /** There is no `ssh` command here. */
  | { readonly kind: 'noSsh' }
  /** It refused the configuration or the destination; `reason` in its words, or ours where it gave none. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface SettingsRequest {
  /** Not an option: refused where it starts with a dash. */
  readonly destination: string;
  readonly port?: number | null;
  readonly user?: string | null;
  /** Read instead of the user's and the system's configuration, as `-F`. */
  readonly configFile?: string | null;
  /** Further settings, which go before the configuration, as `-o`. */
  readonly options?: readonly string[];
  readonly environment: Environment;
  readonly signal?: AbortSignal;
}

const timeLimitMs = 15_000;

/** An environment for `ssh`: what Snaptree was started with (SSH_AUTH_SOCK, KRB5CCNAME …), with a PATH at least. */
export function sshEnvironment(environment: Environment, extra: Environment = {}): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', ...environment, ...extra };
}

/** The lines of `ssh -G`. Keywords come in any case there (`canonicalizePermittedcnames`). */
export function parseSshSettings(output: string): SshSettings {
  const settings = new Map<string, string[]>();
  for (const line of output.split(/\r?\n/)) {
    const [keyword = '', ...words] = line.split(' ');
    if (keyword === '') continue;
    const key = keyword.toLowerCase();
    const value = words.join(' ');
    const values = settings.get(key);
    if (values === undefined) settings.set(key, [value]);
    else values.push(value);
  }
  return settings;
}

/** The first value of a keyword; null where it is not set (OpenSSH prints `none` for some of these). */
export function settingOf(settings: SshSettings, keyword: string): string | null {
  const value = settings.get(keyword)?.[0]?.trim();
  return value === undefined || value === '' || value.toLowerCase() === 'none' ? null : value;
}

/** The arguments that name a destination, behind `--`: nothing in them can be taken for an option. */
export function destinationArguments({ destination, port, user }: Omit<SettingsRequest, 'environment'>): string[] {
  return [
    ...(port === null || port === undefined ? [] : ['-p', String(port)]),
    ...(user === null || user === undefined ? [] : ['-l', user]),
    '--',
    destination,
  ];
}

/** What ssh says on stderr in one line, without what every call without a terminal says. */
function reasonOf(stderr: string): string {
  return stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('Pseudo-terminal will not be allocated'))
    .join('; ')
    .slice(0, 500);
}

/**
 * Asks `ssh -G`. No connection is made; but commands in `Match exec` are run and, with CanonicalizeHostname, names looked
 * up: that is what deciding takes, here as in the terminal. Never rejects.
 */
export function resolveSshSettings(request: SettingsRequest): Promise<ResolvedSettings> {
  const { configFile, options = [], environment, signal, destination } = request;
  if (destination === '' || destination.startsWith('-')) {
    return Promise.resolve({ kind: 'failed', reason: 'this is not the name of a host' });
  }
  const file = configFile === null || configFile === undefined ? [] : ['-F', configFile];
  return new Promise((resolve) => {
    const child = execFile(
      'ssh',
      ['-G', '-T', ...file, ...options.flatMap((each) => ['-o', each]), ...destinationArguments(request)],
      {
        env: sshEnvironment(environment),
        timeout: timeLimitMs,
        killSignal: 'SIGKILL',
        maxBuffer: 1024 * 1024,
        encoding: 'utf8',
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) resolve({ kind: 'settings', settings: parseSshSettings(stdout) });
        else if (systemErrorCode(error) === 'ENOENT') resolve({ kind: 'noSsh' });
        else if (error.killed === true) {
          resolve({ kind: 'failed', reason: `ssh -G gave no answer within ${timeLimitMs / 1000} seconds` });
        } else resolve({ kind: 'failed', reason: reasonOf(stderr) || error.message });
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}
