/** The connection test against a real sshd and a real libvirt: a test for each stage that can fail, and its remedy. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSshServer, up } from '../../e2e/testbeds/index.ts';
import type { SshServer, SshServerOptions, TestbedConnection } from '../../e2e/testbeds/index.ts';
import { connectionTestSchema } from '../../shared/contract.ts';
import type { ConnectionTest } from '../../shared/contract.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { Connection, HostSettings } from '../../shared/model/host.ts';
import type { Answer } from '../../shared/model/question.ts';
import { driverOf } from '../hypervisors/drivers.ts';
import { createConnect } from './connect.ts';
import { testConnection } from './connection-test.ts';
import { createKnownHosts } from './known-hosts/known-hosts.ts';
import { createQuestions } from './questions.ts';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;
let known: string;
let answers: Answer[];

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'b-test' });
  folder = mkdtempSync(join(tmpdir(), 'snaptree-stages-'));
  known = join(folder, 'known_hosts');
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  writeFileSync(known, server.knownHosts().join('\n'));
  answers = [];
});

function sshSettings(parts: Partial<Extract<Connection, { transport: 'ssh' }>> = {}): HostSettings {
  const connection = sshConnection({
    address: '127.0.0.1',
    port: server.port,
    user: 'root',
    authentication: { method: 'keyFile', path: testbed.keyFile },
    ...parts,
  });
  return hostSettings({ name: 'test host', connection });
}

async function test(settings: HostSettings): Promise<ConnectionTest> {
  const questions = createQuestions();
  questions.onChange(() => {
    const [question] = questions.list();
    const answer = question === undefined ? undefined : answers.shift();
    if (question !== undefined && answer !== undefined) questions.answer(question.id, answer);
  });
  const environment = { PATH: process.env['PATH'] };
  const connect = createConnect({ questions, knownHosts: createKnownHosts(known, []), environment });
  const result = await testConnection(settings, {
    connect,
    hypervisor: driverOf(settings),
    signal: new AbortController().signal,
  });
  return connectionTestSchema.parse(result);
}

/** Expects that exactly this stage fails, that all before it passed and none behind it was reached. */
function expectFailure(
  result: ConnectionTest,
  stage: string,
  message: RegExp,
  remedy: RegExp,
  before = 'passed',
): void {
  const index = result.stages.findIndex((each) => each.stage === stage);
  const failed = result.stages[index];
  const text = JSON.stringify(result, null, 2);
  expect(failed?.state, text).toBe('failed');
  expect(failed?.message, text).toMatch(message);
  expect(failed?.remedy, text).toMatch(remedy);
  for (const each of result.stages.slice(0, index)) expect(each, text).toMatchObject({ state: before, remedy: null });
  for (const each of result.stages.slice(index + 1)) {
    expect(each, text).toMatchObject({ state: 'notReached', remedy: null });
  }
}

async function onServer(options: Omit<SshServerOptions, 'name'>, work: (other: SshServer) => Promise<void>) {
  const other = await startSshServer({ name: 'b-other', ...options });
  try {
    writeFileSync(known, other.knownHosts().join('\n'));
    await work(other);
  } finally {
    await other.stop();
  }
}

it('passes every stage of a host that is fine', async () => {
  const { stages } = await test(sshSettings());
  expect(stages.map(({ state }) => state)).toEqual(stages.map(() => 'passed'));
  const messages = stages.map(({ message }) => message).join('\n');
  expect(messages).toContain('SSH-2.0-OpenSSH');
  expect(messages).toContain((await server.fingerprints())['ssh-ed25519']);
  expect(messages).toMatch(/Commands run as root on Linux/);
  expect(messages).toMatch(/libvirt \d+\.\d+\.\d+ with QEMU/);
});

it('skips on this computer what there is nothing to try of', async () => {
  const { stages } = await test(hostSettings({ name: 'here' }));
  expect(stages.map(({ state }) => state)).toEqual([
    ...['skipped', 'skipped', 'skipped', 'skipped'],
    ...['passed', 'passed', 'passed', 'passed'],
  ]);
});

describe('name', () => {
  it.each([
    ['nosuchhost-snaptree', /nosuchhost-snaptree is not known|name service/, /search domain|name servers/],
    ['no-such-host.invalid', /no-such-host.invalid/, /spelling|name servers/],
  ])('%s', async (address, message, remedy) => {
    expectFailure(await test(sshSettings({ address })), 'name', message, remedy);
  });
});

describe('port', () => {
  it('refused', async () => {
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve));
    expectFailure(await test(sshSettings({ port })), 'port', /nothing listens/, /SSH server runs/);
  });

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /no SSH server/, /check the port/],
    ['', /ends it at once/, /fail2ban|MaxStartups/],
  ])('where %j is said', async (said, message, remedy) => {
    const sockets = new Set<Socket>();
    const other = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.end(said);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as AddressInfo;
      expectFailure(await test(sshSettings({ port })), 'port', message, remedy);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => other.close(resolve));
    }
  });
});

