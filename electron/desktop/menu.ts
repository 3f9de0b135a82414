/** The menu: what the operating systems expect of a program with text fields and one window, and nothing of our own. */
import { app, Menu } from 'electron';
import type { MenuItemConstructorOptions } from 'electron';

/** Sets the menu. Without one, the keys for copy and paste would not work on macOS. */
export function setMenu(): void {
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
    ...(app.isPackaged ? [] : ([{ role: 'reload' }, { role: 'toggleDevTools' }] as const)),
  ];
  const help: MenuItemConstructorOptions = { role: 'help', submenu: [{ role: 'about' }] };
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(process.platform === 'darwin' ? ([{ role: 'appMenu' }] as const) : ([{ role: 'fileMenu' }] as const)),
      { role: 'editMenu' },
      { label: 'View', submenu: view },
      { role: 'windowMenu' },
      // On macOS it is in the menu of the application.
      ...(process.platform === 'darwin' ? [] : [help]),
    ]),
  );
}
