/** Whether a host may be trusted: Snaptree's own SSH and `ssh`, each connecting to real sshds with generated known_hosts. */
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshServer, up } from '../../../e2e/testbeds/index.ts';
import type { SshServer } from '../../../e2e/testbeds/index.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { NewQuestion } from '../questions.ts';
import { connectSsh } from '../ssh2/ssh-connect.ts';
import { canonicalAddress } from './canonical-address.ts';
import { createHostKeySettings } from './host-key-settings.ts';
import { createKnownHosts } from './known-hosts.ts';

type KeyName = 'ed25519' | 'ecdsa' | 'rsa';
const keyNames: readonly KeyName[] = ['ed25519', 'ecdsa', 'rsa'];

let folder: string;
/** Public keys, type and base64: those of the hosts, and others that are stale or foreign. */
const right: Record<string, string> = {};
const stale: Record<string, string> = {};
/** With all keys, with two of them, and with one. */
const servers: SshServer[] = [];

function makeKey(path: string, type: KeyName): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path]);
  return readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

beforeAll(async () => {
  await up();
  folder = mkdtempSync(join(tmpdir(), 'snaptree-verdicts-'));
  for (const name of keyNames) {
    right[name] = makeKey(join(folder, name), name);
    stale[name] = makeKey(join(folder, `stale-${name}`), name);
  }
  const shapes: readonly (readonly KeyName[])[] = [['ed25519', 'ecdsa', 'rsa'], ['ecdsa', 'rsa'], ['rsa']];
  for (const [index, shape] of shapes.entries()) {
    const hostKeys = shape.map((name) => join(folder, name));
    servers.push(await startSshServer({ name: `verdicts-${index}`, hostKeys, settings: ['ListenAddress ::1'] }));
  }
});

afterAll(async () => {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true });
});

type Verdict = 'known' | 'unknown' | 'changed' | 'revoked';

interface Place {
  readonly address: string;
  readonly port: number;
}

