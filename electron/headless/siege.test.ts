/** Thousands of real connections against a process that may have 256 files open. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { openPage } from './page.fixtures.ts';

const descriptors = 256;
/** For each kind of connection: more than twice what the process could keep. */
const attackers = 600;

/** Milliseconds: thousands of connections take a while on a busy machine. */
const patience = 60_000;

let folder = '';
let child: ChildProcessWithoutNullStreams;
let lines: AsyncIterator<string>;
let url = '';
const attack = new Set<Socket>();

const nextLine = async (): Promise<string> => String((await lines.next()).value);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-siege-'));
  await mkdir(join(folder, 'renderer'));
  await writeFile(join(folder, 'renderer', 'index.html'), '<!doctype html><title>page</title>');
  const program = fileURLToPath(new URL('siege.fixtures.ts', import.meta.url));
  const command = `ulimit -n ${descriptors} && exec "$0" "$@"`;
  child = spawn('/bin/sh', ['-c', command, process.execPath, program, join(folder, 'renderer'), join(folder, 'data')]);
  child.stderr.pipe(process.stderr);
  lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const [limit, address] = (await nextLine()).split(' ');
  expect(limit).toBe(String(descriptors));
  url = address ?? '';
});
afterEach(() => {
  for (const socket of attack) socket.destroy();
  attack.clear();
});
afterAll(async () => {
  const ended = once(child, 'exit');
  child.stdin.end();
  await ended;
  await rm(folder, { recursive: true });
});

/** Opens a connection, sends `text` and keeps its end open for as long as the server lets it. */
async function besiege(text: string): Promise<void> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
  attack.add(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (text !== '') socket.write(text);
}

const openDescriptors = async () => (await readdir(`/proc/${child.pid ?? 0}/fd`)).length;

describe.skipIf(process.platform !== 'linux')('thousands of connections', () => {
  const upgrade = (origin: string) =>
    `GET /ipc HTTP/1.1\r\nHost: HOST\r\nOrigin: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

  test.each([
    ['that say nothing', ''],
    ['that do not end their headers', 'GET / HTTP/1.1\r\nHost: HOST\r\n'],
    ['that do not speak HTTP', 'junk\r\n\r\n'],
    ['that ask for a page and do not leave', 'GET / HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['whose socket was refused', upgrade('http://evil.example')],
    ['that never shake hands', upgrade('http://HOST')],
  ])(
    '%s keep neither the journal nor a page from working',
    async (_, text) => {
      const { host } = new URL(url);
      const page = await openPage(url);
      for (let count = 0; count < attackers; count += 100) {
        await Promise.all(Array.from({ length: 100 }, () => besiege(text.replaceAll('HOST', host))));
      }
      expect(await openDescriptors()).toBeLessThan((descriptors * 3) / 4);
      child.stdin.write('\n');
      expect(await nextLine()).toBe('written');
      // Who was let in before stays, and who comes now is let in.
      expect(await answers(page)).toContain('"shell":"browser"');
      expect(await (await fetch(url)).text()).toContain('<title>page');
      const late = await openPage(url);
      expect(await answers(late)).toContain('"shell":"browser"');
      for (const each of [page, late]) each.terminate();
    },
    patience,
  );
});

async function answers(page: WebSocket): Promise<string> {
  page.send(JSON.stringify({ type: 'request', id: 1, name: 'application.describe', payload: {} }));
  const [data] = (await once(page, 'message')) as [Buffer];
  return data.toString('utf8');
}
