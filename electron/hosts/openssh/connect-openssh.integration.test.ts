/** Every way in which connecting to a real sshd with the system's OpenSSH goes right or wrong. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSshServer, up, waitUntil } from '../../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../../e2e/testbeds/index.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import { hostSettings } from '../../../shared/model/host.fixtures.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Answer, Question } from '../../../shared/model/question.ts';
import { createConnect } from '../connect.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { createSession, systemClock } from '../session.ts';
import type { Session } from '../session.ts';
import type { Transport } from '../commands/transport.ts';
import { connectOpenssh } from './connect-openssh.ts';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;
let configFile: string;
/** Where OpenSSH keeps keys. */
let knownHosts: string;
/** Snaptree's own. */
let ownKnownHosts: string;
let asked: Question[];
let answers: Answer[];
let session: Session;
let environment: Record<string, string | undefined>;
const open: Session[] = [];
const transports: Transport[] = [];

const accept: Answer = { kind: 'accept' };
const decline: Answer = { kind: 'decline' };
const secret = (text: string): Answer => ({ kind: 'secret', secret: text });

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'b2-openssh', settings: ['MaxSessions 3'] });
});

afterAll(async () => {
  await server.stop();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-connect-'));
  configFile = join(folder, 'ssh_config');
  knownHosts = join(folder, 'openssh_known_hosts');
  ownKnownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `${server.knownHosts().join('\n')}\n`);
  asked = [];
  answers = [];
  environment = { TMPDIR: folder };
  configure();
});