describe('hostKey', () => {
  it('changed', async () => {
    writeFileSync(
      known,
      server
        .knownHosts()
        .join('\n')
        .replaceAll(/AAAA\S+/g, ''),
    );
    const [line = ''] = testbed.knownHosts;
    writeFileSync(known, `[127.0.0.1]:${server.port} ${line.split(' ').slice(1).join(' ')}\n`);
    expectFailure(await test(sshSettings()), 'hostKey', /not the known one/, /remove that line/);
  });

  it('declined', async () => {
    writeFileSync(known, '');
    answers = [{ kind: 'decline' }];
    expectFailure(await test(sshSettings()), 'hostKey', /was not accepted/, /Connect again/);
  });
});

describe('authentication', () => {
  it('with a key that the host does not take, telling what it takes', async () => {
    const settings = sshSettings({ authentication: { method: 'keyFile', path: testbed.strangerKeyFile } });
    expectFailure(await test(settings), 'authentication', /It takes: publickey, ?password/, /authorized_keys/);
  });

  it('with a key file that is not there', async () => {
    const settings = sshSettings({ authentication: { method: 'keyFile', path: join(folder, 'none') } });
    const { stages } = await test(settings);
    expect(stages.map(({ state }) => state).slice(0, 4)).toEqual(['passed', 'passed', 'notReached', 'failed']);
    expect(stages[3]?.message).toContain('no such file');
    expect(stages[3]?.remedy).toContain('another file');
  });

  it('without an agent', async () => {
    const { stages } = await test(sshSettings({ authentication: { method: 'agent' } }));
    expect(stages[3]).toMatchObject({ state: 'failed' });
    expect(stages[3]?.remedy).toContain('ssh-add');
  });
});

describe('shell', () => {
  it('that lets nobody in', async () => {
    await onServer({ forceCommand: '/usr/sbin/nologin' }, async (other) => {
      expectFailure(await test(sshSettings({ port: other.port })), 'shell', /not available/, /usermod --shell/);
    });
  });

  it('that is restricted', async () => {
    const forced = join(folder, 'restricted');
    writeFileSync(forced, '#!/bin/sh\nexec bash -r -c "$SSH_ORIGINAL_COMMAND"\n');
    chmodSync(forced, 0o755);
    chmodSync(folder, 0o755);
    await onServer({ forceCommand: forced }, async (other) => {
      expectFailure(await test(sshSettings({ port: other.port })), 'shell', /restricted/, /restricted shell/);
    });
  });

  it('that is a forced command', async () => {
    await onServer({ forceCommand: '/bin/date' }, async (other) => {
      expectFailure(await test(sshSettings({ port: other.port })), 'shell', /did not run/, /ForceCommand/);
    });
  });

  it('that talks passes, and it is said', async () => {
    const forced = join(folder, 'talks');
    writeFileSync(forced, '#!/bin/sh\necho Welcome\neval "$SSH_ORIGINAL_COMMAND"\n');
    chmodSync(forced, 0o755);
    chmodSync(folder, 0o755);
    await onServer({ forceCommand: forced }, async (other) => {
      const { stages } = await test(sshSettings({ port: other.port }));
      expect(stages[4]).toMatchObject({ state: 'passed', message: expect.stringContaining('passes over') as string });
    });
  });

  it('without sessions', async () => {
    await onServer({ settings: ['MaxSessions 0'] }, async (other) => {
      expectFailure(await test(sshSettings({ port: other.port })), 'shell', /refused to open/, /MaxSessions/);
    });
  });

  it('without sudo', async () => {
    await onServer({ without: ['sudo'] }, async (other) => {
      const settings = { ...sshSettings({ port: other.port }), sudo: true };
      expectFailure(await test(settings), 'shell', /there is no sudo/, /Install the package sudo/);
    });
  });
});

it('virsh is missing', async () => {
  await onServer({ without: ['virsh'] }, async (other) => {
    expectFailure(await test(sshSettings({ port: other.port })), 'virsh', /no virsh/, /libvirt-clients/);
  });
});

describe('socket', () => {
  it('may not be used', async () => {
    answers = [{ kind: 'secret', secret: testbed.password }];
    const settings = sshSettings({ user: testbed.users.outsider, authentication: { method: 'password' } });
    expectFailure(
      await test(settings),
      'socket',
      /may not use libvirt/,
      new RegExp(`usermod -aG libvirt ${testbed.users.outsider}.*sudo`),
    );
  });

  it('has no daemon behind it', async () => {
    await onServer({ libvirt: 'down' }, async (other) => {
      const result = await test(sshSettings({ port: other.port }));
      expectFailure(result, 'socket', /does not answer/, /systemctl enable --now libvirtd.socket/);
    });
  });
});
