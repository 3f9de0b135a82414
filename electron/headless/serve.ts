/** The browser shell as a command: serves Snaptree until it is told to stop. */
import { fileURLToPath } from 'node:url';
import { homedir } from 'node:os';
import { parseArgs } from 'node:util';
import { visibleLine } from '../../shared/rules/text/visible-text.ts';
import type { ApplicationFactory } from '../application/application-factory.ts';
import { defaultDataFolder } from '../store/paths.ts';
import type { Log } from '../base/log.ts';
import { readStaticFiles } from '../page/static-files.ts';
import { createDownloads } from './downloads.ts';
import { writeLaunchPage } from './launch-page.ts';
import type { LaunchPage } from './launch-page.ts';
import { openBrowser } from './open-browser.ts';
import { startServer } from './server.ts';

/** Milliseconds that the application has to end its sessions. */
const patience = 10_000;

export interface ServeOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Whether to open the user's browser. */
  readonly open: boolean;
}

/**
 * The options of a command line (`--no-open`, `--port N`). Throws an error with a sentence for the user where it is not
 * understood.
 */
export function parseServeOptions(parameters: readonly string[]): ServeOptions {
  const { values } = parseArgs({
    args: [...parameters],
    options: { 'no-open': { type: 'boolean' }, port: { type: 'string' } },
    strict: true,
    allowPositionals: false,
  });
  const port = values.port ?? '0';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new Error(`--port takes a number from 0 (any free port) to 65535, not ${JSON.stringify(port)}.`);
  }
  return { port: Number(port), open: values['no-open'] !== true };
}

export interface ServeContext {
  readonly createApplication: ApplicationFactory;
  readonly log: Log;
  /** Absolute; the usual one where it is not given. */
  readonly dataFolder?: string;
  /** Where the built renderer is. */
  readonly rendererFolder?: string;
}

/**
 * Serves until SIGINT, SIGTERM or SIGHUP, then ends the process: 0 after a clean end. Prints one line on stdout, the
 * address with its token; everything for people to read goes to stderr. Rejects where it cannot start.
 */
export async function serve(options: ServeOptions, context: ServeContext): Promise<void> {
  const { createApplication, log } = context;
  const rendererFolder = context.rendererFolder ?? fileURLToPath(new URL('../../dist/renderer', import.meta.url));
  const files = await readStaticFiles(rendererFolder);
  const downloads = createDownloads();
  const application = await createApplication({
    dataFolder: context.dataFolder ?? defaultDataFolder(process.env, process.platform, homedir()),
    shell: 'browser',
    log,
    files: downloads,
  });
  const { handlers } = application;
  let launchPage: LaunchPage | null = null;
  const removeLaunchPage = async (): Promise<void> => {
    const page = launchPage;
    launchPage = null;
    await page?.remove().catch((error: unknown) => {
      log.warn('The page that the browser was started with could not be removed.', { url: page.url, error });
    });
  };
  const onLaunched = (): void => {
    void removeLaunchPage();
  };
  const server = await startServer({ handlers, files, downloads, port: options.port, log, onLaunched }).catch(
    async (error: unknown) => {
      await application.dispose();
      throw error;
    },
  );

  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    // The second time, the user means it.
    if (ending) process.exit(1);
    ending = true;
    log.info('Snaptree is ending.', { signal });
    setTimeout(() => {
      log.error('Snaptree did not end in time and was cut off.', { patience });
      process.exit(1);
    }, patience);
    server
      .close()
      .then(removeLaunchPage)
      .then(() => application.dispose())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error('Snaptree could not end cleanly.', { error });
          process.exit(1);
        },
      );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);

  process.stdout.write(`${server.url}\n`);
  log.info('Snaptree is serving.', { port: server.port });
  if (!options.open) return;
  const obstacle = await launch();
  if (obstacle !== null) process.stderr.write(`${visibleLine(obstacle)} Open the address above yourself.\n`);

  /** Opens the browser. Gives a sentence that says why there will be none, or null. */
  async function launch(): Promise<string | null> {
    const { url, lifetime } = server.createLaunchUrl();
    try {
      launchPage = await writeLaunchPage(url);
    } catch (error) {
      return `The page to start the browser with could not be written: ${error instanceof Error ? error.message : String(error)}.`;
    }
    const failure = await openBrowser(launchPage.url);
    if (failure !== null) await removeLaunchPage();
    else setTimeout(onLaunched, lifetime).unref();
    return failure;
  }
}
