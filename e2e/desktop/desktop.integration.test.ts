import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentSecurityPolicy } from '../../electron/page/content-security-policy.ts';
import type { RequestName } from '../../shared/contract.ts';
import type { ServerMessage, ShellPipe } from '../../shared/messages.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import { ElectronDouble, preventable } from './electron.fixtures.ts';
import { runEntry } from './entry.fixtures.ts';

declare global {
  interface Window {
    // The renderer declares it as well, in a layer of its own.
    snaptree?: ShellPipe;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = join(root, 'dist/desktop/entry.js');

let folder = '';
let browser: Browser;
let context: BrowserContext;
let double: ElectronDouble;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(root, 'build/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`Snaptree could not be built:\n${built.stderr}`);
  folder = await mkdtemp(join(tmpdir(), 'snaptree-double-'));
  process.env['SNAPTREE_DATA'] = folder;
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  context = await browser.newContext();
  double = await ElectronDouble.create(context);
  page = double.page;
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  await runEntry(entry, double);
  const exited = double.exited.promise.then((code) => {
    throw new Error(`The entry ended with ${code} instead of opening its window.`);
  });
  await Promise.race([double.loaded.promise, exited]);
});

afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Sends `message` through the page's own pipe, and gives the first message with its number that comes back. */
function exchange(message: Parameters<ShellPipe['call']>[0]): Promise<ServerMessage> {
  return page.evaluate(
    (sent) =>
      new Promise<ServerMessage>((resolve) => {
        const stop = window.snaptree?.subscribe((received) => {
          if (received.id !== sent.id) return;
          stop?.();
          resolve(received);
        });
        window.snaptree?.call(sent);
      }),
    message,
  );
}

const describeRequest = (id: number) => ({ type: 'request', id, name: 'application.describe', payload: {} }) as const;

describe('saving a file', () => {
  let id = 500_000;
  async function ask(name: RequestName, payload: unknown): Promise<Record<string, unknown>> {
    const answer = await exchange({ type: 'request', id: (id += 1), name, payload });
    if (answer.type !== 'response') throw new Error('This is no answer.');
    return (answer.ok ? answer.value : { failed: answer.error.code }) as Record<string, unknown>;
  }

  test('asks where, writes the file as a whole, and opens it', async () => {
    const connection = {
      transport: 'ssh',
      address: '127.0.0.1',
      port: 1,
      user: 'nobody',
      authentication: { method: 'agent' },
      jumps: [],
    };
    const settings = {
      name: 'unreachable',
      connection,
      hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
      sudo: false,
      readOnly: false,
    };
    const host = await ask('hosts.add', { settings });
    const thresholds = defaultReportThresholds;
    const { reportId } = await ask('reports.start', { hostIds: [host['id']], thresholds });
    const save = () => ask('reports.save', { reportId, format: 'json' });
    await expect.poll(save).toEqual({ outcome: 'cancelled' });
    double.savePath = join(folder, 'report.json');
    const saved = await save();
    expect(saved).toMatchObject({ outcome: 'saved', path: double.savePath });
    const report: unknown = JSON.parse(await readFile(double.savePath, 'utf8'));
    expect(report).toMatchObject({ schema: 'snaptree.report', totals: { hosts: 1, unreadHosts: 1 } });
    expect(double.calls.find((call) => call.startsWith('showSaveDialog'))).toContain('/home/user/documents/');
    expect(await ask('files.open', { fileId: saved['fileId'] })).toEqual({});
    expect(double.openedFiles).toEqual([double.savePath]);
    double.savePath = join(folder, 'no such folder', 'report.pdf');
    expect(await ask('reports.save', { reportId, format: 'pdf' })).toEqual({ failed: 'storeUnusable' });
    // The font is found from the built entry.
    double.savePath = join(folder, 'report.pdf');
    const pdf = await ask('reports.save', { reportId, format: 'pdf' });
    expect(pdf).toMatchObject({ outcome: 'saved' });
    expect(await ask('files.open', { fileId: pdf['fileId'] })).toEqual({ failed: 'fileNotFound' });
    expect((await readdir(folder)).filter((name) => name.includes('report')).sort()).toEqual([
      'report.json',
      'report.pdf',
    ]);
    await ask('hosts.remove', { hostId: host['id'] });
  });
});

describe('the window', () => {
  test('shows our page, without any complaint of the policy', async () => {
    expect(await page.title()).toBe('Snaptree');
    await page.locator('#root > *').first().waitFor();
    expect(problems).toEqual([]);
  });

  test('is locked down', () => {
    expect(double.windows).toHaveLength(1);
    expect(double.windows[0]?.options['webPreferences']).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
    });
    expect(double.calls).toContain('show');
  });

  test('got its scheme and its sandbox before the application was ready', () => {
    const ready = double.calls.indexOf('whenReady');
    expect(ready).toBeGreaterThan(0);
    expect(double.calls.slice(0, ready)).toEqual(['registerSchemesAsPrivileged', 'enableSandbox']);
    expect(double.schemes).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
    ]);
  });

  test('cannot attach a guest', () => {
    const event = preventable({});
    double.windows[0]?.webContents.emit('will-attach-webview', event, {}, {});
    expect(event.defaultPrevented).toBe(true);
  });

  test('stays on its page', async () => {
    const before = page.url();
    for (const address of [
      'https://evil.example/',
      'https://snaptree.app.invalid.evil.example/',
      'http://127.0.0.1:1/',
    ]) {
      const aborted = page.waitForEvent('requestfailed', (request) => request.isNavigationRequest());
      await page.evaluate((url) => {
        location.assign(url);
      }, address);
      await aborted;
      expect(page.url()).toBe(before);
    }
    const redirect = preventable({ url: 'https://evil.example/', isMainFrame: true });
    double.windows[0]?.webContents.emit('will-redirect', redirect);
    expect(redirect.defaultPrevented).toBe(true);
    expect(await exchange(describeRequest(900_001))).toMatchObject({ ok: true });
  });

  test('opens no other', async () => {
    const popup = context.waitForEvent('page');
    await page.evaluate(() => {
      window.open('https://evil.example/');
    });
    const opened = await popup;
    if (!opened.isClosed()) await opened.waitForEvent('close');
    expect(double.opened.map(({ action }) => action)).toEqual(['deny']);
    expect(context.pages()).toEqual([page]);
  });

  test('comes to the front when a second instance is started', () => {
    double.app.emit('second-instance');
    expect(double.calls.slice(-2)).toEqual(['restore', 'focus']);
  });

  test('listens for the end of a sleep, with the application behind it', () => {
    // True where somebody listens; what the application does then must not throw.
    expect(double.powerMonitor.emit('resume')).toBe(true);
  });
});

