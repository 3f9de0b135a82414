/** Who gets into the browser shell, in a real browser: what other programs on this computer can learn from it, and do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';
import { shellEnvironment } from './shells/shell.ts';
import { expect, test } from './shells/test.ts';
import { waitUntil } from './testbeds/index.ts';

test.skip(({ shellKind }) => shellKind !== 'browser', 'Only the browser shell listens on a port.');

const servers: Server[] = [];
test.afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server of somebody else: keeps what it is sent, and answers with a page. */
async function foreignServer(port = 0) {
  const requests: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>foreign</title>');
  });
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { server, requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const welcome = { name: 'Try it on a demo fleet' };

test('a foreign server on another port learns nothing that opens the socket or a download', async ({ app }) => {
  const { page } = app;
  await expect(page.getByRole('button', welcome)).toBeVisible();
  const own = new URL(page.url());
  expect(own.href).toBe(`${own.origin}/`);

  const foreign = await foreignServer();
  const visit = await page.context().newPage();
  await visit.goto(foreign.url);
  // Everything that a browser sends of its own accord. There is no cookie, for any port to see.
  expect(foreign.requests.length).toBeGreaterThan(0);
  for (const headers of foreign.requests) expect(headers.cookie).toBeUndefined();
  expect(await page.context().cookies()).toEqual([]);
  expect(await visit.evaluate(() => localStorage.length)).toBe(0);

  // From the foreign page.
  const outcomes = await visit.evaluate(async (origin) => {
    const socket = await new Promise<string>((resolve) => {
      const attempt = new window.WebSocket(`${origin.replace('http', 'ws')}/ipc`);
      attempt.onopen = () => {
        resolve('open');
      };
      attempt.onclose = () => {
        resolve('closed');
      };
    });
    const read = await fetch(`${origin}/`).then(
      () => 'read',
      () => 'kept out',
    );
    return { socket, read };
  }, own.origin);
  expect(outcomes).toEqual({ socket: 'closed', read: 'kept out' });

  // From the foreign server itself, with headers as our own page would send them: the socket opens, and serves nothing.
  const socket = new WebSocket(`${own.origin.replace('http', 'ws')}/ipc`, { headers: { origin: own.origin } });
  await once(socket, 'open');
  const answers: string[] = [];
  socket.on('message', (data: Buffer) => answers.push(data.toString('utf8')));
  const closed = once(socket, 'close');
  socket.send(JSON.stringify({ type: 'request', id: 1, name: 'application.describe', payload: {} }));
  await closed;
  expect(answers).toEqual(['{"type":"refused"}']);
  expect((await fetch(`${own.origin}/downloads/${'A'.repeat(43)}`)).status).toBe(404);
});

test('a reload and another tab of the same browser need no token, and another browser does', async ({
  app,
  browser,
}) => {
  const { page } = app;
  await expect(page.getByRole('button', welcome)).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', welcome)).toBeVisible();
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await expect(tab.getByRole('button', welcome)).toBeVisible();

  const other = await browser.newContext();
  const stranger = await other.newPage();
  await stranger.goto(page.url());
  await expect(stranger.getByRole('status')).toContainText('This browser has not been let in');
  await stranger.goto(`${page.url()}?token=${'A'.repeat(43)}`);
  await expect(stranger.getByRole('status')).toContainText('This address is not good any more');
  await other.close();
});

test('what takes the port when Snaptree has ended learns nothing from a page that is still open, and shows it nothing', async ({
  start,
}) => {
  const running = await start();
  const { page } = running.app;
  await expect(page.getByRole('button', welcome)).toBeVisible();
  const key = await page.evaluate(() => localStorage.getItem('snaptree.key'));
  expect(key).toHaveLength(43);
  await running.kill();

  const { server } = await foreignServer(Number(new URL(page.url()).port));
  const received: string[] = [];
  const sockets = new WebSocketServer({ server, path: '/ipc' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      received.push(data.toString('utf8'));
      // All that it can do: claim to be Snaptree, and ask for a password.
      const nonce = 'A'.repeat(43);
      socket.send(JSON.stringify({ type: 'challenge', nonce, proof: nonce }));
      socket.send(JSON.stringify({ type: 'welcome' }));
    });
  });
  await expect(page.getByRole('status')).toContainText('The Snaptree of this page has ended');
  expect(received.length).toBeGreaterThan(0);
  for (const text of received) {
    expect(JSON.parse(text)).toMatchObject({ type: 'hello' });
    expect(text).not.toContain(key);
  }
  await expect(page.getByRole('dialog')).toHaveCount(0);
  sockets.close();
});

test('the page that the browser is started with lets it in, and goes', async ({ page, dataFolder, shellKind }) => {
  expect(shellKind).toBe('browser');
  const folder = await mkdtemp(join(tmpdir(), 'snaptree-launch-'));
  const homeFolder = join(folder, 'home');
  await mkdir(homeFolder);
  // A "browser" that writes down what it was started with.
  const given = join(folder, 'given');
  await writeFile(
    join(folder, 'xdg-open'),
    `#!/bin/sh\nprintf '%s' "$1" >'${given}.new' && mv '${given}.new' '${given}'\n`,
    {
      mode: 0o755,
    },
  );
  const script = fileURLToPath(new URL('../build/start.ts', import.meta.url));
  const child = spawn(process.execPath, [script, '--browser', '--no-build'], {
    env: {
      ...shellEnvironment({ dataFolder, homeFolder }),
      DISPLAY: ':0',
      PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    },
    stdio: 'ignore',
  });
  await waitUntil('the browser to be started', () => existsSync(given));
  const launch = await readFile(given, 'utf8');
  expect(launch).toMatch(/^file:\/\/.*\/home\/snaptree-open-\w+\/open\.html$/);
  await page.goto(launch);
  await expect(page.getByRole('button', welcome)).toBeVisible();
  expect(new URL(page.url()).search).toBe('');
  await waitUntil('the page to be gone', () => !existsSync(fileURLToPath(launch)));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await rm(folder, { recursive: true });
});
