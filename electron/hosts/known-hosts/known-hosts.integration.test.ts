/** The rules for host keys against OpenSSH's own programs, over generated files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshServer, up } from '../../../e2e/testbeds/index.ts';
import type { SshServer } from '../../../e2e/testbeds/index.ts';
import { hostEntryName, judgeHostKey, matchesHosts, parseKnownHosts } from './known-hosts-match.ts';
import { createKnownHosts } from './known-hosts.ts';

let folder: string;
const keys: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-known-'));
  for (const type of ['ed25519', 'ecdsa', 'rsa']) {
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', join(folder, type)]);
    keys.push(
      readFileSync(join(folder, `${type}.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' '),
    );
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The numbers of the lines that `ssh-keygen -F` finds; `withKey`: only those of which it can read the key (`-l`). */
function foundByOpenSsh(file: string, name: string, withKey = false): number[] {
  const { stdout, status } = spawnSync('ssh-keygen', [...(withKey ? ['-l'] : []), '-F', name, '-f', file], {
    encoding: 'latin1',
  });
  if (status !== 0 && status !== 1) throw new Error('ssh-keygen failed');
  return [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
}

function hashed(name: string, salt: Buffer): string {
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
}

const label = fc.constantFrom('a', 'b', 'ab', 'host', 'x1');
const address = fc.oneof(
  fc.tuple(label, label).map((labels) => labels.join('.')),
  fc.constantFrom('192.0.2.1', '2001:db8::1', 'fe80::1%eth0', 'a', 'A.B'),
);
const port = fc.constantFrom(22, 22, 2222, 222);
const name = fc.tuple(address, port).map(([host, number]) => hostEntryName({ address: host, port: number }));
const pattern = fc.oneof(
  name,
  name.map((text) => text.toUpperCase()),
  fc.constantFrom('*', '*.b', 'a.*', '?.b', '[*]:2222', '[a.b]:*', '*a*', '??', '', '192.0.2.*', '[a.b]:22', '[a.b]'),
  fc.constantFrom('[::1]:22', '*:*', '[*]:*', '\u212a', '\u00fc', 'x'.repeat(1022), 'y'.repeat(1023)),
  name.map((text) => `!${text}`),
  fc.constantFrom('!*.b', '!a*', '!', '!!a', '!*'),
);
/** The second field but for a marker: patterns, or a hashed name that may be damaged. */
const hosts = fc.oneof(
  { weight: 3, arbitrary: fc.array(pattern, { minLength: 1, maxLength: 4 }).map((patterns) => patterns.join(',')) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(name, fc.uint8Array({ minLength: 20, maxLength: 20 }))
      .map(([text, salt]) => hashed(text, Buffer.from(salt))),
  },
  fc
    .tuple(name, fc.uint8Array({ minLength: 0, maxLength: 24 }), fc.constantFrom('', 'x', '|', ',a.b', '='))
    .map(([text, salt, rest]) => `${hashed(text, Buffer.from(salt))}${rest}`),
  fc.constantFrom('|1|', '|', '|2|AAAA|BBBB', '|1|AAAA', 'a.b,|1|AAAA|BBBB'),
);
const marker = fc.constantFrom(
  ...['', '', '', '', '@revoked ', '@cert-authority ', '@other ', '# ', '@revoked\t', '@revoked @revoked '],
  ...['@cert-authority\t ', '@', '@ ', '@REVOKED ', '#'],
);
const gap = fc.constantFrom(' ', ' ', '\t', '  ', ' \t ');
const tail = fc.constantFrom('', '', ' comment', ' # a.b', '\r', ' c\r', ' ', '\t', ' \u00fc', '\v');

/** A line from its parts; the key is one of `keys`, whole or spoilt. */
const line = fc
  .record({
    indent: fc.constantFrom('', '', ' ', '\t', '\r'),
    marker,
    hosts,
    first: gap,
    second: gap,
    key: fc.nat(2),
    spoil: fc.constantFrom(
      ...Array.from({ length: 12 }, () => 'none' as const),
      ...(['cut', 'type', 'short', 'noBlob', 'url', 'pad', 'split'] as const),
    ),
    tail,
  })
  .map((each) => (): string => {
    const [type = '', blob = ''] = (keys[each.key] ?? '').split(' ');
    const names = {
      none: type,
      cut: type,
      type: 'ssh-rsa',
      short: 'ED25519',
      noBlob: type,
      url: type,
      pad: type,
      split: type,
    };
    const blobs = {
      ...{ none: blob, cut: blob.slice(0, -8), type: blob, short: blob, noBlob: '' },
      ...{ url: `-${blob.slice(1)}`, pad: `${blob}=`, split: `${blob.slice(0, 20)} ${blob.slice(20)}` },
    };
    return `${each.indent}${each.marker}${each.hosts}${each.first}${names[each.spoil]}${each.second}${blobs[each.spoil]}${each.tail}`;
  });
const other = fc.constantFrom('', '# comment', '   ', 'a.b', 'a.b ssh-ed25519', 'a.b 1024 35 123456', '@revoked', '\0');
const file = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: line },
    other.map((text) => () => text),
  ),
  {
    minLength: 1,
    maxLength: 12,
  },
);

