/** A double of the `electron` module, backed by a page of Chromium. README.md says what is real about it. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { BrowserContext, CDPSession, Page, Route } from '@playwright/test';
import { isolatedWorld, mainWorld } from './injected.fixtures.ts';

/** Where the pages of `app://snaptree/` are shown. */
const shownOrigin = 'https://snaptree.app.invalid';
const appOrigin = 'app://snaptree';
const world = 'Electron Isolated Context';

/** The address as the entry knows it. */
const toApp = (url: string): string =>
  url.startsWith(`${shownOrigin}/`) ? appOrigin + url.slice(shownOrigin.length) : url;
const toShown = (url: string): string =>
  url.startsWith(`${appOrigin}/`) ? shownOrigin + url.slice(appOrigin.length) : url;

type SchemeHandler = (request: Request) => Response | Promise<Response>;
type OpenHandler = (details: { url: string }) => { action: 'allow' | 'deny' };
type PermissionRequestHandler = (
  contents: { getURL(): string },
  permission: string,
  callback: (granted: boolean) => void,
) => void;
type PermissionCheckHandler = (contents: null, permission: string, origin: string) => boolean;

/** An event of Electron that can be prevented, with what else it says. */
export function preventable<Details extends object>(details: Details) {
  return {
    ...details,
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
  };
}

/** The page that a window shows, as `webContents`. */
export class ContentsDouble extends EventEmitter {
  readonly mainFrame: { frameTreeNodeId: number; parent: null; readonly url: string };
  openHandler: OpenHandler | null = null;
  destroyed = false;
  readonly #page: Page;
  #deliver: (channel: string, values: readonly unknown[]) => void = () => undefined;

  constructor(page: Page) {
    super();
    this.#page = page;
    const url = (): string => this.getURL();
    this.mainFrame = {
      frameTreeNodeId: 1,
      parent: null,
      get url() {
        return url();
      },
    };
  }

  getURL(): string {
    return toApp(this.#page.url());
  }
  isDestroyed(): boolean {
    return this.destroyed;
  }
  setWindowOpenHandler(handler: OpenHandler): void {
    this.openHandler = handler;
  }
  send(channel: string, ...values: unknown[]): void {
    if (this.destroyed) throw new TypeError('Object has been destroyed');
    this.#deliver(channel, values);
  }

  /** Has the preload run in every new document of the page, and carries its messages to `ipcMain`. */
  async injectPreload(session: CDPSession, preload: string, ipcMain: EventEmitter): Promise<void> {
    const secret = `double${randomBytes(8).toString('hex')}`;
    const binding = `${secret}Send`;
    const source = await readFile(preload, 'utf8');
    let context: number | null = null;
    await session.send('Page.enable');
    await session.send('Runtime.enable');
    session.on('Runtime.executionContextCreated', ({ context: created }) => {
      if (created.name === world) context = created.id;
    });
    session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name !== binding || executionContextId !== context) return;
      const { channel, values } = JSON.parse(payload) as { channel: string; values: unknown[] };
      ipcMain.emit(channel, this.#ipcEvent(), ...values);
    });
    this.#deliver = (channel, values) => {
      if (context === null) return;
      const expression = `globalThis[${JSON.stringify(`${secret}Deliver`)}](${JSON.stringify(channel)}, ${JSON.stringify(values)})`;
      // A document that is just being replaced has no world any more; nobody is left to hear it.
      session.send('Runtime.evaluate', { expression, contextId: context }).catch(() => undefined);
    };
    await session.send('Runtime.addBinding', { name: binding, executionContextName: world });
    await session.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `if (window === top) (${mainWorld.toString()})(${JSON.stringify(secret)});`,
    });
    await session.send('Page.addScriptToEvaluateOnNewDocument', {
      worldName: world,
      source: `if (window === top) {
        const electron = (${isolatedWorld.toString()})(${JSON.stringify(secret)}, ${JSON.stringify(binding)});
        const require = (name) => { if (name !== 'electron') throw new Error('module not found: ' + name); return electron; };
        ((require, module, exports) => { ${source}\n })(require, { exports: {} }, {});
      }`,
    });
  }

  #ipcEvent() {
    return {
      sender: this,
      senderFrame: this.mainFrame,
      reply: (channel: string, ...values: unknown[]) => {
        this.send(channel, ...values);
      },
    };
  }
}

/** One run of the entry: what it imports as `electron`, and what it did with it. */
export class ElectronDouble {
  readonly calls: string[] = [];
  readonly windows: { options: Record<string, unknown>; webContents: ContentsDouble }[] = [];
  readonly schemes: unknown[] = [];
  readonly opened: { url: string; action: string }[] = [];
  readonly exited = Promise.withResolvers<number>();
  readonly loaded = Promise.withResolvers<null>();
  readonly ipcMain = new EventEmitter();
  readonly powerMonitor = new EventEmitter();
  readonly app: EventEmitter;
  readonly page: Page;
  permissionRequest: PermissionRequestHandler | null = null;
  permissionCheck: PermissionCheckHandler | null = null;
  devicePermission: (() => boolean) | null = null;
  /** Where the user of the save dialog saves; null: the user cancels. */
  savePath: string | null = null;
  /** Files that the system was asked to open. */
  readonly openedFiles: string[] = [];
  /** What the entry gets from `import … from 'electron'`. */
  readonly module: Readonly<Record<string, unknown>>;
  readonly #handlers = new Map<string, SchemeHandler>();
  readonly #session: CDPSession;
  #loading = false;

