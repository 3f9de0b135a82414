/** One suite over all transports: a command means the same on this computer and behind a real sshd, with ssh2 and OpenSSH. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostSettings, sshConnection } from '../../../shared/model/host.fixtures.ts';
import { startSshServer, up } from '../../../e2e/testbeds/index.ts';
import type { SshServer } from '../../../e2e/testbeds/index.ts';
import type { Connection, Host } from '../../../shared/model/host.ts';
import { createConnect } from '../connect.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { quoteArgument } from './quoting.ts';
import type { CommandRunner } from './runner.ts';
import { behindMark, commandScript, remoteCommandLine } from './script.ts';
import { createSession, systemClock } from '../session.ts';
import type { Session } from '../session.ts';
import { createLocalTransport } from './local-transport.ts';
import type { Transport } from './transport.ts';

const folder = mkdtempSync(join(tmpdir(), 'snaptree-runner-'));
let server: SshServer;
let overSsh: Connection;
const sshConfigFile = join(folder, 'ssh_config');
const overOpenssh: Connection = { transport: 'openssh', destination: 'alias-of-host', port: null, user: null };

beforeAll(async () => {
  const testbed = await up();
  // OpenSSH's default of 10 sessions, made visible.
  server = await startSshServer({ name: 'hosts-runner', settings: ['MaxSessions 10'] });
  const authentication = { method: 'keyFile', path: testbed.keyFile } as const;
  overSsh = sshConnection({ address: '127.0.0.1', port: server.port, authentication });
  const config = [
    'Host alias-of-host',
    'HostName 127.0.0.1',
    `Port ${server.port}`,
    'User root',
    `IdentityFile ${testbed.keyFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${join(folder, 'openssh_known_hosts')}`,
    '',
  ];
  writeFileSync(sshConfigFile, config.join('\n'));
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Characters that mean something to some shell. */
const meaningful = Array.from('\'"\\$`\n\r\t !*?[]{}()<>|&;#~-=%^é🌳a');

const hostile: readonly string[] = [
  '',
  ' ',
  "'",
  `"'"'`,
  'two\nlines\n\n',
  '\r\n\t\u0001\u001b[31m',
  '$(echo injected)',
  '`echo injected`',
  '$HOME ${PATH} ~ * ? [a-z] {a,b}',
  '; rm -rf / & | > < ( ) #',
  '!history !! ^a^b',
  '\\ \\n \\\\',
  '--help',
  '-n',
  'ünïcödé 快照 🌳 \u202e',
  '}\nSNAPTREE\n} </dev/null',
];