function textOf(lines: readonly (() => string)[]): string {
  return lines.map((each) => each()).join('\n');
}

it('finds the lines that ssh-keygen finds, with the keys that it can read', () => {
  const path = join(folder, 'generated');
  fc.assert(
    fc.property(file, fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean(), (lines, names, hash) => {
      writeFileSync(path, textOf(lines));
      // -H hashes plain names and leaves patterns as they are.
      if (hash) spawnSync('ssh-keygen', ['-H', '-f', path]);
      const text = readFileSync(path, 'utf8');
      const parsed = parseKnownHosts(text, path);
      for (const each of names) {
        const ours = parsed.filter((found) => matchesHosts(each, found.hosts)).map((found) => found.line);
        expect(ours, `${each} in\n${JSON.stringify(text.split('\n'), null, 1)}`).toEqual(
          foundByOpenSsh(path, each, true),
        );
      }
    }),
    { numRuns: 250 },
  );
});

it('finds lines with whole keys without having them read, too', () => {
  const path = join(folder, 'plain');
  fc.assert(
    fc.property(fc.array(hosts, { minLength: 1, maxLength: 8 }), name, (fields, wanted) => {
      writeFileSync(path, fields.map((each) => `${each} ${keys[0] ?? ''}\n`).join(''));
      const ours = fields.flatMap((each, index) => (matchesHosts(wanted, each) ? [index + 1] : []));
      expect(ours, JSON.stringify([wanted, fields])).toEqual(foundByOpenSsh(path, wanted));
    }),
    { numRuns: 100 },
  );
});

