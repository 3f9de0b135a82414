import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { contentSecurityPolicy } from '../page/content-security-policy.ts';
import { recordingLog, stubHandlers } from '../ipc/stub-handlers.fixtures.ts';
import { readStaticFiles } from '../page/static-files.ts';
import { createDownloads } from './downloads.ts';
import { heard, keyFor, openPage, proofOf, prove, say, socketTo } from './page.fixtures.ts';
import { startServer } from './server.ts';
import type { Server } from './server.ts';

const described = { version: '1', shell: 'browser', dataFolder: '/d', userName: 'u' } as const;
const describeRequest = JSON.stringify({ type: 'request', id: 1, name: 'application.describe', payload: {} });

let folder = '';
let server: Server;
const downloads = createDownloads();
const dispose = vi.fn();
const { log, lines } = recordingLog();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-server-'));
  const pages = join(folder, 'renderer');
  await mkdir(join(pages, 'assets'), { recursive: true });
  await writeFile(join(pages, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(pages, 'assets', 'a.js'), 'void 0;');
  await writeFile(join(pages, 'notes.key'), 'secret');
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await symlink(join(folder, 'secret.txt'), join(pages, 'link.txt'));
  await symlink(folder, join(pages, 'folder'));
  const handlers = stubHandlers({
    requests: { 'application.describe': () => Promise.resolve(described) },
    subscriptions: { notices: (_, emit) => (emit([]), dispose) },
  });
  const files = await readStaticFiles(pages);
  server = await startServer({ handlers, files, downloads, port: 0, log, pingInterval: 60_000 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request as a browser would not send it: any path, any headers. */
async function get(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false });
  sent.end();
  const [response] = await new Promise<[IncomingMessage]>((resolve, reject) => {
    sent.once('response', (answer) => {
      resolve([answer]);
    });
    sent.once('error', reject);
  });
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** What the server answers to these bytes. */
async function raw(text: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.write(text, 'latin1');
  await once(socket, 'close');
  return answer;
}

const host = () => `127.0.0.1:${server.port}`;
const path = () => `/${new URL(server.url).search}`;

describe('the page', () => {
  test.each(['/', '/?token=x', '/?token=', `/?token=${'A'.repeat(10_000)}`, '/?token=%00', '/?token=%ff'])(
    'is served for %s, sets no cookie and uses up no token',
    async (to) => {
      const answer = await get(to);
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
      expect(answer.body).toContain('page');
      const { url } = server.createLaunchUrl();
      await get(`/${new URL(url).search}`);
      (await openPage(url)).terminate();
    },
  );
});

describe('the token', () => {
  const opened = async () => {
    const socket = socketTo(server.port);
    await once(socket, 'open');
    return socket;
  };

  test('has 256 bits, and so has the key, which is another value', async () => {
    const token = new URL(server.url).searchParams.get('token') ?? '';
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const key = await keyFor(await opened(), server.url);
    expect(Buffer.from(key ?? '', 'base64url')).toHaveLength(32);
    expect(key).not.toBe(token);
  });

  test.each(['', 'x', 'A'.repeat(43)])('that is wrong is refused: %j', async (wrong) => {
    const socket = await opened();
    say(socket, { type: 'enter', token: wrong });
    expect(await heard(socket)).toEqual({ type: 'refused' });
    await once(socket, 'close');
  });

  test('of a launch is good once', async () => {
    const launch = server.createLaunchUrl().url;
    const other = server.createLaunchUrl().url;
    expect(await keyFor(await opened(), launch)).not.toBeNull();
    expect(await keyFor(await opened(), launch)).toBeNull();
    expect(await keyFor(await opened(), other)).not.toBeNull();
  });

  test('is never logged, and neither is the key', async () => {
    const socket = await opened();
    const key = await keyFor(socket, server.url);
    await get(`/nowhere${new URL(server.url).search}`);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toContain(new URL(server.url).searchParams.get('token'));
    expect(lines.join()).not.toContain(key);
  });
});

describe('the handshake', () => {
  let key = '';
  beforeAll(async () => {
    const socket = await openPage(server.url);
    socket.terminate();
    const other = socketTo(server.port);
    await once(other, 'open');
    key = (await keyFor(other, server.url)) ?? '';
    other.terminate();
  });
  const nonce = 'N'.repeat(43);

  test('lets in who knows the key, and is known by it', async () => {
    const socket = socketTo(server.port);
    await once(socket, 'open');
    expect(await prove(socket, key)).toBe(true);
    socket.terminate();
  });

  test.each([
    ['another key', (serverNonce: string) => proofOf('page', 'K'.repeat(43), nonce, serverNonce)],
    ['the server’s own proof', (serverNonce: string) => proofOf('server', key, nonce, serverNonce)],
    ['the proof of another time', () => proofOf('page', key, nonce, 'S'.repeat(43))],
    ['the key itself', () => key],
  ])('refuses %s', async (_, proof) => {
    const socket = socketTo(server.port);
    await once(socket, 'open');
    say(socket, { type: 'hello', nonce });
    const challenge = await heard(socket);
    if (challenge?.type !== 'challenge') throw new Error('no challenge');
    say(socket, { type: 'proof', proof: proof(challenge.nonce) });
    expect(await heard(socket)).toEqual({ type: 'refused' });
    await once(socket, 'close');
  });

  test.each([
    ['a request', describeRequest],
    ['a proof before the challenge', JSON.stringify({ type: 'proof', proof: nonce })],
    ['no JSON', '{'],
    ['a long frame', JSON.stringify({ type: 'enter', token: 'x'.repeat(5000) })],
    ['bytes', Buffer.from('{}')],
  ])('ends at %s', async (_, frame) => {
    const socket = socketTo(server.port);
    await once(socket, 'open');
    socket.send(frame);
    expect(await heard(socket)).toEqual({ type: 'refused' });
    await once(socket, 'close');
  });
});

describe('a download', () => {
  async function offered(): Promise<string> {
    const bytes = new TextEncoder().encode('<script>alert(1)</script>');
    const saved = await downloads.save({ suggestedName: 'report.html', mediaType: 'text/html; charset=utf-8', bytes });
    return saved.outcome === 'download' ? saved.url : '';
  }

  test('is had once, as a file that is never shown as a page of ours', async () => {
    const path = await offered();
    expect((await get(path, {}, 'HEAD')).status).toBe(404);
    const { status, headers, body } = await get(path);
    expect([status, body]).toEqual([200, '<script>alert(1)</script>']);
    expect(headers['content-disposition']).toContain('attachment; filename="report.html"');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': contentSecurityPolicy,
      'cache-control': 'no-store',
    });
    expect((await get(path)).status).toBe(404);
  });

  test('is not for a rebinding host, and stays for our page', async () => {
    const path = await offered();
    expect((await get(path, { host: 'evil.example' })).status).toBe(403);
    expect((await get(path)).status).toBe(200);
  });
});

