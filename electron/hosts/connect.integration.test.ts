/** Every way in which connecting to a real sshd goes right or wrong. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import { startSshServer, up, waitUntil } from '../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../e2e/testbeds/index.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Authentication, Host } from '../../shared/model/host.ts';
import type { Answer, Question } from '../../shared/model/question.ts';
import { createConnect } from './connect.ts';
import { createKnownHosts } from './known-hosts/known-hosts.ts';
import { createQuestions } from './questions.ts';
import { createSession, systemClock } from './session.ts';
import type { Session } from './session.ts';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;
let ownKnownHosts: string;
/** What was asked, in order. */
let asked: Question[];
/** How the next questions are answered; none left: the test fails. */
let answers: Answer[];
let session: Session;
let environment: Record<string, string | undefined>;
const open: Session[] = [];

const accept: Answer = { kind: 'accept' };
const decline: Answer = { kind: 'decline' };
const secret = (text: string): Answer => ({ kind: 'secret', secret: text });

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'hosts-connect' });
});

afterAll(async () => {
  await server.stop();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-connect-'));
  ownKnownHosts = join(folder, 'known_hosts');
  writeFileSync(ownKnownHosts, server.knownHosts().join('\n'));
  asked = [];
  answers = [];
  environment = {};
});

afterEach(() => {
  for (const each of open.splice(0)) each.disconnect();
  rmSync(folder, { recursive: true });
});

function settings(authentication: Authentication, user = 'root', port = server.port, address = '127.0.0.1'): Host {
  return {
    id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f',
    ...hostSettings({ name: 'test host', connection: sshConnection({ address, port, user, authentication }) }),
  };
}

function connectWith() {
  const questions = createQuestions();
  questions.onChange(() => {
    for (const question of questions.list()) {
      if (asked.some(({ id }) => id === question.id)) continue;
      asked.push(question);
      const answer = answers.shift();
      if (answer !== undefined) questions.answer(question.id, answer);
    }
  });
  return createConnect({ questions, knownHosts: createKnownHosts(ownKnownHosts, []), environment });
}

/** A session that is being connected. */
function start(host: Host): Promise<void> {
  session = createSession({ host: () => host, connect: connectWith(), clock: systemClock, onChange: () => undefined });
  open.push(session);
  return session.connect();
}

async function failure(attempt: Promise<unknown>): Promise<SnaptreeError> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SnaptreeError)) throw new Error(`Not a catalogue error: ${String(error)}`);
  expect(error.message).toContain('test host');
  return error;
}

async function whoAmI(): Promise<string> {
  return (await session.runner.run({ argv: ['id', '-un'] })).stdout.trim();
}

const keyFile = (path: string): Authentication => ({ method: 'keyFile', path });

describe('host keys', () => {
  it('asks about an unknown key, with the fingerprint that ssh-keygen prints, and remembers what was accepted', async () => {
    rmSync(ownKnownHosts);
    answers = [accept];
    await start(settings(keyFile(testbed.keyFile)));
    const fingerprints = await server.fingerprints();
    expect(asked).toMatchObject([
      { kind: 'unknownHostKey', port: server.port, keyType: 'ssh-ed25519', fingerprint: fingerprints['ssh-ed25519'] },
    ]);
    expect(
      execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${server.port}`, '-f', ownKnownHosts], { encoding: 'utf8' }),
    ).toContain('ssh-ed25519');
    await start(settings(keyFile(testbed.keyFile)));
    expect(asked).toHaveLength(1);
  });

  it('goes no further where the user declines', async () => {
    rmSync(ownKnownHosts);
    answers = [decline];
    const error = await failure(start(settings(keyFile(testbed.keyFile))));
    expect(error.code).toBe('hostKeyRejected');
    expect(session.state).toMatchObject({ state: 'failed', retryAt: null });
    expect(existsSync(ownKnownHosts)).toBe(false);
  });

  it('asks for the key type that is known', async () => {
    const rsa = server.knownHosts().filter((line) => line.includes(' ssh-rsa '));
    expect(rsa).toHaveLength(1);
    writeFileSync(ownKnownHosts, rsa.join('\n'));
    await start(settings(keyFile(testbed.keyFile)));
    expect(asked).toEqual([]);
  });

  it('refuses a changed key, telling where the known one stands and both fingerprints', async () => {
    let other = await startSshServer({ name: 'hosts-changed' });
    try {
      writeFileSync(ownKnownHosts, `# a comment\n${other.knownHosts()[0] ?? ''}\n`);
      const before = (await other.fingerprints())['ssh-ed25519'] ?? '';
      // Another process from now on, which is the one to stop.
      other = await other.changeHostKeys();
      const after = (await other.fingerprints())['ssh-ed25519'] ?? '';
      const error = await failure(start(settings({ method: 'password' }, testbed.users.operator, other.port)));
      expect(error.code).toBe('hostKeyChanged');
      expect(error.data).toMatchObject({ where: `${ownKnownHosts}:2` });
      expect(error.message).toContain(before);
      expect(error.message).toContain(after);
      expect(before).not.toBe(after);
      // Nobody was asked anything, least of all for a password.
      expect(asked).toEqual([]);
      expect(session.state).toMatchObject({ state: 'failed', retryAt: null });
    } finally {
      await other.stop();
    }
  });

  it('refuses a revoked key although it is known', async () => {
    const [line = ''] = server.knownHosts();
    writeFileSync(ownKnownHosts, `${line}\n@revoked * ${line.split(' ').slice(1).join(' ')}\n`);
    const error = await failure(start(settings(keyFile(testbed.keyFile))));
    expect(error.code).toBe('hostKeyChanged');
    expect(error.message).toContain('revoked');
  });
});

