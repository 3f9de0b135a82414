/** The matcher against OpenSSH's own, over generated files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostEntryName, matchesHosts, parseKnownHosts } from './known-hosts-match.ts';
import { createKnownHosts } from './known-hosts.ts';

let folder: string;
const keys: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-known-'));
  for (const type of ['ed25519', 'ecdsa']) {
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

/** The numbers of the lines that `ssh-keygen -F` finds. */
function foundByOpenSsh(file: string, name: string): number[] {
  const { stdout, status } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
  if (status !== 0 && status !== 1) throw new Error('ssh-keygen failed');
  return [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
}

it('finds the lines that ssh-keygen finds', () => {
  const label = fc.constantFrom('a', 'b', 'ab', 'host', 'x1');
  const address = fc.oneof(
    fc.tuple(label, label).map((labels) => labels.join('.')),
    fc.constantFrom('192.0.2.1', '2001:db8::1', 'a'),
  );
  const port = fc.constantFrom(22, 22, 2222);
  const name = fc.tuple(address, port).map(([host, number]) => hostEntryName(host, number));
  const pattern = fc.oneof(
    name,
    name.map((text) => text.toUpperCase()),
    fc.constantFrom('*', '*.b', 'a.*', '?.b', '[*]:2222', '[a.b]:*', '*a*', '??', '', '192.0.2.*', '[a.b]:22'),
    name.map((text) => `!${text}`),
    fc.constantFrom('!*.b', '!a*', '!'),
  );
  const marker = fc.constantFrom('', '', '', '@revoked ', '@cert-authority ', '@other ', '# ');
  const line = fc.record({
    marker,
    hosts: fc.array(pattern, { minLength: 1, maxLength: 4 }).map((patterns) => patterns.join(',')),
    key: fc.nat(1),
    indent: fc.constantFrom('', ' ', '\t'),
  });
  const file = join(folder, 'generated');
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 12 }),
      fc.array(name, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (lines, names, hash) => {
        const text = lines
          .map((each) => `${each.indent}${each.marker}${each.hosts} ${keys[each.key] ?? ''}\n`)
          .join('');
        writeFileSync(file, text);
        // -H hashes plain names and leaves patterns as they are.
        if (hash) spawnSync('ssh-keygen', ['-H', '-f', file]);
        const parsed = parseKnownHosts(readFileSync(file, 'utf8'), file);
        for (const each of names) {
          const ours = parsed.filter(({ hosts }) => matchesHosts(each, hosts)).map((found) => found.line);
          expect(ours, `${each} in\n${readFileSync(file, 'utf8')}`).toEqual(foundByOpenSsh(file, each));
        }
      },
    ),
    { numRuns: 150 },
  );
});

it('writes lines that ssh-keygen finds, one after another, and none twice', async () => {
  const own = join(folder, 'data', 'known_hosts');
  const knownHosts = createKnownHosts(own, [join(folder, 'missing')]);
  const [blob, otherBlob] = keys.map((key) => Buffer.from(key.split(' ')[1] ?? '', 'base64'));
  if (blob === undefined || otherBlob === undefined) throw new Error('No keys.');
  await Promise.all([
    knownHosts.remember('Host.Example', 22, blob),
    knownHosts.remember('host.example', 2222, otherBlob),
    knownHosts.remember('2001:db8::1', 2222, blob),
    knownHosts.remember('host.example', 22, blob),
  ]);
  expect(foundByOpenSsh(own, 'host.example')).toEqual([1]);
  expect(foundByOpenSsh(own, '[host.example]:2222')).toEqual([2]);
  expect(foundByOpenSsh(own, '[2001:db8::1]:2222')).toEqual([3]);
  expect(readFileSync(own, 'utf8').split('\n')).toHaveLength(4);
  expect(await knownHosts.read()).toHaveLength(3);
});
