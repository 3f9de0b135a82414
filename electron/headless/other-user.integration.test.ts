/** What another user of the same machine can get hold of: a real one, who reads /proc and connects to what listens. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { accounts, accountIds, up, waitUntil } from '../../e2e/testbeds/index.ts';
import { openPage } from './page.fixtures.ts';

/**
 * Looks at every process again and again until its stdin ends, and prints what it finds: tokens on command lines and in
 * environments, and the content of every launch page that it learns of. "round" tells that it has seen a page once more.
 */
const watcher = String.raw`
use strict; use IO::Select; $| = 1;
my %found; my $select = IO::Select->new(\*STDIN); print "ready\n";
sub found { my ($what) = @_; print "$what\n" unless $found{$what}++; }
until ($select->can_read(0)) {
  for my $file (glob('/proc/[0-9]*/cmdline'), glob('/proc/[0-9]*/environ')) {
    next if $file =~ m{/$$/};
    open(my $handle, '<', $file) or next; local $/; my $text = <$handle> // '';
    found("token $1") while $text =~ /token=([\w-]{43})/g;
    while ($text =~ m{file://(/[^\0]*snaptree-open-[^\0]*)}g) {
      found("path $1");
      if (open(my $page, '<', $1)) { found("content " . <$page>) }
    }
  }
  found("round") if grep { /^path/ } keys %found;
}
`;

/** Sends stdin to 127.0.0.1:PORT and prints what comes back. */
const connector = String.raw`
use strict; use IO::Socket::INET; local $/; my $text = <STDIN>;
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]) or die "no connection: $!\n";
$SIG{PIPE} = 'IGNORE'; print $socket $text; $socket->flush; print <$socket> // '';
`;

let folder: string;
let other: { readonly uid: number; readonly gid: number };
let server: ChildProcess | null = null;

beforeAll(async () => {
  await up();
  other = accountIds(accounts.outsider);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-other-user-'));
  // Not for the sake of the pages in it: nothing but their own mode may keep others out.
  chmodSync(folder, 0o755);
});
afterEach(async () => {
  if (server !== null && server.exitCode === null) {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  }
  server = null;
  rmSync(folder, { recursive: true });
});

/** A program of the other user; `output` when it has ended. */
function asOther(script: string, ...parameters: readonly string[]) {
  const child = spawn('perl', ['-e', script, ...parameters], {
    ...other,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const output = once(child, 'close').then(() => text);
  return { child, output, said: () => text };
}

/** The shell with a "browser" that only keeps the address that it was given, and lives for as long as the shell does. */
async function startServer(...parameters: readonly string[]) {
  const [renderer, programs, home] = ['renderer', 'programs', 'home'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [renderer, programs, home]) mkdirSync(each);
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>page</title>');
  const given = join(folder, 'given');
  writeFileSync(
    join(programs, 'xdg-open'),
    `#!/bin/sh\nprintf '%s' "$1" >'${given}.new' && mv '${given}.new' '${given}'\nsleep 5\n`,
    { mode: 0o755 },
  );
  const program = fileURLToPath(new URL('serve-stub.fixtures.ts', import.meta.url));
  server = spawn(process.execPath, [program, renderer, ...parameters], {
    env: { ...process.env, HOME: home, DISPLAY: ':0', PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  server.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  await waitUntil('the address', () => out.includes('\n'));
  return { address: out.trim(), given };
}

describe('another user', () => {
  test('sees no token while the browser is opened, and cannot read the page that holds it', async () => {
    const watching = asOther(watcher);
    await waitUntil('the other user to watch', () => watching.said().includes('ready'));
    const { address: printed, given } = await startServer('--port', '0');
    await waitUntil('the browser to be started', () => existsSync(given));
    const launch = new URL(readFileSync(given, 'utf8'));
    expect(launch.protocol).toBe('file:');
    await waitUntil('the other user to have seen it', () => watching.said().includes('round'));
    const address = /url=([^"]+)"/.exec(readFileSync(launch, 'utf8'))?.[1] ?? '';
    watching.child.stdin.end('\n');
    const seen = await watching.output;
    // It did look: the path is there for all to see, and nothing else.
    expect(seen).toContain(`path ${fileURLToPath(launch)}\n`);
    for (const url of [printed, address]) expect(seen).not.toContain(new URL(url).searchParams.get('token'));
    expect(seen).not.toContain('content');
    // The browser of the user gets in, and the page goes.
    (await openPage(address)).terminate();
    await waitUntil('the page to be gone', () => !existsSync(launch));
  });

  test('is served nothing, even with the token', async () => {
    const { address } = await startServer('--port', '0', '--no-open');
    const { host, port, search } = new URL(address);
    const requests = [
      `GET /${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      `GET /ipc HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    ];
    for (const request of requests) {
      const attempt = asOther(connector, port);
      attempt.child.stdin.end(request);
      const answer = await attempt.output;
      expect(answer).toMatch(/^HTTP\/1.1 403 /);
      expect(answer).toContain('serves the user who started it');
      expect(answer).not.toContain('<title>');
    }
    // The user who started it is served all the while.
    expect(await (await fetch(address)).text()).toContain('<title>page');
    (await openPage(address)).terminate();
  });
});