describe('authentication', () => {
  it('logs in with a key file', async () => {
    await start(settings(keyFile(testbed.keyFile)));
    expect(await whoAmI()).toBe('root');
    expect(session.state.state).toBe('connected');
  });

  it('asks for the passphrase again when it was wrong', async () => {
    answers = [secret('wrong'), secret(testbed.passphrase)];
    await start(settings(keyFile(testbed.protectedKeyFile)));
    expect(asked).toMatchObject([
      { kind: 'passphrase', attempt: 1, keyPath: testbed.protectedKeyFile },
      { kind: 'passphrase', attempt: 2 },
    ]);
    expect(await whoAmI()).toBe('root');
  });

  it('gives up after three wrong passphrases', async () => {
    answers = [secret('a'), secret('b'), secret('c'), secret(testbed.passphrase)];
    const error = await failure(start(settings(keyFile(testbed.protectedKeyFile))));
    expect(error.code).toBe('keyFileUnusable');
    expect(asked).toHaveLength(3);
  });

  it('reads keys in the older formats too, locked or not', async () => {
    for (const [format, passphrase] of [
      ['PEM', ''],
      ['PEM', 'older words'],
      ['RFC4716', 'newer words'],
    ] as const) {
      const file = join(folder, `key-${format}-${passphrase.length}`);
      execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-m', format, '-N', passphrase, '-f', file]);
      answers = [secret('wrong'), secret(passphrase)];
      asked = [];
      // No account takes it: that it was refused by the host shows that it was unlocked.
      const error = await failure(start(settings(keyFile(file))));
      expect(error.code, `${format} ${passphrase}`).toBe('authenticationFailed');
      expect(asked.map(({ kind }) => kind)).toEqual(passphrase === '' ? [] : ['passphrase', 'passphrase']);
    }
  });

  it('tells what is wrong with a key file', async () => {
    const broken = join(folder, 'broken');
    writeFileSync(broken, 'not a key\n');
    for (const [path, words] of [
      [join(folder, 'missing'), 'no such file'],
      [folder, 'it is a folder'],
      [broken, 'not a private key'],
      [`${testbed.keyFile}.pub`, 'public key'],
    ] as const) {
      const error = await failure(start(settings(keyFile(path))));
      expect(error).toMatchObject({ code: 'keyFileUnusable', data: { path } });
      expect(error.message).toContain(words);
    }
  });

  it('tells that a key is not accepted', async () => {
    const error = await failure(start(settings(keyFile(testbed.strangerKeyFile))));
    expect(error.code).toBe('authenticationFailed');
  });

  it('asks for a password up to three times', async () => {
    answers = [secret('wrong'), secret(testbed.password)];
    await start(settings({ method: 'password' }, testbed.users.operator));
    expect(asked).toMatchObject([
      { kind: 'password', user: testbed.users.operator, attempt: 1 },
      { kind: 'password', attempt: 2 },
    ]);
    expect(await whoAmI()).toBe(testbed.users.operator);

    asked = [];
    answers = [secret('a'), secret('b'), secret('c'), secret(testbed.password)];
    const error = await failure(start(settings({ method: 'password' }, testbed.users.operator)));
    expect(error.code).toBe('authenticationFailed');
    expect(asked).toHaveLength(3);
    expect(session.state).toMatchObject({ state: 'failed', retryAt: null });
  });

  it('ends without an error state where the user gives no password', async () => {
    answers = [decline];
    const error = await failure(start(settings({ method: 'password' }, testbed.users.operator)));
    expect(error.code).toBe('cancelled');
    expect(session.state).toEqual({ state: 'disconnected' });
  });

  it('asks for the password too where the host wants key and password', async () => {
    const strict = await startSshServer({
      name: 'hosts-strict',
      settings: ['AuthenticationMethods publickey,password'],
    });
    try {
      writeFileSync(ownKnownHosts, strict.knownHosts().join('\n'));
      answers = [secret(testbed.password)];
      await start(settings(keyFile(testbed.keyFile), testbed.users.operator, strict.port));
      expect(asked.map(({ kind }) => kind)).toEqual(['password']);
      expect(await whoAmI()).toBe(testbed.users.operator);
    } finally {
      await strict.stop();
    }
  });

  it('tells that the host takes no passwords', async () => {
    const keysOnly = await startSshServer({ name: 'hosts-keys-only', settings: ['AuthenticationMethods publickey'] });
    try {
      writeFileSync(ownKnownHosts, keysOnly.knownHosts().join('\n'));
      const error = await failure(start(settings({ method: 'password' }, testbed.users.operator, keysOnly.port)));
      expect(error.code).toBe('authenticationFailed');
      expect(error.message).toContain('does not take passwords');
      expect(asked).toEqual([]);
    } finally {
      await keysOnly.stop();
    }
  });

  describe('with an agent', () => {
    let agent: ChildProcess;
    let socket: string;
    beforeEach(async () => {
      socket = join(folder, 'agent');
      agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
      await waitUntil('the agent', () => existsSync(socket));
    });
    afterEach(() => {
      agent.kill();
    });

    it('logs in with a key that the agent holds', async () => {
      environment = { SSH_AUTH_SOCK: socket };
      expect((await failure(start(settings({ method: 'agent' })))).message).toContain('it holds no key');
      execFileSync('ssh-add', [testbed.strangerKeyFile], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        stdio: 'ignore',
      });
      expect(await failure(start(settings({ method: 'agent' })))).toMatchObject({ code: 'authenticationFailed' });
      execFileSync('ssh-add', [testbed.keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      await start(settings({ method: 'agent' }));
      expect(await whoAmI()).toBe('root');
    });
  });

  it('tells that there is no agent', async () => {
    expect((await failure(start(settings({ method: 'agent' })))).code).toBe('agentUnavailable');
    environment = { SSH_AUTH_SOCK: join(folder, 'nobody') };
    const error = await failure(start(settings({ method: 'agent' })));
    expect(error.code).toBe('agentUnavailable');
    expect(error.message).toContain('nobody');
  });
});

describe('reaching the host', () => {
  it('tells that nothing listens, or that the name is not known', async () => {
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve));
    const refused = await failure(start(settings(keyFile(testbed.keyFile), 'root', port)));
    expect(refused).toMatchObject({ code: 'hostUnreachable', retryable: true });
    expect(refused.message).toContain('nothing listens there');
    const host = settings(keyFile(testbed.keyFile), 'root', 22, 'no-such-host.invalid');
    expect((await failure(start(host))).code).toBe('hostUnreachable');
  });

  it('tells that something else than SSH answers, or that it hangs up', async () => {
    const sockets = new Set<Socket>();
    let reply = 'HTTP/1.1 400 Bad Request\r\n\r\n';
    const web = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.end(reply);
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const { port } = web.address() as AddressInfo;
    try {
      for (reply of ['HTTP/1.1 400 Bad Request\r\n\r\n', '', 'SSH-2.0-half\r\n']) {
        const error = await failure(start(settings(keyFile(testbed.keyFile), 'root', port)));
        expect(error.code).toBe('hostUnreachable');
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => web.close(resolve));
    }
  });

  it('gives up a host that accepts and says nothing when the user does', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const accepted = new Promise<Socket>((resolve) => silent.on('connection', resolve));
    const attempt = failure(start(settings(keyFile(testbed.keyFile), 'root', port)));
    const socket = await accepted;
    session.disconnect();
    expect((await attempt).code).toBe('cancelled');
    expect(session.state).toEqual({ state: 'disconnected' });
    socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('withdraws a question when the attempt is given up', async () => {
    rmSync(ownKnownHosts);
    const questions = createQuestions();
    const connect = createConnect({ questions, knownHosts: createKnownHosts(ownKnownHosts, []), environment });
    const host = settings(keyFile(testbed.keyFile));
    const given = createSession({ host: () => host, connect, clock: systemClock, onChange: () => undefined });
    const controller = new AbortController();
    const attempt = failure(given.connect(controller.signal));
    await waitUntil('the question', () => questions.list().length === 1);
    controller.abort();
    expect((await attempt).code).toBe('cancelled');
    await waitUntil('the question to go', () => questions.list().length === 0);
    expect(given.state).toEqual({ state: 'disconnected' });
  });
});

