/** Jump hosts and agents, with real sshds and a real ssh-agent. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSshServer, up, waitUntil } from '../../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../../e2e/testbeds/index.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import { hostSettings, sshConnection } from '../../../shared/model/host.fixtures.ts';
import type { Authentication, Host, SshEndpoint } from '../../../shared/model/host.ts';
import type { Answer, Question } from '../../../shared/model/question.ts';
import { createConnect } from '../connect.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { createSession, systemClock } from '../session.ts';
import type { Session } from '../session.ts';

let testbed: TestbedConnection;
let target: SshServer;
let gate: SshServer;
let folder: string;
let known: string;
let asked: Question[];
let answers: Answer[];
let environment: Record<string, string>;
const open: Session[] = [];

const secret = (text: string): Answer => ({ kind: 'secret', secret: text });
const accept: Answer = { kind: 'accept' };

beforeAll(async () => {
  testbed = await up();
  target = await startSshServer({ name: 'b-target' });
  gate = await startSshServer({ name: 'b-gate' });
});

afterAll(async () => {
  await target.stop();
  await gate.stop();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-jumps-'));
  known = join(folder, 'known_hosts');
  writeFileSync(known, `${[...target.knownHosts(), ...gate.knownHosts()].join('\n')}\n`);
  asked = [];
  answers = [];
  environment = {};
});

afterEach(() => {
  for (const each of open.splice(0)) each.disconnect();
  rmSync(folder, { recursive: true });
});

const byKey = (): Authentication => ({ method: 'keyFile', path: testbed.keyFile });

function endpoint(server: SshServer, parts: Partial<SshEndpoint> = {}): SshEndpoint {
  return { address: '127.0.0.1', port: server.port, user: 'root', authentication: byKey(), ...parts };
}

async function connect(to: SshEndpoint, jumps: readonly SshEndpoint[] = []): Promise<Session> {
  const connection = sshConnection({ ...to, jumps: [...jumps] });
  const host: Host = {
    id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f',
    ...hostSettings({ name: 'test host', connection }),
  };
  const questions = createQuestions();
  questions.onChange(() => {
    for (const question of questions.list()) {
      if (asked.some(({ id }) => id === question.id)) continue;
      asked.push(question);
      const answer = answers.shift();
      if (answer !== undefined) questions.answer(question.id, answer);
    }
  });
  const parts = { questions, knownHosts: createKnownHosts(known, []), environment };
  const clock = systemClock;
  const session = createSession({ host: () => host, connect: createConnect(parts), clock, onChange: () => undefined });
  open.push(session);
  await session.connect();
  return session;
}

async function failure(attempt: Promise<unknown>): Promise<SnaptreeError> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SnaptreeError)) throw new Error(`Not a catalogue error: ${String(error)}`);
  return error;
}

/** From which port the command's connection came, as sshd over there sees it. */
async function serverPort(session: Session): Promise<number> {
  const { stdout } = await session.runner.runScript({ title: 'port', script: 'echo "$SSH_CONNECTION"' });
  return Number(stdout.trim().split(' ')[3]);
}

function acceptedLogins(server: SshServer): number {
  return readFileSync(server.logFile, 'utf8').split('Accepted publickey').length - 1;
}