describe('a host key', () => {
  let server: SshServer;
  let shown: Buffer;

  beforeAll(async () => {
    await up();
    server = await startSshServer({ name: 'b-known-hosts' });
    const text = server.knownHosts().find((each) => each.includes(' ssh-ed25519 ')) ?? '';
    const key = text.split(' ').slice(1).join(' ');
    shown = Buffer.from(key.split(' ')[1] ?? '', 'base64');
    keys.push(key);
  });

  afterAll(async () => {
    await server.stop();
  });

  /** What `ssh` makes of the server's key, where the host is of that name and port. */
  function judgedByOpenSsh(files: readonly string[], host: string, number: number): string {
    const pipe = `s=require("net").connect(${server.port},"127.0.0.1");process.stdin.pipe(s).pipe(process.stdout)`;
    const proxy = `'${process.execPath}' -e '${pipe}'`;
    const [global = '', ...users] = files;
    const options = [
      ...[`ProxyCommand=${proxy}`, `UserKnownHostsFile=${users.join(' ')}`, `GlobalKnownHostsFile=${global}`],
      ...[
        'StrictHostKeyChecking=yes',
        'HostKeyAlgorithms=ssh-ed25519',
        'PreferredAuthentications=none',
        'UpdateHostKeys=no',
      ],
    ];
    // Into a file: what the proxy leaves behind would keep a pipe open.
    const output = join(folder, 'stderr');
    const descriptor = openSync(output, 'w');
    spawnSync(
      'ssh',
      ['-F', 'none', ...options.flatMap((each) => ['-o', each]), '-p', String(number), `root@${host}`, 'true'],
      { stdio: ['ignore', 'ignore', descriptor], timeout: 20_000 },
    );
    closeSync(descriptor);
    const stderr = readFileSync(output, 'utf8');
    if (stderr.includes('Permission denied')) return 'known';
    // On another port the key is also looked up without it; that it is revoked there is said, too.
    if (stderr.includes('REVOKED HOST KEY')) return 'revoked';
    if (stderr.includes('IDENTIFICATION HAS CHANGED')) return 'changed';
    if (/No \S+ host key is known/.test(stderr)) return 'unknown';
    throw new Error(`ssh said: ${stderr}`);
  }

  it('is judged as ssh judges it, over several files', () => {
    const names = fc.constantFrom('a.b', 'host.ab', '2001:db8::1', '192.0.2.1', 'A.B');
    const plain = fc.oneof(
      hosts,
      fc.constantFrom('a.b', '[a.b]:2222', '*', '!a.b,*', 'host.ab', '[host.ab]:2222', '*.ab', '2001:db8::1'),
    );
    const entry = fc
      .tuple(fc.constantFrom('', '', '@revoked ', '@cert-authority '), plain, fc.constantFrom(0, 3, 3, 3))
      .map(
        ([mark, field, index]) =>
          () =>
            `${mark}${field} ${keys[index] ?? ''}`,
      );
    const some = fc.array(fc.oneof({ weight: 4, arbitrary: entry }, line), { maxLength: 4 });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(fc.tuple(some, some, some), names, fc.constantFrom(22, 2222), (files, host, number) => {
        const paths = files.map((lines, index) => {
          const path = join(folder, `judged-${index}`);
          writeFileSync(path, `${textOf(lines)}\n`);
          return path;
        });
        const lines = paths.flatMap((path) => parseKnownHosts(readFileSync(path, 'utf8'), path));
        const { kind } = judgeHostKey(lines, { address: host, port: number }, shown);
        kinds.add(kind);
        const texts = paths.map((path) => readFileSync(path, 'utf8'));
        expect(kind, JSON.stringify([host, number, texts], null, 1)).toBe(judgedByOpenSsh(paths, host, number));
      }),
      // Each takes an ssh: looking for a smaller counterexample would take minutes.
      { numRuns: 60, endOnFailure: true },
    );
    expect([...kinds].sort()).toEqual(['changed', 'known', 'revoked', 'unknown']);
  }, 120_000);
});

it('writes lines that ssh-keygen finds, one after another, and none twice', async () => {
  const own = join(folder, 'data', 'known_hosts');
  const knownHosts = createKnownHosts(own, [join(folder, 'missing')]);
  const [blob, otherBlob] = keys.map((key) => Buffer.from(key.split(' ')[1] ?? '', 'base64'));
  if (blob === undefined || otherBlob === undefined) throw new Error('No keys.');
  await Promise.all([
    knownHosts.remember({ address: 'Host.Example', port: 22 }, blob),
    knownHosts.remember({ address: 'host.example', port: 2222 }, otherBlob),
    knownHosts.remember({ address: '2001:db8::1', port: 2222 }, blob),
    knownHosts.remember({ address: 'host.example', port: 22 }, blob),
  ]);
  expect(foundByOpenSsh(own, 'host.example')).toEqual([1]);
  expect(foundByOpenSsh(own, '[host.example]:2222')).toEqual([2]);
  expect(foundByOpenSsh(own, '[2001:db8::1]:2222')).toEqual([3]);
  expect(readFileSync(own, 'utf8').split('\n')).toHaveLength(4);
  expect((await knownHosts.read('host.example', 22)).lines).toHaveLength(3);
});