describe('a rebinding host', () => {
  test.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost',
    // Whoever listens on [::1] is asked first under this name.
    'localhost:PORT',
    'LOCALHOST:PORT',
    '[::1]:PORT',
    '127.0.0.1.:PORT',
    '0.0.0.0:PORT',
    ' ',
  ])('%j is refused', async (name) => {
    for (const to of ['/', path()]) {
      const answer = await get(to, { host: name.replace('PORT', String(server.port)) });
      expect(answer.status).toBe(403);
    }
  });

  test('in a second Host header, in none, or in the request line is refused', async () => {
    const letIn = 'Connection: close\r\n\r\n';
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\nHost: evil.example\r\n${letIn}`)).toMatch(
      /^HTTP\/1.1 40[03]/,
    );
    expect(await raw(`GET / HTTP/1.1\r\n${letIn}`)).toMatch(/^HTTP\/1.1 403/);
    expect(await raw(`GET / HTTP/1.0\r\n${letIn}`)).toMatch(/^HTTP\/1.1 403/);
    expect(await raw(`GET http://evil.example/ HTTP/1.1\r\nHost: ${host()}\r\n${letIn}`)).toMatch(/^HTTP\/1.1 400/);
    expect(await raw(`GET //evil.example/ HTTP/1.1\r\nHost: ${host()}\r\n${letIn}`)).toMatch(/^HTTP\/1.1 400/);
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\n${letIn}`)).toMatch(/^HTTP\/1.1 200/);
  });
});

describe('files', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', 'no-store'],
    ['/index.html', 'text/html; charset=utf-8', 'no-store'],
    ['/index.html?a=/../b', 'text/html; charset=utf-8', 'no-store'],
    ['/assets/a.js', 'text/javascript; charset=utf-8', 'private, max-age=31536000, immutable'],
  ])('%s is served as %s', async (to, type, caching) => {
    const { status, headers } = await get(to);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, type, caching]);
  });

  test.each([
    '/../../etc/passwd',
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/assets/../index.html',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e%252fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/assets\\..\\..\\secret.txt',
    '/index.html%00.js',
    '/%00',
    '/%c0%ae%c0%ae/secret.txt',
    '/./index.html',
    '/link.txt',
    '/folder/secret.txt',
    '/notes.key',
    '/assets',
    '/assets/',
    '/__proto__',
    '/constructor',
    '/%',
  ])('%s reaches nothing', async (to) => {
    const answer = await raw(`GET ${to} HTTP/1.1\r\nHost: ${host()}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 40[04]/);
    expect(answer).not.toContain('secret\n');
    expect(answer).not.toContain('root:');
  });

  test('a NUL in the request line is not HTTP', async () => {
    expect(await raw(`GET /index.html\0.js HTTP/1.1\r\nHost: ${host()}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400/);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('are not for %s', async (method) => {
    expect((await get('/', {}, method)).status).toBe(405);
  });

  test('HEAD gives the head', async () => {
    const answer = await get('/', {}, 'HEAD');
    expect([answer.status, answer.body]).toEqual([200, '']);
  });
});

describe('every answer', () => {
  test.each([
    ['the page', '/'],
    ['a script', '/assets/a.js'],
    ['nothing', '/none'],
    ['the page with a token', '/?token=x'],
    ['the socket’s path', '/ipc'],
  ])('(%s) carries the policy', async (_, to) => {
    const { headers } = await get(to);
    expect(headers).toMatchObject({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test.each([
    ['junk', 'not http at all\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: cake\r\nConnection: close\r\n\r\n'],
    [
      'an upgrade to something else',
      'GET /ipc HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    ],
    ['a refused upgrade', 'GET /ipc HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ])('to %s does so, too', async (_, text) => {
    const answer = await raw(text.replaceAll('HOST', host()));
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d/);
    expect(answer).toContain(contentSecurityPolicy);
  });
});

describe('a connection that was refused', () => {
  test.each([
    ['junk', 'not http at all\r\n\r\n'],
    ['a foreign socket', 'GET /ipc HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ])('(%s) is destroyed, though the other end keeps its half open', async (_, text) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.resume();
    socket.write(text);
    await once(socket, 'end');
    // A half that is open takes what is written; one that is gone answers with a reset.
    const writing = setInterval(() => socket.write('x'), 50);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    clearInterval(writing);
    expect(error.code).toMatch(/^(EPIPE|ECONNRESET)$/);
  });
});

describe('the policy', () => {
  test('allows nothing inline, evaluated, foreign or framed', () => {
    expect(contentSecurityPolicy).toMatch(/^default-src 'none'; /);
    expect(contentSecurityPolicy).not.toMatch(/unsafe|\*|https?:|blob:/);
    expect(contentSecurityPolicy).toContain("frame-ancestors 'none'");
  });
});

describe('the network', () => {
  test('is loopback alone', async () => {
    const foreign = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one !== undefined && !one.internal && one.family === 'IPv4')
      .map((one) => one?.address ?? '');
    // 127.0.0.2 is a loopback address that a server on 0.0.0.0 would answer, also where there is no other interface.
    for (const other of ['127.0.0.2', '::1', ...foreign]) {
      const socket = connect(server.port, other);
      const outcome = await new Promise<string>((resolve) => {
        socket.once('connect', () => {
          resolve('connected');
        });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? '');
        });
      });
      socket.destroy();
      expect(['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EAFNOSUPPORT']).toContain(outcome);
    }
  });
});

describe('the socket', () => {
  type Headers = Record<string, string>;
  const open = (headers: Headers, to = '/ipc') => new WebSocket(`ws://${host()}${to}`, { headers });
  const own = (): Headers => ({ origin: `http://${host()}` });

  async function statusOf(headers: Headers, to?: string): Promise<number> {
    const socket = open(headers, to);
    return new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      socket.once('open', () => {
        socket.terminate();
        resolve(101);
      });
      socket.on('error', () => undefined);
    });
  }

  const opened = (): Promise<WebSocket> => openPage(server.url);

  async function nextMessage(socket: WebSocket): Promise<unknown> {
    const text = await new Promise<string>((resolve) => {
      socket.once('message', (data: Buffer) => {
        resolve(data.toString('utf8'));
      });
    });
    const value: unknown = JSON.parse(text);
    return value;
  }

  test('answers our own page', async () => {
    const socket = await opened();
    socket.send(describeRequest);
    expect(await nextMessage(socket)).toEqual({ type: 'response', id: 1, ok: true, value: described });
    socket.terminate();
  });

  test.each([
    ['a foreign origin', { origin: 'http://evil.example' }, 403],
    ['another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['https', { origin: 'https://HOST' }, 403],
    ['a sandboxed frame', { origin: 'null' }, 403],
    ['an origin that begins like ours', { origin: 'http://HOST.evil.example' }, 403],
    ['a rebinding host', { host: 'evil.example:PORT', origin: 'http://evil.example:PORT' }, 403],
    ['localhost', { host: 'localhost:PORT', origin: 'http://localhost:PORT' }, 403],
  ])('refuses %s', async (_, changed, status) => {
    const headers = Object.fromEntries(
      Object.entries({ ...own(), ...changed }).map(([name, value]) => [
        name,
        value.replace('HOST', host()).replace('PORT', String(server.port)),
      ]),
    );
    expect(await statusOf(headers)).toBe(status);
  });

  test('refuses a client without Origin, which is no browser', async () => {
    expect(await statusOf({})).toBe(403);
  });

  test('refuses other paths', async () => {
    expect(await statusOf(own(), `/ipc${new URL(server.url).search}`)).toBe(404);
    expect(await statusOf(own(), '/')).toBe(404);
    expect(await statusOf(own(), '/ipc/')).toBe(404);
  });

  test('cuts off a page that sends too much, and serves the next', async () => {
    const socket = await opened();
    socket.send('x'.repeat(1024 * 1024 + 1));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
    expect(await statusOf(own())).toBe(101);
  });

  test('survives junk frames, and cuts off who sends nothing else', async () => {
    const socket = await opened();
    socket.send('{');
    socket.send(Buffer.from([0, 1, 2]));
    socket.send('null');
    socket.send('"text"');
    socket.send('[]');
    socket.send(`{"__proto__": {"type": "request"}, "id": 9}`);
    expect(await nextMessage(socket)).toMatchObject({ id: 9, ok: false, error: { code: 'invalidRequest' } });
    socket.send(describeRequest);
    expect(await nextMessage(socket)).toMatchObject({ id: 1, ok: true });
    for (let count = 0; count < 20; count += 1) socket.send('{');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1008);
  });

  test('cuts off a client that breaks the protocol', async () => {
    const socket = await opened();
    const stream: unknown = Reflect.get(socket, '_socket');
    if (!(stream instanceof Duplex)) throw new Error('ws keeps its stream elsewhere now');
    stream.write(Buffer.from([0xff, 0xff, 0xff]));
    await once(socket, 'close');
    expect(await statusOf(own())).toBe(101);
  });

  test('disposes of what a page opened when it goes away', async () => {
    const socket = await opened();
    dispose.mockClear();
    socket.send(JSON.stringify({ type: 'subscribe', id: 1, topic: 'notices', parameters: {} }));
    expect(await nextMessage(socket)).toEqual({ type: 'event', id: 1, value: [] });
    const gone = new Promise<void>((resolve) => dispose.mockImplementationOnce(resolve));
    socket.terminate();
    await gone;
    expect(dispose).toHaveBeenCalledTimes(1);
  });
});

describe('a server', () => {
  const files = { find: () => undefined };

  test('cuts off a page that does not answer pings', async () => {
    const other = await startServer({ handlers: stubHandlers(), files, port: 0, log, pingInterval: 20 });
    const socket = await openPage(other.url, { autoPong: false });
    await once(socket, 'close');
    await other.close();
  });

  test('that closes disposes of what its pages opened, and frees its port', async () => {
    const closing = vi.fn();
    const handlers = stubHandlers({ subscriptions: { notices: (_, emit) => (emit([]), closing) } });
    const other = await startServer({ handlers, files, port: 0, log });
    const socket = await openPage(other.url);
    socket.send(JSON.stringify({ type: 'subscribe', id: 1, topic: 'notices', parameters: {} }));
    await once(socket, 'message');
    await other.close();
    expect(closing).toHaveBeenCalledTimes(1);
    const again = await startServer({ handlers, files, port: other.port, log });
    await again.close();
  });

  test('says which port it cannot have', async () => {
    await expect(startServer({ handlers: stubHandlers(), files, port: server.port, log })).rejects.toThrow(
      String(server.port),
    );
  });
});