  private constructor(page: Page, session: CDPSession, isFirstInstance: boolean) {
    this.page = page;
    this.#session = session;
    this.app = this.#createApp(isFirstInstance);
    this.module = {
      app: this.app,
      BrowserWindow: this.#createWindowClass(),
      ipcMain: this.ipcMain,
      powerMonitor: this.powerMonitor,
      Menu: {
        buildFromTemplate: (template: unknown) => template,
        setApplicationMenu: () => this.calls.push('setApplicationMenu'),
      },
      protocol: {
        registerSchemesAsPrivileged: (schemes: unknown[]) => {
          this.calls.push('registerSchemesAsPrivileged');
          this.schemes.push(...schemes);
        },
        handle: (scheme: string, handler: SchemeHandler) => this.#handlers.set(scheme, handler),
      },
      session: { defaultSession: this.#createSession() },
      dialog: {
        showSaveDialog: (...parameters: unknown[]) => {
          this.calls.push(`showSaveDialog ${JSON.stringify(parameters.at(-1))}`);
          return Promise.resolve({ canceled: this.savePath === null, filePath: this.savePath ?? '' });
        },
      },
      shell: {
        openPath: (path: string) => {
          this.openedFiles.push(path);
          return Promise.resolve(path.endsWith('.json') ? '' : 'no program');
        },
      },
    };
  }

  /** A double whose window is a page of `context`. */
  static async create(context: BrowserContext, { isFirstInstance = true } = {}): Promise<ElectronDouble> {
    const page = await context.newPage();
    const double = new ElectronDouble(page, await context.newCDPSession(page), isFirstInstance);
    await page.route('**/*', (route) => double.#answer(route));
    // For other windows, if there should be any.
    await context.route('**/*', fulfillForeign);
    context.on('page', (popup) => {
      double.#answerPopup(popup);
    });
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) double.windows[0]?.webContents.emit('did-navigate');
    });
    return double;
  }

  #createApp(isFirstInstance: boolean): EventEmitter {
    const quit = (): void => {
      this.calls.push('quit');
      const event = preventable({});
      this.app.emit('will-quit', event);
      if (!event.defaultPrevented) this.exited.resolve(0);
    };
    return Object.assign(new EventEmitter(), {
      isPackaged: true,
      getPath: (name: string) => `/home/user/${name}`,
      whenReady: () => {
        this.calls.push('whenReady');
        return Promise.resolve();
      },
      enableSandbox: () => this.calls.push('enableSandbox'),
      requestSingleInstanceLock: () => isFirstInstance,
      quit,
      exit: (code: number) => {
        this.exited.resolve(code);
      },
    });
  }

  #createSession(): EventEmitter {
    return Object.assign(new EventEmitter(), {
      setPermissionRequestHandler: (handler: PermissionRequestHandler) => {
        this.permissionRequest = handler;
      },
      setPermissionCheckHandler: (handler: PermissionCheckHandler) => {
        this.permissionCheck = handler;
      },
      setDevicePermissionHandler: (handler: () => boolean) => {
        this.devicePermission = handler;
      },
    });
  }

  #createWindowClass(): unknown {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below has a `this` of its own
    const double = this;
    return class BrowserWindow extends EventEmitter {
      readonly webContents = new ContentsDouble(double.page);
      readonly #options: Record<string, unknown>;
      constructor(options: Record<string, unknown>) {
        super();
        this.#options = options;
        double.windows.push({ options, webContents: this.webContents });
        double.app.emit('web-contents-created', {}, this.webContents);
      }
      static getFocusedWindow() {
        return null;
      }
      static getAllWindows() {
        return [
          {
            isMinimized: () => true,
            restore: () => double.calls.push('restore'),
            focus: () => double.calls.push('focus'),
          },
        ];
      }
      async loadURL(url: string): Promise<void> {
        const { preload } = this.#options['webPreferences'] as { preload: string };
        await this.webContents.injectPreload(double.#session, preload, double.ipcMain);
        double.#loading = true;
        await double.page.goto(toShown(url));
        double.#loading = false;
        this.emit('ready-to-show');
        double.loaded.resolve(null);
      }
      show(): void {
        double.calls.push('show');
      }
    };
  }

  /** Serves what the entry's handler gives, after asking its navigation handlers. */
  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const url = toApp(request.url());
    const contents = this.windows[0]?.webContents;
    if (request.isNavigationRequest() && contents !== undefined && !this.#loading) {
      const isMainFrame = request.frame() === this.page.mainFrame();
      const event = preventable({ url, isMainFrame, isSameDocument: false });
      contents.emit('will-frame-navigate', event);
      if (event.defaultPrevented) {
        await route.abort('aborted');
        return;
      }
    }
    const handler = url.startsWith(`${appOrigin}/`) ? this.#handlers.get('app') : undefined;
    if (handler === undefined) {
      await fulfillForeign(route);
      return;
    }
    const response = await handler(new Request(url, { method: request.method() }));
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    });
  }

  #answerPopup(popup: Page): void {
    const url = toApp(popup.url());
    const action = this.windows[0]?.webContents.openHandler?.({ url }).action ?? 'allow';
    this.opened.push({ url, action });
    if (action === 'deny') void popup.close();
  }
}

/** A foreign page, which would show if it were not prevented. */
async function fulfillForeign(route: Route): Promise<void> {
  await route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>foreign</title>' });
}
