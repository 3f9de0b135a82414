/** The desktop shell: wires the application to Electron. Everything that can be tested without Electron is elsewhere. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app, BrowserWindow, powerMonitor, session } from 'electron';
import { createApplication } from '../application/application.ts';
import { withDemoFleet } from '../application/demo-application.ts';
import { defaultDataFolder } from '../store/paths.ts';
import { createLog } from '../base/log.ts';
import { readStaticFiles } from '../page/static-files.ts';
import { registerScheme, serveScheme } from './app-scheme.ts';
import { createDialogSaver } from './dialog-saver.ts';
import { createIpcServer } from './ipc.ts';
import { setMenu } from './menu.ts';
import { confine, createWindow, denyPermissions, loadPage } from './window.ts';

/** Milliseconds that the application has to end its sessions. */
const patience = 10_000;

const log = createLog();

// These three must come before the application is ready.
registerScheme();
app.enableSandbox();
app.on('web-contents-created', (_event, contents) => {
  confine(contents);
});

/** On the demo fleet alone, in a folder of its own: beside a Snaptree that runs already. */
const demo = process.argv.includes('--demo');

if (demo || app.requestSingleInstanceLock()) {
  // Not awaited: Electron is not ready before this module has been evaluated.
  start().catch((error: unknown) => {
    log.error('Snaptree could not start.', { error });
    app.exit(1);
  });
} else {
  // The instance that runs already is told, and comes to the front.
  app.quit();
}

async function start(): Promise<void> {
  await app.whenReady();
  denyPermissions(session.defaultSession);
  setMenu();
  serveScheme(await readStaticFiles(join(import.meta.dirname, '..', 'renderer')));
  const create = demo ? withDemoFleet(createApplication, 'connects') : createApplication;
  const application = await create({
    dataFolder: defaultDataFolder(process.env, process.platform, homedir()),
    shell: 'desktop',
    log,
    files: createDialogSaver(),
  });
  const ipc = createIpcServer(application.handlers, log);

  async function openWindow(): Promise<void> {
    const window = createWindow();
    ipc.serve(window.webContents);
    await loadPage(window);
  }

  powerMonitor.on('resume', () => {
    application.wake();
  });
  app.on('second-instance', () => {
    const [window] = BrowserWindow.getAllWindows();
    if (window === undefined) return;
    if (window.isMinimized()) window.restore();
    window.focus();
  });
  app.on('window-all-closed', () => {
    app.quit();
  });

  let ending = false;
  app.on('will-quit', (event) => {
    if (ending) return;
    ending = true;
    // Sessions with hosts end first; then the process.
    event.preventDefault();
    setTimeout(() => {
      log.error('Snaptree did not end in time and was cut off.', { patience });
      app.exit(1);
    }, patience);
    ipc.close();
    application.dispose().then(
      () => {
        app.exit(0);
      },
      (error: unknown) => {
        log.error('Snaptree could not end cleanly.', { error });
        app.exit(1);
      },
    );
  });

  await openWindow();
}