describe('a connection that stands', () => {
  it('fails a running command at once when it is cut, and comes back by itself', async () => {
    answers = [secret(testbed.password)];
    await start(settings({ method: 'password' }, testbed.users.operator));
    const target = join('/tmp', `snaptree-cut-${process.pid}`);
    const run = failure(session.runner.runScript({ title: 'Waiting', script: `touch ${target}; sleep 20` }));
    await waitUntil('the command to run', () => existsSync(target));
    const before = Date.now();
    server.dropConnections();
    const error = await run;
    expect(Date.now() - before).toBeLessThan(2000);
    expect(error.code).toBe('connectionLost');
    expect(session.state).toMatchObject({ state: 'failed', error: { code: 'connectionLost' } });
    await expect(session.runner.run({ argv: ['true'] })).rejects.toMatchObject({ code: 'hostNotConnected' });
    rmSync(target);
    // With the password that was typed before; nobody is asked again.
    await waitUntil('the session to come back', () => session.state.state === 'connected', 20_000);
    expect(asked).toHaveLength(1);
    expect(await whoAmI()).toBe(testbed.users.operator);
  });

  it('that turns out dead after sleep is made again at once, without waiting for the keep-alive', async () => {
    const own = await startSshServer({ name: 'b-asleep' });
    writeFileSync(ownKnownHosts, own.knownHosts().join('\n'));
    await start(settings(keyFile(testbed.keyFile), 'root', own.port));
    const resume = own.stallConnections();
    try {
      const run = failure(session.runner.run({ argv: ['true'] }));
      const before = Date.now();
      session.wake();
      expect((await run).code).toBe('connectionLost');
      await waitUntil('the session to come back', () => session.state.state === 'connected', 20_000);
      // Five seconds for a sign of life; the keep-alive would take 45.
      expect(Date.now() - before).toBeLessThan(15_000);
      expect(await whoAmI()).toBe('root');
      session.wake();
      expect(await whoAmI()).toBe('root');
      expect(session.state.state).toBe('connected');
    } finally {
      resume();
      await own.stop();
    }
  });

  it('ends running commands when the user disconnects', async () => {
    await start(settings(keyFile(testbed.keyFile)));
    const run = failure(session.runner.run({ argv: ['sleep', '5'], timeoutSeconds: 5 }));
    await session.runner.run({ argv: ['true'] });
    session.disconnect();
    expect((await run).code).toBe('connectionLost');
    expect(session.state).toEqual({ state: 'disconnected' });
  });

  it('runs fewer commands at once where the host allows fewer sessions', async () => {
    const narrow = await startSshServer({ name: 'hosts-narrow', settings: ['MaxSessions 3'] });
    try {
      writeFileSync(ownKnownHosts, narrow.knownHosts().join('\n'));
      await start(settings(keyFile(testbed.keyFile), 'root', narrow.port));
      const runs = Array.from({ length: 30 }, async (_each, index) =>
        session.runner.runScript({ title: 'one of many', script: `sleep 0.05; echo ${index}` }),
      );
      const results = await Promise.all(runs);
      expect(results.map(({ stdout }) => stdout)).toEqual(results.map((_each, index) => `${index}\n`));
    } finally {
      await narrow.stop();
    }
  });

  it('tells that the host lets nobody run anything', async () => {
    const closed = await startSshServer({ name: 'hosts-no-sessions', settings: ['MaxSessions 0'] });
    try {
      writeFileSync(ownKnownHosts, closed.knownHosts().join('\n'));
      await start(settings(keyFile(testbed.keyFile), 'root', closed.port));
      await expect(session.runner.run({ argv: ['true'] })).rejects.toMatchObject({ code: 'channelRefused' });
    } finally {
      await closed.stop();
    }
  });

  it('passes over what the login shell says, and tells where it runs nothing', async () => {
    const forced = join(folder, 'forced');
    writeFileSync(forced, '#!/bin/sh\necho Welcome; echo "Mind the gap" >&2\neval "$SSH_ORIGINAL_COMMAND"\n', {
      mode: 0o755,
    });
    const chatty = await startSshServer({ name: 'hosts-chatty', forceCommand: forced });
    const mute = await startSshServer({ name: 'hosts-mute', forceCommand: '/usr/sbin/nologin' });
    try {
      writeFileSync(ownKnownHosts, [...chatty.knownHosts(), ...mute.knownHosts()].join('\n'));
      await start(settings(keyFile(testbed.keyFile), 'root', chatty.port));
      const result = await session.runner.runScript({ title: 'echo', script: 'echo out; echo err >&2' });
      expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
      await start(settings(keyFile(testbed.keyFile), 'root', mute.port));
      const error = await failure(session.runner.run({ argv: ['true'] }));
      expect(error.code).toBe('unexpectedOutput');
      expect(error.message).toContain('not available');
    } finally {
      await chatty.stop();
      await mute.stop();
    }
  });
});
