/** Opens an address in the user's browser. */
import { spawn } from 'node:child_process';

/**
 * The command that opens `url` on `platform`; null where there is no desktop to open it on (Linux without a display).
 */
export function openCommand(
  url: string,
  platform: NodeJS.Platform,
  environment: Readonly<Record<string, string | undefined>>,
): readonly [string, ...string[]] | null {
  if (platform === 'darwin') return ['open', url];
  // Not `cmd /c start`: it would read `&` and `%` in an address as its own.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url];
  const hasDisplay = Boolean(environment['DISPLAY']) || Boolean(environment['WAYLAND_DISPLAY']);
  return hasDisplay ? ['xdg-open', url] : null;
}

/** Tries to open `url`. Resolves with null, or with a sentence that says why there will be no browser. */
export async function openBrowser(url: string): Promise<string | null> {
  const command = openCommand(url, process.platform, process.env);
  if (command === null) return 'There is no display here to open a browser on.';
  const [program, ...parameters] = command;
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { stdio: 'ignore', detached: true });
    child.once('error', (error) => {
      resolve(`The browser could not be opened with ${program}: ${error.message}`);
    });
    child.once('spawn', () => {
      child.unref();
      resolve(null);
    });
  });
}