describe('a jump host', () => {
  it('leads to the target, with two of them as well', async () => {
    const before = acceptedLogins(gate);
    const session = await connect(endpoint(target), [endpoint(gate)]);
    expect(await serverPort(session)).toBe(target.port);
    expect(acceptedLogins(gate)).toBe(before + 1);
    expect(asked).toEqual([]);
    const far = await connect(endpoint(target), [endpoint(gate), endpoint(target)]);
    expect(await serverPort(far)).toBe(target.port);
    // Large output, both ways.
    const { stdout } = await far.runner.runScript({ title: 'large', script: `printf %s ${'x'.repeat(500_000)}` });
    expect(stdout).toHaveLength(500_000);
  });

  it('has a host key of its own to be asked about, under its own address', async () => {
    writeFileSync(known, '');
    answers = [accept, accept];
    await connect(endpoint(target), [endpoint(gate)]);
    const ofGate = (await gate.fingerprints())['ssh-ed25519'];
    const ofTarget = (await target.fingerprints())['ssh-ed25519'];
    expect(asked).toMatchObject([
      { kind: 'unknownHostKey', port: gate.port, fingerprint: ofGate, hostName: 'test host (jump host 127.0.0.1)' },
      { kind: 'unknownHostKey', port: target.port, fingerprint: ofTarget, hostName: 'test host' },
    ]);
    expect(readFileSync(known, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('is refused where its key changed, and nothing is tried behind it', async () => {
    const wrong = (target.knownHosts()[0] ?? '').replace(`:${target.port}`, `:${gate.port}`);
    writeFileSync(known, `${wrong}\n${target.knownHosts().join('\n')}\n`);
    const before = acceptedLogins(target);
    const error = await failure(connect(endpoint(target), [endpoint(gate)]));
    expect(error.code).toBe('hostKeyChanged');
    expect(error.message).toContain(`jump host 127.0.0.1) (127.0.0.1:${gate.port})`);
    expect(acceptedLogins(target)).toBe(before);
  });

  it('does not lend the target its trust: a changed target is refused behind a good jump host', async () => {
    const wrong = (gate.knownHosts()[0] ?? '').replace(`:${gate.port}`, `:${target.port}`);
    writeFileSync(known, `${wrong}\n${gate.knownHosts().join('\n')}\n`);
    const error = await failure(connect(endpoint(target), [endpoint(gate)]));
    expect(error.code).toBe('hostKeyChanged');
    expect(error.message).not.toContain('jump host');
  });

  it('has a login of its own, with questions that name it, and passwords that are not mixed up', async () => {
    answers = [secret(testbed.password), secret(testbed.passphrase)];
    const password = { user: testbed.users.operator, authentication: { method: 'password' } } as const;
    const locked = { authentication: { method: 'keyFile', path: testbed.protectedKeyFile } } as const;
    const session = await connect(endpoint(target, locked), [endpoint(gate, password)]);
    expect(asked).toMatchObject([
      { kind: 'password', user: testbed.users.operator, hostName: 'test host (jump host 127.0.0.1)' },
      { kind: 'passphrase', hostName: 'test host' },
    ]);
    // It comes back by itself with both.
    gate.dropConnections();
    await waitUntil('the loss to be seen', () => session.state.state === 'failed');
    expect(session.state).toMatchObject({ error: { code: 'connectionLost' } });
    expect(JSON.stringify(session.state)).toContain('jump host');
    await waitUntil('the session to come back', () => session.state.state === 'connected', 20_000);
    expect(asked).toHaveLength(2);
  });

  it('is named where its login fails, and the target where that one fails', async () => {
    const stranger = { authentication: { method: 'keyFile', path: testbed.strangerKeyFile } } as const;
    const atGate = await failure(connect(endpoint(target), [endpoint(gate, stranger)]));
    expect(atGate.code).toBe('authenticationFailed');
    expect(atGate.message).toContain('test host (jump host 127.0.0.1) did not let root in');
    const atTarget = await failure(connect(endpoint(target, stranger), [endpoint(gate)]));
    expect(atTarget.code).toBe('authenticationFailed');
    expect(atTarget.message).not.toContain('jump host');
  });

  it('tells that it cannot reach the target, or may not', async () => {
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const address = unused.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => unused.close(resolve));
    const refused = await failure(connect(endpoint(target, { port }), [endpoint(gate)]));
    expect(refused).toMatchObject({ code: 'hostUnreachable', retryable: true });
    expect(refused.message).toContain('the jump host 127.0.0.1 cannot reach it (');
    const closed = await startSshServer({ name: 'b-closed', settings: ['AllowTcpForwarding no'] });
    try {
      writeFileSync(known, [...target.knownHosts(), ...closed.knownHosts()].join('\n'));
      const forbidden = await failure(connect(endpoint(target), [endpoint(closed)]));
      expect(forbidden.message).toContain('AllowTcpForwarding');
    } finally {
      await closed.stop();
    }
  });

  it('is left when the session ends', async () => {
    const session = await connect(endpoint(target), [endpoint(gate)]);
    const closed = () =>
      readFileSync(gate.logFile, 'utf8').split(/Disconnected from user root|Connection closed/).length;
    const before = closed();
    session.disconnect();
    await waitUntil('the jump host to be left', () => closed() > before);
  });
});

describe('an agent', () => {
  let agent: ChildProcess | undefined;
  let socket: string;

  beforeEach(async () => {
    socket = join(folder, 'agent');
    agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    await waitUntil('the agent', () => existsSync(socket));
    environment = { SSH_AUTH_SOCK: socket };
  });

  afterEach(() => {
    agent?.kill();
  });

  function addKeys(...files: readonly string[]): void {
    for (const file of files) execFileSync('ssh-add', ['-q', file], { env: environment, stdio: 'ignore' });
  }

  function strangers(count: number): string[] {
    return Array.from({ length: count }, (_each, index) => {
      const file = join(folder, `stranger-${index}`);
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
      return file;
    });
  }

  const byAgent = { authentication: { method: 'agent' } } as const;

  it('finds the right key among others', async () => {
    addKeys(...strangers(3), testbed.keyFile);
    const session = await connect(endpoint(target, byAgent));
    expect(await serverPort(session)).toBe(target.port);
  });

  it('is told apart where none of its keys is taken, with how many there were', async () => {
    addKeys(...strangers(2));
    const error = await failure(connect(endpoint(target, byAgent)));
    expect(error.code).toBe('authenticationFailed');
    expect(error.message).toContain('none of the 2 keys in the agent was accepted');
  });

  it('with too many keys says how many the host looked at, and what to do', async () => {
    const strict = await startSshServer({ name: 'b-strict', settings: ['MaxAuthTries 2'] });
    try {
      writeFileSync(known, strict.knownHosts().join('\n'));
      addKeys(...strangers(4), testbed.keyFile);
      const error = await failure(connect(endpoint(strict, byAgent)));
      expect(error.code).toBe('authenticationFailed');
      expect(error.message).toMatch(/after 2 of the 5 keys in your agent \(too many authentication failures\)/);
      expect(error.message).toMatch(/IdentitiesOnly.*MaxAuthTries/);
    } finally {
      await strict.stop();
    }
  });

  it('that is empty, locked, gone, or no agent at all', async () => {
    const reason = async () => {
      const error = await failure(connect(endpoint(target, byAgent)));
      expect(error.code).toBe('agentUnavailable');
      return error.message;
    };
    expect(await reason()).toMatch(/holds no key.*ssh-add -X.*ssh-add/);
    addKeys(testbed.keyFile);
    await connect(endpoint(target, byAgent));
    const askpass = join(folder, 'askpass');
    writeFileSync(askpass, '#!/bin/sh\necho words\n', { mode: 0o755 });
    const env = { ...environment, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', PATH: process.env['PATH'] };
    execFileSync('ssh-add', ['-x'], { env, stdio: 'ignore' });
    expect(await reason()).toMatch(/holds no key.*ssh-add -X/);
    agent?.kill('SIGKILL');
    await waitUntil('the agent to end', () => agent?.signalCode !== null);
    expect(await reason()).toMatch(/nothing answers at .*has ended/);
    rmSync(socket);
    expect(await reason()).toMatch(/is gone.*left over/);
    writeFileSync(socket, '');
    expect(await reason()).toMatch(/is no socket/);
    environment = {};
    expect(await reason()).toMatch(/SSH_AUTH_SOCK is not set/);
  });

  it('is one part where the host wants a password as well', async () => {
    const both = await startSshServer({ name: 'b-both', settings: ['AuthenticationMethods publickey,password'] });
    try {
      writeFileSync(known, both.knownHosts().join('\n'));
      addKeys(...strangers(1), testbed.keyFile);
      answers = [secret(testbed.password)];
      const session = await connect(endpoint(both, { ...byAgent, user: testbed.users.operator }));
      expect(await serverPort(session)).toBe(both.port);
      expect(asked.map(({ kind }) => kind)).toEqual(['password']);
    } finally {
      await both.stop();
    }
  });

  it('opens jump host and target alike', async () => {
    addKeys(testbed.keyFile);
    const session = await connect(endpoint(target, byAgent), [endpoint(gate, byAgent)]);
    expect(await serverPort(session)).toBe(target.port);
  });
});