describe.each(['local', 'ssh', 'openssh'] as const)('a runner over the %s transport', (kind) => {
  const connections = {
    local: () => ({ transport: 'local' }) as const,
    ssh: () => overSsh,
    openssh: () => overOpenssh,
  };
  const host = (): Host => ({
    id: '6b1f9f6e-6b0c-4a3e-9a55-0a2b8a4f6c11',
    ...hostSettings({ name: 'test host', connection: connections[kind]() }),
  });
  let session: Session;
  let runner: CommandRunner;

  beforeAll(async () => {
    const questions = createQuestions();
    questions.onChange(() => {
      for (const { id } of questions.list()) questions.answer(id, { kind: 'accept' });
    });
    const knownHosts = createKnownHosts(join(folder, 'known_hosts'), []);
    const connect = createConnect({ questions, knownHosts, environment: {}, sshConfigFile });
    session = createSession({ host, connect, clock: systemClock, onChange: () => undefined });
    await session.connect();
    runner = session.runner;
  });

  afterAll(() => {
    session.disconnect();
  });

  /** The arguments as a program over there received them, each ended by a NUL. */
  async function echo(values: readonly string[]): Promise<string[]> {
    const result = await runner.run({ argv: ['printf', '%s\\0', ...values] });
    return result.stdout.split('\0').slice(0, -1);
  }

  it('hands every argument over as it is', async () => {
    expect(await echo(hostile)).toEqual(hostile);
  });

  it('hands an argument of 100 kB over as it is', async () => {
    const large = "it's large ü\n".repeat(8000).slice(0, 100_000);
    expect(await echo([large])).toEqual([large]);
  });

  it('hands any text over as it is', async () => {
    // A lone surrogate is no text: it has no UTF-8 form.
    const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((each) => !each.includes('\0'));
    const bytes = fc.string({ unit: fc.constantFrom(...meaningful), maxLength: 60 });
    const values = fc.array(fc.oneof(text, bytes), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(values, async (each) => {
        expect(await echo(each)).toEqual(each);
      }),
      { numRuns: 60 },
    );
  });

  it('quotes values in scripts the same way', async () => {
    const script = hostile.map((value) => `printf '%s\\0' ${quoteArgument(value)}`).join('\n');
    const { stdout } = await runner.runScript({ title: 'echo', script });
    expect(stdout.split('\0').slice(0, -1)).toEqual(hostile);
  });

  it('runs a script of 1 MB', async () => {
    const script = `${': filler\n'.repeat(130_000)}echo end`;
    expect((await runner.runScript({ title: 'large', script })).stdout).toBe('end\n');
  });

  it('refuses NUL, and a command without a program', async () => {
    await expect(runner.run({ argv: ['echo', 'a\0b'] })).rejects.toMatchObject({ code: 'invalidRequest' });
    await expect(runner.run({ argv: [] })).rejects.toMatchObject({ code: 'invalidRequest' });
    await expect(runner.run({ argv: ['-c'] })).rejects.toMatchObject({ code: 'invalidRequest' });
  });

  it('keeps stdin from commands, so that none eats the script', async () => {
    const result = await runner.runScript({ title: 'cat', script: 'cat\necho after\ncat\necho end' });
    expect(result.stdout).toBe('after\nend\n');
    expect((await runner.run({ argv: ['cat'] })).stdout).toBe('');
  });

  it('sets locale, time zone and sbin folders', async () => {
    const script = 'echo "$LC_ALL $TZ ${LANGUAGE-unset}"; case ":$PATH:" in *:/usr/sbin:*:/sbin:*) echo path;; esac';
    expect((await runner.runScript({ title: 'environment', script })).stdout).toBe('C UTC unset\npath\n');
  });

  it('tells exit code, stdout and stderr apart', async () => {
    const expected = [
      { name: 'other', exitCodes: [3], stderr: /nothing like it/ },
      { name: 'wanted', exitCodes: [3], stderr: /^to stderr$/m },
    ];
    const script = 'echo to stdout; echo to stderr >&2; exit 3';
    expect(await runner.runScript({ title: 'exit', script, expected })).toEqual({
      exitCode: 3,
      signal: null,
      stdout: 'to stdout\n',
      stderr: 'to stderr\n',
      failure: 'wanted',
    });
    await expect(runner.runScript({ title: 'Exiting', script })).rejects.toMatchObject({
      code: 'commandFailed',
      message: 'Exiting on test host failed with exit code 3: to stderr',
      data: { exitCode: '3', stderr: 'to stderr\n' },
    });
  });

  it('tells that a signal ended a command', async () => {
    await expect(runner.runScript({ title: 'Dying', script: 'kill -KILL $$' })).rejects.toMatchObject({
      code: 'commandFailed',
      data: { command: 'Dying' },
    });
    // Straight at the transport, where no `timeout` stands between.
    const run = session.runner.runScript({ title: 'Ending', script: 'kill -TERM $$', expected: [{ name: 'ended' }] });
    await expect(run).resolves.toMatchObject({ failure: 'ended' });
  });

  it('names a command that is not there', async () => {
    await expect(runner.run({ argv: ['snaptree-no-such-command'] })).rejects.toMatchObject({
      code: 'commandNotFound',
      message: expect.stringContaining('test host') as string,
    });
  });

  it('ends a command that takes too long, on the host', async () => {
    const marker = `${30 + Math.random()}`;
    await expect(runner.run({ argv: ['sleep', marker], timeoutSeconds: 1 })).rejects.toMatchObject({
      code: 'commandTimedOut',
    });
    expect(spawnSync('pgrep', ['-f', `^sleep ${marker}`]).status).toBe(1);
  });

  it('does not take a command that gives 124 by itself for one that took too long', async () => {
    await expect(runner.runScript({ title: 'quick', script: 'exit 124' })).rejects.toMatchObject({
      code: 'commandFailed',
    });
  });

  it('stops reading output that is too large, on either stream', async () => {
    const tooLarge = { code: 'outputTooLarge', data: { maximumBytes: '100000' } };
    await expect(runner.run({ argv: ['yes'], maximumOutputBytes: 100_000 })).rejects.toMatchObject(tooLarge);
    const script = 'exec yes >&2';
    await expect(runner.runScript({ title: 'yes', script, maximumOutputBytes: 100_000 })).rejects.toMatchObject(
      tooLarge,
    );
    const exact = await runner.run({ argv: ['head', '-c', '100000', '/dev/zero'], maximumOutputBytes: 100_000 });
    expect(exact.stdout).toHaveLength(100_000);
  });

  it('reads large output whole, with characters that lie on chunk borders', async () => {
    const { stdout, stderr } = await runner.runScript({
      title: 'large output',
      script: `i=0; while [ $i -lt 20000 ]; do echo 'a🌳é€'; echo 'ü快' >&2; i=$((i+1)); done`,
    });
    expect(stdout).toBe('a🌳é€\n'.repeat(20_000));
    expect(stderr).toBe('ü快\n'.repeat(20_000));
  });

  it('gives up waiting when told to', async () => {
    const controller = new AbortController();
    const run = runner.run({ argv: ['sleep', '5'], timeoutSeconds: 5, signal: controller.signal });
    const begun = runner.run({ argv: ['true'] }).then(() => {
      controller.abort();
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    await begun;
    const gone = runner.run({ argv: ['true'], signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('runs 30 commands at once', async () => {
    const runs = Array.from({ length: 30 }, async (_each, index) =>
      runner.runScript({ title: 'one of many', script: `sleep 0.2; echo ${index}`, priority: 'poll' }),
    );
    const results = await Promise.all(runs);
    expect(results.map((result) => result.stdout)).toEqual(results.map((_each, index) => `${index}\n`));
  });
});

describe('the line that the login shell sees', () => {
  const line = remoteCommandLine(60);

  it('holds only what means the same to every shell', () => {
    for (const each of [line, remoteCommandLine(null), remoteCommandLine(60, true), remoteCommandLine(null, true)]) {
      expect(each).toMatch(/^exec sh -c '[\w >&/;=-]*'$/);
    }
  });

  it.each(['bash', 'dash', 'zsh', 'ksh', 'csh', 'tcsh', 'fish'])('works in %s', (shell) => {
    expect(spawnSync('which', [shell]).status, `${shell} is not installed; npm test names its package`).toBe(0);
    const input = commandScript(['printf', '%s', "it's $HOME"], 'mark');
    const output = execFileSync(shell, ['-c', line], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
    expect(behindMark(output, 'mark')).toBe("it's $HOME");
  });
});

describe('a script', () => {
  it('runs nothing of a script that arrived in part', () => {
    const target = join(folder, 'cut');
    const whole = commandScript(['touch', target], 'mark');
    for (const length of [20, whole.length - 40, whole.length - 13]) {
      spawnSync('sh', ['-s'], { input: whole.slice(0, length) });
      expect(existsSync(target)).toBe(false);
    }
    spawnSync('sh', ['-s'], { input: whole });
    expect(existsSync(target)).toBe(true);
  });
});

describe('the local transport', () => {
  it('gives characters whole that come in pieces', async () => {
    const transport: Transport = createLocalTransport('here');
    const result = await transport.exec({
      commandLine: `printf '\\303'; sleep 0.1; printf '\\274\\360\\237'; sleep 0.1; printf '\\214\\263'`,
      stdin: '',
      maximumOutputBytes: 100,
    });
    expect(result.stdout).toBe('ü🌳');
  });
});