describe('the pipe', () => {
  test('has exactly two functions, and nothing of Electron or Node is in the page', async () => {
    const found = await page.evaluate(() => ({
      pipe: Object.entries(window.snaptree ?? {}).map(([name, member]) => [name, typeof member]),
      others: ['require', 'process', 'module', 'electron', 'ipcRenderer', 'Buffer', 'global'].filter(
        (name) => name in window,
      ),
    }));
    expect(found.pipe).toEqual([
      ['call', 'function'],
      ['subscribe', 'function'],
    ]);
    expect(found.others).toEqual([]);
  });

  test('carries a request to the application and its answer back', async () => {
    expect(await exchange(describeRequest(900_002))).toEqual({
      type: 'response',
      id: 900_002,
      ok: true,
      value: expect.objectContaining({ shell: 'desktop', dataFolder: folder }) as unknown,
    });
  });

  test('carries a subscription, and rejections', async () => {
    const subscribe = { type: 'subscribe', id: 900_003, topic: 'hosts', parameters: {} } as const;
    expect(await exchange(subscribe)).toEqual({ type: 'event', id: 900_003, value: [] });
    const unknown = { type: 'request', id: 900_004, name: 'constructor', payload: {} } as const;
    expect(await exchange(unknown)).toMatchObject({ ok: false, error: { code: 'unknownRequest' } });
  });

  test('gives a listener messages only, and stops when told', async () => {
    const count = await page.evaluate(async (message) => {
      const received: unknown[][] = [];
      let stopped = 0;
      const pipe = window.snaptree;
      const stopOne = pipe?.subscribe(() => {
        stopped += 1;
      });
      stopOne?.();
      await new Promise<void>((resolve) => {
        const stop = pipe?.subscribe((...values: unknown[]) => {
          received.push(values);
          stop?.();
          resolve();
        });
        pipe?.call(message);
      });
      return { lengths: received.map((values) => values.length), stopped };
    }, describeRequest(900_005));
    expect(count).toEqual({ lengths: [1], stopped: 0 });
  });
});