afterEach(() => {
  for (const each of open.splice(0)) each.disconnect();
  for (const each of transports.splice(0)) each.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes the configuration for the alias `box`. OpenSSH takes the first value that it meets. */
function configure(lines: readonly string[] = [], before: readonly string[] = [], keyFile = testbed.keyFile): void {
  const config = [
    ...before,
    'Host box',
    ...lines,
    'HostName 127.0.0.1',
    `Port ${server.port}`,
    'User root',
    `IdentityFile ${keyFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${knownHosts}`,
  ];
  writeFileSync(configFile, `${config.join('\n')}\n`);
}

function host(parts: { destination?: string; port?: number; user?: string } = {}): Host {
  const { destination = 'box', port = null, user = null } = parts;
  const connection = { transport: 'openssh', destination, port, user } as const;
  return { id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f', ...hostSettings({ name: 'test host', connection }) };
}

function questioner() {
  const questions = createQuestions();
  questions.onChange(() => {
    for (const question of questions.list()) {
      if (asked.some(({ id }) => id === question.id)) continue;
      asked.push(question);
      const answer = answers.shift();
      if (answer !== undefined) questions.answer(question.id, answer);
    }
  });
  return questions;
}

function start(which: Host = host()): Promise<void> {
  const known = createKnownHosts(ownKnownHosts, []);
  const connect = createConnect({ questions: questioner(), knownHosts: known, environment, sshConfigFile: configFile });
  session = createSession({ host: () => which, connect, clock: systemClock, onChange: () => undefined });
  open.push(session);
  return session.connect();
}

/** The transport alone, with nobody to ask. */
async function transport(aliveSeconds = 15): Promise<Transport> {
  const made = await connectOpenssh(
    {
      hostId: host().id,
      hostName: 'test host',
      destination: 'box',
      port: null,
      user: null,
      knownHosts: { ownPath: ownKnownHosts },
      ask: null,
      environment,
      configFile,
      aliveSeconds,
    },
    new AbortController().signal,
  );
  transports.push(made);
  return made;
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

const run = (commandLine: string, stdin = '') => ({ commandLine, stdin, maximumOutputBytes: 10_000 });

describe('host keys', () => {
  it('asks about an unknown key, and leaves keeping it to OpenSSH', async () => {
    rmSync(knownHosts);
    answers = [accept];
    await start();
    const fingerprint = (await server.fingerprints())['ssh-ed25519'];
    const { port } = server;
    expect(asked).toMatchObject([
      { kind: 'unknownHostKey', address: '127.0.0.1', port, keyType: 'ssh-ed25519', fingerprint },
    ]);
    expect(await whoAmI()).toBe('root');
    expect(readFileSync(knownHosts, 'utf8')).toContain(`[127.0.0.1]:${port} ssh-ed25519`);
    await start();
    expect(asked).toHaveLength(1);
  });

  it('asks whatever the configuration allows', async () => {
    rmSync(knownHosts);
    for (const value of ['no', 'accept-new']) {
      configure([`StrictHostKeyChecking ${value}`, 'NoHostAuthenticationForLocalhost yes']);
      answers = [decline];
      const error = await failure(start());
      expect(error.code).toBe('hostKeyRejected');
      expect(error.message).toContain((await server.fingerprints())['ssh-ed25519'] ?? '-');
    }
    expect(asked).toHaveLength(2);
    expect(existsSync(knownHosts)).toBe(false);
    expect(session.state).toMatchObject({ state: 'failed', retryAt: null });
    // Stricter than we are: nobody is asked.
    configure(['StrictHostKeyChecking yes']);
    expect((await failure(start())).code).toBe('hostKeyRejected');
    expect(asked).toHaveLength(2);
  });

  it('knows the keys of Snaptree’s own file', async () => {
    writeFileSync(ownKnownHosts, `${server.knownHosts().join('\n')}\n`);
    rmSync(knownHosts);
    await start();
    expect(asked).toEqual([]);
    expect(existsSync(knownHosts)).toBe(false);
  });

  it('refuses where nobody may be asked', async () => {
    rmSync(knownHosts);
    expect((await failure(transport())).code).toBe('hostKeyRejected');
  });

  it('refuses a changed key, also of another type, and a revoked one', async () => {
    const fingerprint = (await server.fingerprints())['ssh-ed25519'] ?? '-';
    const name = `[127.0.0.1]:${server.port}`;
    for (const type of ['ed25519', 'ecdsa']) {
      const other = join(folder, type);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', other]);
      writeFileSync(knownHosts, `# a comment\n${name} ${readFileSync(`${other}.pub`, 'utf8')}`);
      const error = await failure(start());
      expect(error).toMatchObject({ code: 'hostKeyChanged', data: { where: `${knownHosts}:2` } });
      expect(error.message).toContain(fingerprint);
    }
    // Were another key known, OpenSSH would have the host show that one.
    const [line = ''] = server.knownHosts();
    writeFileSync(knownHosts, `${line}\n`);
    writeFileSync(ownKnownHosts, `@revoked ${line}\n`);
    const error = await failure(start());
    expect(error.code).toBe('hostKeyChanged');
    expect(error.message).toContain('revoked');
    expect(error.message).toContain(fingerprint);
    expect(asked).toEqual([]);
    expect(session.state).toMatchObject({ state: 'failed', retryAt: null });
  });

  it('refuses a key that the file of RevokedHostKeys names', async () => {
    const revoked = join(folder, 'revoked');
    writeFileSync(
      revoked,
      server
        .knownHosts()
        .map((line) => `${line.split(' ').slice(1).join(' ')}\n`)
        .join(''),
    );
    configure([`RevokedHostKeys ${revoked}`]);
    const error = await failure(start());
    expect(error).toMatchObject({ code: 'hostKeyChanged', data: { where: revoked } });
    expect(asked).toEqual([]);
  });
});

describe('logging in', () => {
  it('asks for a password, again when it was wrong, and tells that none was right', async () => {
    configure(['IdentityFile none'], ['Host *', 'PubkeyAuthentication no']);
    const operator = host({ user: testbed.users.operator });
    answers = [secret('wrong'), secret(testbed.password)];
    await start(operator);
    const { operator: user } = testbed.users;
    expect(asked).toMatchObject([
      { kind: 'password', user, address: '127.0.0.1', attempt: 1 },
      { kind: 'password', user, attempt: 2 },
    ]);
    expect(await whoAmI()).toBe(user);
    answers = [secret('a'), secret('b'), secret('c')];
    expect((await failure(start(operator))).code).toBe('authenticationFailed');
    answers = [decline];
    expect((await failure(start(operator))).code).toBe('cancelled');
    const programs = () => spawnSync('pgrep', ['-f', 'snaptree-ssh-.*/askpass .*password:']).stdout.toString();
    await waitUntil('the program that asked to end', () => programs() === '');
    expect(session.state).toEqual({ state: 'disconnected' });
  });

  it('asks for the passphrase of a key', async () => {
    configure([], [], testbed.protectedKeyFile);
    answers = [secret(testbed.passphrase)];
    await start();
    expect(asked).toMatchObject([{ kind: 'passphrase', keyPath: testbed.protectedKeyFile, attempt: 1 }]);
  });

  it('tells that a key is not accepted, and that there is nothing to offer', async () => {
    configure(['PreferredAuthentications publickey'], [], testbed.strangerKeyFile);
    const error = await failure(start());
    expect(error.code).toBe('authenticationFailed');
    expect(error.message).toContain('nothing that OpenSSH offered was accepted');
    expect(error.message).toContain('root@127.0.0.1');
    configure(['PreferredAuthentications publickey'], [], join(folder, 'no-such-key'));
    expect((await failure(start())).message).toContain('had nothing to offer');
  });

  it('logs in with a certificate at a host that shows one', async () => {
    const authority = join(folder, 'ca');
    const key = join(folder, 'user');
    for (const file of [authority, key]) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const sign = (...options: string[]) =>
      execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'test', ...options]);
    sign('-n', 'root', '-V', '+10m', `${key}.pub`);
    // The host's key is made anew at every start, so its certificate is for a key of ours.
    const hostKey = join(folder, 'host');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
    sign('-h', '-n', '127.0.0.1', '-V', '+10m', `${hostKey}.pub`);
    const certified = await startSshServer({
      name: 'b2-certified',
      settings: [`TrustedUserCAKeys ${authority}.pub`, `HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`],
    });
    try {
      const publicKey = readFileSync(`${authority}.pub`, 'utf8');
      writeFileSync(knownHosts, `@cert-authority 127.0.0.1,[127.0.0.1]:${certified.port} ${publicKey}`);
      configure([`Port ${certified.port}`, `CertificateFile ${key}-cert.pub`], [], key);
      await start();
      expect(asked).toEqual([]);
      expect(await whoAmI()).toBe('root');
      // Without the certificate the key opens nothing here.
      rmSync(`${key}-cert.pub`);
      configure([`Port ${certified.port}`, 'PreferredAuthentications publickey'], [], key);
      expect((await failure(start())).code).toBe('authenticationFailed');
    } finally {
      await certified.stop();
    }
  });

  it('asks about the key of a jump host as well', async () => {
    const jump = await startSshServer({ name: 'b2-jump' });
    try {
      configure(
        ['ProxyJump hop'],
        [
          'Host hop',
          'HostName 127.0.0.1',
          `Port ${jump.port}`,
          'User root',
          'StrictHostKeyChecking no',
          `IdentityFile ${testbed.keyFile}`,
          `UserKnownHostsFile ${join(folder, 'known_hosts_of_hop')}`,
        ],
      );
      answers = [accept];
      await start();
      expect(asked).toMatchObject([{ kind: 'unknownHostKey', port: jump.port }]);
      expect(await whoAmI()).toBe('root');
    } finally {
      await jump.stop();
    }
  });
});

describe('reaching the host', () => {
  it('tells that nothing listens, that a name is not known, and that the configuration is broken', async () => {
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve));
    const refused = await failure(start(host({ port })));
    expect(refused).toMatchObject({ code: 'hostUnreachable', retryable: true });
    expect(refused.message).toContain('Connection refused');
    expect((await failure(start(host({ destination: 'no-such-host.invalid' })))).message).toContain('is not known');
    configure(['NoSuchOption yes']);
    const broken = await failure(start());
    expect(broken.code).toBe('hostUnreachable');
    expect(broken.message).toContain('nosuchoption');
    configure(['ProxyJump box']);
    expect((await failure(start())).message).toContain('leads to itself');
  });

  it('tells that there is no ssh', async () => {
    environment['PATH'] = folder;
    expect((await failure(start())).code).toBe('commandNotFound');
  });

  it('never takes a destination for an option', async () => {
    const marker = join(folder, 'marker');
    for (const destination of [`-oProxyCommand=touch ${marker}`, '-V']) {
      expect((await failure(start(host({ destination })))).code).toBe('hostUnreachable');
    }
    expect(existsSync(marker)).toBe(false);
  });

  it('gives up a host that accepts and says nothing when the user does, and leaves nothing behind', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const accepted = new Promise<Socket>((resolve) => silent.on('connection', resolve));
    const attempt = failure(start(host({ port })));
    const socket = await accepted;
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined).resume();
    session.disconnect();
    expect((await attempt).code).toBe('cancelled');
    await closed;
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('a connection that stands', () => {
  it('fails a running command at once when it is cut, and comes back by itself', async () => {
    await start();
    const target = join('/tmp', `snaptree-openssh-cut-${process.pid}`);
    const cut = failure(session.runner.runScript({ title: 'Waiting', script: `touch ${target}; sleep 20` }));
    await waitUntil('the command to run', () => existsSync(target));
    const before = Date.now();
    server.dropConnections();
    const error = await cut;
    expect(Date.now() - before).toBeLessThan(2000);
    expect(error.code).toBe('connectionLost');
    expect(session.state).toMatchObject({ state: 'failed', error: { code: 'connectionLost' } });
    rmSync(target);
    await waitUntil('the session to come back', () => session.state.state === 'connected', 20_000);
    expect(await whoAmI()).toBe('root');
  });

  it('tells that a host no longer answers', async () => {
    const silent = await transport(1);
    const reason = new Promise<SnaptreeError | null>((resolve) => silent.onClose(resolve));
    const running = failure(silent.exec(run('sleep 20')));
    await silent.exec(run('true'));
    const resume = server.stallConnections();
    try {
      expect((await running).code).toBe('connectionLost');
      expect((await reason)?.message).toContain('no longer answers');
      expect(silent.isOpen).toBe(false);
    } finally {
      resume();
    }
  });

  it('tells apart: an exit code of 255, a signal, a refused session, and what a command prints', async () => {
    const made = await transport();
    const imitation = 'mux_client_request_session: session request failed: Session open refused by peer';
    expect(await made.exec(run(`echo '${imitation}' >&2; exit 255`))).toEqual({
      exitCode: 255,
      signal: null,
      stdout: '',
      stderr: `${imitation}\n`,
    });
    expect(await made.exec(run('echo out; kill -KILL $$'))).toMatchObject({ exitCode: null, stdout: 'out\n' });
    const waiting = [1, 2, 3].map(() => made.exec(run('echo started; cat; sleep 1')));
    const results = await Promise.allSettled([...waiting, made.exec(run('true')), made.exec(run('true'))]);
    const refused = results.filter((each) => each.status === 'rejected').map((each): unknown => each.reason);
    expect(refused.length).toBeGreaterThan(0);
    for (const each of refused) expect(each).toMatchObject({ code: 'channelRefused', data: { reason: '2' } });
    expect(made.isOpen).toBe(true);
  });

  it('runs fewer commands at once where the host allows fewer sessions', async () => {
    await start();
    const runs = Array.from({ length: 20 }, async (_each, index) =>
      session.runner.runScript({ title: 'one of many', script: `sleep 0.05; echo ${index}` }),
    );
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(runs.map((_each, index) => `${index}\n`));
  });

  it('gives output as it comes, and ends the input when told to', async () => {
    const made = await transport();
    const target = join('/tmp', `snaptree-openssh-input-${process.pid}`);
    const controller = new AbortController();
    let text = '';
    const following = made.exec({
      ...run(`read -r line; echo "got $line"; cat >/dev/null; touch ${target}`, 'hello\n'),
      onStdout: (each) => {
        text += each;
      },
      signal: controller.signal,
    });
    const rejected = expect(following).rejects.toMatchObject({ code: 'cancelled' });
    await waitUntil('its output', () => text === 'got hello\n');
    expect(existsSync(target)).toBe(false);
    controller.abort();
    await rejected;
    await waitUntil('the command to see the end of its input', () => existsSync(target));
    rmSync(target);
  });

  it('leaves neither process nor folder behind, also where Snaptree is killed', async () => {
    const before = readdirSync(tmpdir());
    const mine = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith('snaptree-ssh-') && !before.includes(name));
    const made = await transport();
    expect(mine()).toHaveLength(1);
    const running = failure(made.exec(run('sleep 20')));
    made.close();
    expect((await running).code).toBe('connectionLost');
    await waitUntil('the folder to go', () => mine().length === 0);
    expect((await failure(made.exec(run('true')))).code).toBe('connectionLost');

    const module = new URL('connect-openssh.ts', import.meta.url).href;
    const target = { hostId: 'x', hostName: 'x', destination: 'box', port: null, user: null, ask: null, configFile };
    const program = `
      const { connectOpenssh } = await import(${JSON.stringify(module)});
      const target = { ...${JSON.stringify(target)}, knownHosts: { ownPath: '/nonexistent' }, environment: {} };
      await connectOpenssh(target, new AbortController().signal);
      process.stdout.write('stands');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const added = mine();
    expect(added).toHaveLength(1);
    const control = join(tmpdir(), added[0] ?? '', 'c');
    expect(existsSync(control)).toBe(true);
    child.kill('SIGKILL');
    // ssh takes its socket away when it ends.
    await waitUntil('ssh to end', () => !existsSync(control));
    rmSync(join(tmpdir(), added[0] ?? ''), { recursive: true });
  });
});
