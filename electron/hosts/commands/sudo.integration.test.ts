/** Running through sudo, with the real one: what it lets through, and each way in which it refuses. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSshServer, up } from '../../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../../e2e/testbeds/index.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import { hostWithId, sshConnection } from '../../../shared/model/host.fixtures.ts';
import { createLibvirtDriver } from '../../hypervisors/libvirt/index.ts';
import { createConnect } from '../connect.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { createSession, systemClock } from '../session.ts';
import type { Session } from '../session.ts';

/** Rules for the testbed's users, in a file of their own that is taken away again. */
const sudoers = '/etc/sudoers.d/snaptree-testbed';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;
const open: Session[] = [];

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'b-sudo' });
  folder = mkdtempSync(join(tmpdir(), 'snaptree-sudo-'));
  writeFileSync(join(folder, 'known_hosts'), server.knownHosts().join('\n'));
});

afterEach(() => {
  for (const session of open.splice(0)) session.disconnect();
  rmSync(sudoers, { force: true });
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function asOutsider(rules: string, port = server.port): Promise<Session> {
  writeFileSync(sudoers, rules.replaceAll('USER', testbed.users.outsider), { mode: 0o440 });
  const connection = sshConnection({
    address: '127.0.0.1',
    port,
    user: testbed.users.outsider,
    authentication: { method: 'keyFile', path: testbed.keyFile },
  });
  const host = { ...hostWithId('test host', { connection, sudo: true }), id: crypto.randomUUID() };
  const knownHosts = createKnownHosts(join(folder, 'known_hosts'), []);
  const connect = createConnect({ questions: createQuestions(), knownHosts, environment: {} });
  const session = createSession({ host: () => host, connect, clock: systemClock, onChange: () => undefined });
  open.push(session);
  await session.connect();
  return session;
}

const everything = 'USER ALL=(root) NOPASSWD: ALL\n';

async function refusal(rules: string, port?: number): Promise<SnaptreeError> {
  const { runner } = await asOutsider(rules, port);
  const error: unknown = await runner.run({ argv: ['id'] }).catch((reason: unknown) => reason);
  if (!(error instanceof SnaptreeError)) throw new Error(`Not refused: ${String(error)}`);
  expect(error).toMatchObject({ code: 'sudoRefused', retryable: false });
  expect(error.message).toContain('Nothing was run on test host');
  return error;
}

describe('through sudo', () => {
  it('everything runs as root, in the same locale and time zone', async () => {
    const { runner } = await asOutsider(everything);
    expect((await runner.run({ argv: ['id', '-un'] })).stdout).toBe('root\n');
    const script = 'id -un; echo "$LC_ALL $TZ ${LANGUAGE-unset}"; cat; printf %s "$PATH"';
    const { stdout } = await runner.runScript({ title: 'environment', script });
    expect(stdout).toMatch(/^root\nC UTC unset\n.*\/usr\/sbin/);
  });

  it('what detached work leaves belongs to root', async () => {
    const { runner } = await asOutsider(everything);
    const target = join('/tmp', `snaptree-b-${crypto.randomUUID()}`);
    await runner.runScript({ title: 'detach', script: `setsid sh -c 'id -un > ${target}' >/dev/null 2>&1 & wait` });
    expect(existsSync(target)).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('root\n');
    rmSync(target);
  });

  it('a command that takes too long is ended on the host, although it is root that runs it', async () => {
    const { runner } = await asOutsider(everything);
    const marker = `${30 + Math.random()}`;
    await expect(runner.run({ argv: ['sleep', marker], timeoutSeconds: 1 })).rejects.toMatchObject({
      code: 'commandTimedOut',
      message: expect.stringContaining('It was ended there') as string,
    });
    await expect(runner.run({ argv: ['pgrep', '-f', `^sleep ${marker}`] })).rejects.toMatchObject({
      data: { exitCode: '1' },
    });
  });

  it('exit codes and errors of commands stay what they are', async () => {
    const { runner } = await asOutsider(everything);
    const failing = runner.runScript({ title: 'failing', script: 'echo "sudo: a password is required" >&2; exit 1' });
    await expect(failing).rejects.toMatchObject({ code: 'commandFailed' });
    await expect(runner.run({ argv: ['snaptree-none'] })).rejects.toMatchObject({ code: 'commandNotFound' });
  });

  it('a user outside of the group libvirt reads the host', async () => {
    const { runner } = await asOutsider(everything);
    const { software } = await createLibvirtDriver('qemu:///system').probe(runner);
    expect(software[0]).toMatchObject({ name: 'libvirt', version: expect.stringMatching(/^\d/) as string });
  });
});

describe('sudo refuses', () => {
  it('where it wants a password, and the line for sudoers is told', async () => {
    const error = await refusal('USER ALL=(root) ALL\n');
    expect(error.data['reason']).toBe('password');
    expect(error.message).toContain(`${testbed.users.outsider} ALL=(root) NOPASSWD: ALL`);
    // The line that is told is one that works.
    const line = /add the line: (\S+ ALL=\(root\) NOPASSWD: ALL)/.exec(error.message)?.[1] ?? '';
    const { runner } = await asOutsider(`${line}\n`);
    expect((await runner.run({ argv: ['id', '-un'] })).stdout).toBe('root\n');
  });

  it('where the user is in no rule', async () => {
    expect((await refusal('')).data['reason']).toBe('password');
    expect((await refusal('Defaults:USER !authenticate\n')).data['reason']).toBe('notAllowed');
  });

  it('where other commands are allowed', async () => {
    const error = await refusal('Defaults:USER !authenticate\nUSER ALL=(root) /usr/bin/virsh\n');
    expect(error.data['reason']).toBe('notAllowed');
  });

  it('where it wants a terminal', async () => {
    const error = await refusal(`Defaults:USER requiretty\n${everything}`);
    expect(error.data['reason']).toBe('terminal');
    expect(error.message).toContain(`Defaults:${testbed.users.outsider} !requiretty`);
  });

  it('where there is none', async () => {
    const without = await startSshServer({ name: 'b-no-sudo', without: ['sudo'] });
    try {
      writeFileSync(join(folder, 'known_hosts'), [...server.knownHosts(), ...without.knownHosts()].join('\n'));
      expect((await refusal(everything, without.port)).data['reason']).toBe('missing');
    } finally {
      await without.stop();
    }
  });
});