describe('the policy', () => {
  test('is a header of every answer of app://', async () => {
    for (const path of ['/', '/no-such', '/../../etc/passwd', '/%2e%2e/package.json', '/..%5cpackage.json']) {
      const answer = await page.evaluate(async (to) => {
        const response = await fetch(to);
        return {
          status: response.status,
          policy: response.headers.get('content-security-policy'),
          text: await response.text(),
        };
      }, path);
      expect(answer.policy).toBe(contentSecurityPolicy);
      expect(answer.status).toBe(path === '/' ? 200 : 404);
      expect(answer.text).not.toMatch(/root:|"dependencies"/);
    }
  });

  test.each([
    [
      'an inline script',
      "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)",
    ],
    ['an inline style', "const s = document.createElement('style'); s.textContent = 'b{}'; document.body.append(s)"],
    [
      'a foreign script',
      "const s = document.createElement('script'); s.src = 'https://evil.example/x.js'; document.body.append(s)",
    ],
    ['a foreign image', "new Image().src = 'https://evil.example/x.png'"],
    ['a frame', "const f = document.createElement('iframe'); f.src = 'https://evil.example/'; document.body.append(f)"],
    ['a connection', "fetch('https://evil.example/').catch(() => 0)"],
    ['a base', "const b = document.createElement('base'); b.href = 'https://evil.example/'; document.head.append(b)"],
    ['evaluation', "setTimeout('window.ran = 1')"],
  ])('stops %s', async (_, script) => {
    const directive = await page.evaluate(
      (source) =>
        new Promise<string>((resolve) => {
          addEventListener(
            'securitypolicyviolation',
            (event) => {
              resolve(event.effectiveDirective);
            },
            { once: true },
          );
          // The test's own evaluation is not bound by the policy; a script element of the page would be.
          (window as unknown as Record<string, () => void>)[source]?.();
        }),
      await define(script),
    );
    expect(directive).not.toBe('');
    expect(await page.evaluate(() => 'ran' in window)).toBe(false);
  });

  /** Makes `script` a function of the page under a name of its own, and gives the name. */
  async function define(script: string): Promise<string> {
    const name = `attack${Math.random().toString(36).slice(2)}`;
    const session = await context.newCDPSession(page);
    await session.send('Runtime.evaluate', { expression: `window.${name} = () => { ${script} }` });
    await session.detach();
    return name;
  }

  test('stops eval', async () => {
    // In a task of its own: what a debugger's evaluation calls may evaluate.
    const name = await define(`return new Promise((resolve) => setTimeout(() => {
      try { resolve(eval('"ran"')); } catch (error) { resolve(error.name); }
    }))`);
    expect(
      await page.evaluate((attack) => (window as unknown as Record<string, () => unknown>)[attack]?.(), name),
    ).toBe('EvalError');
  });
});

describe('permissions', () => {
  test.each(['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'hid', 'usb', 'unknown'])(
    '%s is denied, to our own page, too',
    (permission) => {
      const granted: boolean[] = [];
      double.permissionRequest?.({ getURL: () => 'app://snaptree/' }, permission, (grant) => granted.push(grant));
      expect(granted).toEqual([false]);
      expect(double.permissionCheck?.(null, permission, 'app://snaptree/')).toBe(false);
    },
  );

  test('writing to the clipboard is for our own page', () => {
    expect(double.permissionCheck?.(null, 'clipboard-sanitized-write', 'app://snaptree')).toBe(true);
    expect(double.permissionCheck?.(null, 'clipboard-sanitized-write', 'https://evil.example/')).toBe(false);
    expect(double.permissionCheck?.(null, 'clipboard-sanitized-write', 'app://snaptree.evil/')).toBe(false);
  });

  test('no device is granted', () => {
    expect(double.devicePermission?.()).toBe(false);
  });
});

describe('a sender', () => {
  const own = { parent: null, frameTreeNodeId: 1, url: 'app://snaptree/' };
  const [foreignContents] = [{ mainFrame: own }];

  /** What a message from this frame is answered. */
  function send(senderFrame: unknown, sender: unknown = double.windows[0]?.webContents): unknown[] {
    const [channel] = double.ipcMain.eventNames();
    const replies: unknown[] = [];
    const reply = (_channel: string, message: unknown) => replies.push(message);
    double.ipcMain.emit(channel ?? '', { sender, senderFrame, reply }, describeRequest(900_010));
    return replies;
  }

  test.each([
    ['a frame in the page', { ...own, parent: own, frameTreeNodeId: 2 }],
    ['another top frame', { ...own, frameTreeNodeId: 2 }],
    ['a foreign page', { ...own, url: 'https://evil.example/' }],
    ['a page that looks like ours', { ...own, url: 'app://snaptree.evil/' }],
    ['a page of another host', { ...own, url: 'app://other/' }],
    ['an empty page', { ...own, url: 'about:blank' }],
    ['a file', { ...own, url: 'file:///app://snaptree/' }],
    ['no address', { ...own, url: '' }],
  ])('that is %s is told no', (_, frame) => {
    expect(send(frame)).toMatchObject([{ type: 'response', id: 900_010, ok: false, error: { code: 'forbidden' } }]);
  });

  test('that is another window is told no', () => {
    expect(send(own, foreignContents)).toMatchObject([{ error: { code: 'forbidden' } }]);
  });

  test('whose frame is gone gets nothing, and nothing is done', () => {
    expect(send(null)).toEqual([]);
  });

  test('there is one channel, and one listener on it', () => {
    const channels = double.ipcMain.eventNames();
    expect(channels).toHaveLength(1);
    expect(double.ipcMain.listenerCount(channels[0] ?? '')).toBe(1);
  });
});

describe('a second instance', () => {
  test('opens nothing and ends', async () => {
    const other = await browser.newContext();
    const second = await ElectronDouble.create(other, { isFirstInstance: false });
    await runEntry(entry, second);
    expect(await second.exited.promise).toBe(0);
    expect(second.windows).toEqual([]);
    expect(second.calls).not.toContain('whenReady');
    await other.close();
  });
});

// The last: nothing is left to test afterwards.
describe('the end', () => {
  test('comes with the last window, after the application has been disposed of', async () => {
    double.app.emit('window-all-closed');
    expect(await double.exited.promise).toBe(0);
    expect(double.ipcMain.eventNames()).toEqual([]);
  });
});
