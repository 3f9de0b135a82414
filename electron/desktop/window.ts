/** The one window, and everything that a page in it may not do. */
import { join } from 'node:path';
import { BrowserWindow } from 'electron';
import type { Session, WebContents } from 'electron';
import { isOwnUrl, pageUrl } from './app-scheme.ts';

/** Opens the window, without loading anything yet, so that it can be connected first. */
export function createWindow(): BrowserWindow {
  const window = new BrowserWindow({
    title: 'Snaptree',
    width: 1280,
    height: 800,
    minWidth: 640,
    minHeight: 480,
    show: false,
    webPreferences: {
      preload: join(import.meta.dirname, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => {
    window.show();
  });
  return window;
}

/** Loads our page into `window`. */
export async function loadPage(window: BrowserWindow): Promise<void> {
  await window.loadURL(pageUrl);
}

/** Keeps `contents`, whatever it is, on our page: no other address, no other window, no guest. */
export function confine(contents: WebContents): void {
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame || !isOwnUrl(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    if (!isOwnUrl(event.url)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/**
 * Refuses every permission, device and download to the pages of `session`. The one exception: our own page may write
 * text to the clipboard ("Copy as script"), which Chromium allows to every page after a click.
 */
export function denyPermissions(session: Session): void {
  const clipboard = 'clipboard-sanitized-write';
  session.setPermissionRequestHandler((contents, permission, callback) => {
    callback(permission === clipboard && isOwnUrl(contents.getURL()));
  });
  session.setPermissionCheckHandler(
    (_contents, permission, origin) =>
      permission === clipboard && isOwnUrl(origin.endsWith('/') ? origin : `${origin}/`),
  );
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => {
    event.preventDefault();
  });
}