function judgedByOpenSsh(config: string, { address, port }: Place): Promise<Verdict> {
  const child = spawn(
    'ssh',
    ['-F', config, '-o', 'StrictHostKeyChecking=yes', '-o', 'PreferredAuthentications=none', '-p', String(port)].concat(
      ['--', address, 'true'],
    ),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  return new Promise((resolve, reject) => {
    child.on('close', () => {
      if (/REVOKED HOST KEY|revoked by file/.test(said)) resolve('revoked');
      else if (said.includes('IDENTIFICATION HAS CHANGED')) resolve('changed');
      else if (/No \S+ host key is known/.test(said)) resolve('unknown');
      else if (said.includes('Permission denied')) resolve('known');
      else reject(new Error(`ssh said: ${said}`));
    });
  });
}

/** @param seen what was asked, in order */
async function judgedByUs(
  config: string,
  own: string,
  { address, port }: Place,
  seen: NewQuestion[] = [],
): Promise<Verdict> {
  const settings = createHostKeySettings({
    environment: process.env,
    platform: 'linux',
    home: folder,
    configFile: config,
  });
  const error: unknown = await connectSsh(
    {
      ...{ hostId: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f', hostName: 'host', address, port, user: 'root' },
      authentication: { method: 'password' },
      secrets: { password: null, passphrase: null },
      knownHosts: createKnownHosts(own, settings),
      ask: (question) => {
        seen.push(question);
        return Promise.resolve({ kind: 'decline' });
      },
      environment: {},
    },
    new AbortController().signal,
  ).catch((reason: unknown) => reason);
  if (seen[0]?.kind === 'unknownHostKey') return 'unknown';
  if (SnaptreeError.is(error, 'hostKeyChanged')) return error.message.includes('revoked') ? 'revoked' : 'changed';
  if (seen.length === 1) return 'known';
  // Declined at the question for the password, or not asked: both come behind the host key.
  if (SnaptreeError.is(error, 'authenticationFailed')) return 'known';
  throw error;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

describe('a numeric address', () => {
  const part = fc.oneof(
    fc.nat(300).map(String),
    fc.nat(300).map((number) => `0x${number.toString(16)}`),
    fc.nat(300).map((number) => `0${number.toString(8)}`),
    fc.constantFrom('08', '0x', '65536', '16777216', '4294967295', '4294967296', '', '00', '0x00ff'),
  );
  const ipv4 = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
  const word = fc.constantFrom('0', '0', '0', '0000', '1', 'ffff', 'FFFF', '0db8', 'a');
  const ipv6 = fc.oneof(
    fc.array(word, { minLength: 8, maxLength: 8 }).map((words) => words.join(':')),
    fc.tuple(fc.array(word, { maxLength: 4 }), fc.array(word, { maxLength: 3 })).map((parts) => {
      return parts.map((words) => words.join(':')).join('::');
    }),
    fc.constantFrom(
      '::ffff:127.0.0.1',
      '::127.0.0.1',
      '::FFFF:7f00:1',
      '1::1.2.3.4',
      '::ffff:0:1.2.3.4',
      '::1%0',
      '::1%7',
    ),
    fc.constantFrom('fe80::1%lo', 'fe80:0:0::1%9999', ':::', '1:2:3', '::1%lo', '::1%'),
  );
  const names = fc.constantFrom('a.b', 'localhost.', '127.0.0.1.', 'x', '1.2.3.4.example', '0xg', 'abcd');

  it('has one form, which is that of ssh, and a name has none', () => {
    fc.assert(
      fc.property(
        fc.oneof(ipv4, ipv6, names).filter((text) => !/^[-.]|^$/.test(text)),
        (text) => {
          const output = execFileSync('ssh', ['-F', 'none', '-G', '--', text.toLowerCase()], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          });
          const [, theirs] = /^hostname (.*)$/m.exec(output) ?? [];
          expect(canonicalAddress(text.toLowerCase()), text).toBe(theirs);
        },
      ),
      { numRuns: 250, endOnFailure: true },
    );
  });
});

describe('a host', () => {
  it('is trusted where ssh trusts it, by whatever name or address it is reached and whichever keys are known', async () => {
    const addresses = ['127.0.0.1', '127.1', '0x7f.1', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::FFFF:7f00:1'];
    const names = ['localhost', 'LOCALHOST'];
    const address = fc.constantFrom(...addresses, ...names);
    /** What a line may be written for: the host as it was typed, as ssh writes it, or something near it. */
    const field = fc.tuple(
      fc.constantFrom('typed', 'canonical', 'canonical', 'canonical', 'other', 'any'),
      fc.constantFrom('port', 'port', 'port', 'bare'),
      fc.constantFrom('plain', 'plain', 'hashed', 'upper'),
    );
    const line = fc.record({
      field,
      marker: fc.constantFrom('', '', '', '', '', '@revoked ', '@cert-authority '),
      key: fc.constantFrom(...keyNames),
      isRight: fc.boolean(),
    });
    const rules = fc.record({
      alias: fc.constantFrom('', '', '', '127.0.0.1', 'Alias'),
      revoked: fc.constantFrom('none', 'none', 'none', 'text', 'krl', 'other'),
    });
    const kinds = new Set<Verdict>();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(servers.length - 1),
        address,
        fc.array(line, { maxLength: 4 }),
        fc.array(line, { maxLength: 2 }),
        rules,
        async (index, host, user, system, { alias, revoked }) => {
          run += 1;
          const port = servers[index]?.port ?? 0;
          const nameOf = (kind: string) =>
            ({
              typed: host.toLowerCase(),
              canonical: canonicalAddress(host.toLowerCase()),
              other: '127.0.0.2',
              any: '*',
            })[kind] ?? '';
          const textOf = (lines: typeof user) =>
            lines
              .map(({ field: [kind, withPort, form], marker, key, isRight }) => {
                const plain = withPort === 'port' && kind !== 'any' ? `[${nameOf(kind)}]:${port}` : nameOf(kind);
                const hosts = form === 'hashed' ? hashed(plain) : form === 'upper' ? plain.toUpperCase() : plain;
                return `${marker}${hosts} ${(isRight ? right : stale)[key] ?? ''}\n`;
              })
              .join('');
          const [users, global, config, list] = ['users', 'global', 'config', 'list'].map((name) => join(folder, name));
          if (users === undefined || global === undefined || config === undefined || list === undefined) return;
          const forAlias = alias === 'Alias' ? `alias ${right['ed25519'] ?? ''}\n` : '';
          writeFileSync(users, `${textOf(user)}${forAlias}`);
          writeFileSync(global, textOf(system));
          rmSync(list, { force: true });
          if (revoked === 'krl') {
            const publicKey = join(folder, 'ed25519.pub');
            execFileSync('ssh-keygen', ['-q', '-k', '-f', list, publicKey]);
          } else {
            writeFileSync(list, `# comment\n${(revoked === 'text' ? right : stale)['ed25519'] ?? ''} some comment\n`);
          }
          writeFileSync(
            config,
            [
              `UserKnownHostsFile ${users}`,
              `GlobalKnownHostsFile ${global}`,
              ...(alias === '' ? [] : [`HostKeyAlias ${alias}`]),
              ...(revoked === 'none' ? [] : [`RevokedHostKeys ${list}`]),
              'UpdateHostKeys no\nUser root\n',
            ].join('\n'),
          );
          const place = { address: host, port };
          const theirs = await judgedByOpenSsh(config, place);
          kinds.add(theirs);
          const about = JSON.stringify([run, index, place, alias, revoked, textOf(user), textOf(system)], null, 1);
          expect(await judgedByUs(config, join(folder, 'own'), place), about).toBe(theirs);
        },
      ),
      // Each takes an ssh: looking for a smaller counterexample would take minutes.
      { numRuns: 60, endOnFailure: true },
    );
    expect([...kinds].sort()).toEqual(['changed', 'known', 'revoked', 'unknown']);
  }, 180_000);

  it('with a stale line of another type before the right one has not changed', async () => {
    const port = servers[0]?.port ?? 0;
    const users = join(folder, 'stale-first');
    writeFileSync(users, `[127.0.0.1]:${port} ${stale['rsa'] ?? ''}\n[127.0.0.1]:${port} ${right['ed25519'] ?? ''}\n`);
    const config = join(folder, 'stale-config');
    writeFileSync(config, `UserKnownHostsFile ${users}\nGlobalKnownHostsFile none\nUpdateHostKeys no\n`);
    const place = { address: '127.1', port };
    expect(await judgedByUs(config, join(folder, 'own'), place)).toBe('known');
    expect(await judgedByOpenSsh(config, place)).toBe('known');
  });

  it('that an earlier version remembered as it was typed is still known by it', async () => {
    const port = servers[0]?.port ?? 0;
    const own = join(folder, 'earlier');
    writeFileSync(own, `[127.1]:${port} ${stale['ed25519'] ?? ''}\n`);
    const config = join(folder, 'plain-config');
    writeFileSync(config, 'UserKnownHostsFile none\nGlobalKnownHostsFile none\n');
    expect(await judgedByUs(config, own, { address: '127.0.0.1', port })).toBe('changed');
  });

  it('is not trusted where StrictHostKeyChecking says that nobody may', async () => {
    const port = servers[0]?.port ?? 0;
    const config = join(folder, 'strict-config');
    writeFileSync(config, 'UserKnownHostsFile none\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n');
    await expect(judgedByUs(config, join(folder, 'nothing'), { address: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'hostKeyRejected',
      message: expect.stringContaining('StrictHostKeyChecking') as string,
    });
  });

  it('that OpenSSH may know in a way of its own is asked about with a word about that', async () => {
    const port = servers[0]?.port ?? 0;
    const users = join(folder, 'authorities');
    writeFileSync(users, `# one\n@cert-authority * ${stale['rsa'] ?? ''}\n`);
    const config = join(folder, 'authority-config');
    const cases = [
      [`UserKnownHostsFile ${users}\n`, `${users}:2 names an authority`],
      ['UserKnownHostsFile none\nKnownHostsCommand /bin/true\n', 'KnownHostsCommand'],
    ] as const;
    for (const [text, words] of cases) {
      writeFileSync(config, `${text}GlobalKnownHostsFile none\n`);
      const seen: NewQuestion[] = [];
      expect(await judgedByUs(config, join(folder, 'nothing'), { address: '127.0.0.1', port }, seen)).toBe('unknown');
      expect(seen).toMatchObject([{ note: expect.stringContaining(words) as string }]);
    }
  });

  it('is not trusted where the file of revoked keys cannot be read', async () => {
    const port = servers[0]?.port ?? 0;
    const users = join(folder, 'known');
    writeFileSync(users, `[127.0.0.1]:${port} ${right['ed25519'] ?? ''}\n`);
    const config = join(folder, 'gone-config');
    writeFileSync(config, `UserKnownHostsFile ${users}\nRevokedHostKeys ${folder}/gone\n`);
    await expect(judgedByUs(config, join(folder, 'nothing'), { address: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'hostKeyRejected',
      message: expect.stringContaining('RevokedHostKeys') as string,
    });
    await expect(judgedByOpenSsh(config, { address: '127.0.0.1', port })).rejects.toThrow('revoked keys file');
  });
});

describe('a host that can only prove itself with SHA-1', () => {
  it('is not connected to, and what to do about it is said', async () => {
    const old = await startSshServer({ name: 'verdicts-sha1', settings: ['HostKeyAlgorithms ssh-rsa'] });
    try {
      const config = join(folder, 'old-config');
      const files = `UserKnownHostsFile ${folder}/nothing\nGlobalKnownHostsFile none\n`;
      writeFileSync(config, files);
      const place = { address: '127.0.0.1', port: old.port };
      await expect(judgedByUs(config, join(folder, 'nothing'), place)).rejects.toMatchObject({
        code: 'hostUnreachable',
        message: expect.stringContaining('“HostKeyAlgorithms +ssh-rsa”') as string,
      });
      // As ssh refuses it, and connects with what is recommended.
      await expect(judgedByOpenSsh(config, place)).rejects.toThrow('no matching host key type found');
      writeFileSync(config, `${files}HostKeyAlgorithms +ssh-rsa\n`);
      expect(await judgedByOpenSsh(config, place)).toBe('unknown');
    } finally {
      await old.stop();
    }
  });
});
