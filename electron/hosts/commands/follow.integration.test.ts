/** Scripts that are followed, over every transport: lines come at once, and nothing is left on the host afterwards. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshServer, up, waitUntil } from '../../../e2e/testbeds/index.ts';
import type { SshServer } from '../../../e2e/testbeds/index.ts';
import { hostSettings, sshConnection } from '../../../shared/model/host.fixtures.ts';
import type { Connection, Host } from '../../../shared/model/host.ts';
import { createConnect } from '../connect.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { createSession, systemClock } from '../session.ts';
import type { Session } from '../session.ts';

const folder = mkdtempSync(join(tmpdir(), 'snaptree-follow-'));
const sshConfigFile = join(folder, 'ssh_config');
let server: SshServer;
let narrow: SshServer;
let keyFile: string;

beforeAll(async () => {
  ({ keyFile } = await up());
  server = await startSshServer({ name: 'a2-follow' });
  const config = [
    'Host alias-of-host',
    'HostName 127.0.0.1',
    `Port ${server.port}`,
    'User root',
    `IdentityFile ${keyFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${join(folder, 'openssh_known_hosts')}`,
    '',
  ];
  writeFileSync(sshConfigFile, config.join('\n'));
  narrow = await startSshServer({ name: 'a2-narrow', settings: ['MaxSessions 1'] });
});

afterAll(async () => {
  await server.stop();
  await narrow.stop();
  rmSync(folder, { recursive: true });
});

async function connected(connection: Connection): Promise<Session> {
  const questions = createQuestions();
  questions.onChange(() => {
    for (const { id } of questions.list()) questions.answer(id, { kind: 'accept' });
  });
  const knownHosts = createKnownHosts(join(folder, 'known_hosts'), []);
  const connect = createConnect({ questions, knownHosts, environment: {}, sshConfigFile });
  const host: Host = { ...hostSettings({ connection }), id: randomUUID() };
  const session = createSession({ host: () => host, connect, clock: systemClock, onChange: () => undefined });
  await session.connect();
  return session;
}

const overSsh = (to: SshServer): Connection =>
  sshConnection({ address: '127.0.0.1', port: to.port, authentication: { method: 'keyFile', path: keyFile } });

/** Whether a process with this word in its command line runs on this machine. */
function isRunning(word: string): boolean {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .some((line) => line.startsWith('sleep ') && line.includes(word));
}

/** A script as that of the watcher, with a sleep of its own length in place of virsh. */
const script = (seconds: string): string => `echo 'one
tw'"o"; printf 'é\\n'
exec 3<&0
sleep ${seconds} </dev/null 3<&- &
watcher=$!
{ while read -r line <&3; do :; done; kill "$watcher"; } >/dev/null 2>&1 &
exec 3<&-
wait "$watcher"
`;

/** Follows the script until all its lines came. */
async function follow(session: Session, seconds: string) {
  const controller = new AbortController();
  const lines: string[] = [];
  let onLines: () => void = () => undefined;
  const came = new Promise<void>((resolve) => (onLines = resolve));
  const outcome = session.runner
    .follow({
      script: script(seconds),
      title: 'Following',
      signal: controller.signal,
      onLine: (line) => {
        lines.push(line);
        if (line === 'é') onLines();
      },
    })
    .then(
      () => 'ended',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    );
  await Promise.race([came, outcome]);
  return { controller, lines, outcome };
}

describe.each(['local', 'ssh', 'openssh'] as const)('a followed script (%s)', (transport) => {
  const place = (): Connection => {
    if (transport === 'local') return { transport };
    if (transport === 'ssh') return overSsh(server);
    return { transport, destination: 'alias-of-host', port: null, user: null };
  };
  let unique = 0;
  const seconds = (): string => `${86_400 + (process.pid % 10_000)}.${transport.length}${++unique}`;

  it('gives its lines while it runs, beside other commands, and ends when it is told to', async () => {
    const session = await connected(place());
    const length = seconds();
    const { controller, lines, outcome } = await follow(session, length);
    expect(lines).toEqual(['one', 'two', 'é']);
    expect(isRunning(length)).toBe(true);
    expect((await session.runner.run({ argv: ['echo', 'x'] })).stdout).toBe('x\n');
    controller.abort();
    expect(await outcome).toBe('cancelled');
    await waitUntil('the command to end', () => !isRunning(length));
    session.disconnect();
  });

  it('leaves nothing on the host after disconnecting', async () => {
    const session = await connected(place());
    const length = seconds();
    const { outcome } = await follow(session, length);
    session.disconnect();
    expect(await outcome).toBe('connectionLost');
    await waitUntil('the command to end', () => !isRunning(length));
  });

  it('tells how it ended by itself', async () => {
    const session = await connected(place());
    const follow = (body: string) =>
      session.runner.follow({
        script: body,
        title: 'F',
        signal: new AbortController().signal,
        onLine: () => undefined,
      });
    expect(await follow('echo x')).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(follow('echo no >&2; exit 3')).rejects.toMatchObject({
      code: 'commandFailed',
      data: { exitCode: '3' },
    });
    await expect(follow('exit 127')).rejects.toMatchObject({ code: 'commandNotFound' });
    session.disconnect();
  });
});

describe('a followed script', () => {
  it('leaves nothing on the host after the connection was cut', async () => {
    const session = await connected(overSsh(server));
    const length = '86399.3';
    const { outcome } = await follow(session, length);
    server.dropConnections();
    expect(await outcome).toBe('connectionLost');
    await waitUntil('the command to end', () => !isRunning(length));
    session.disconnect();
  });

  it('gives way where the host allows one session only', async () => {
    const session = await connected(overSsh(narrow));
    const length = '86399.4';
    const { outcome } = await follow(session, length);
    expect((await session.runner.run({ argv: ['echo', 'x'] })).stdout).toBe('x\n');
    expect(await outcome).toBe('channelRefused');
    await waitUntil('the command to end', () => !isRunning(length));
    expect(await (await follow(session, length)).outcome).toBe('channelRefused');
    session.disconnect();
  });
});
