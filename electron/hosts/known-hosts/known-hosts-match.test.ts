import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  judgeHostKey,
  keyTypeOf,
  orderKeyTypes,
  matchesHosts,
  parseKnownHosts,
} from './known-hosts-match.ts';

/** A blob that names its type, as every public key does; what follows is of no matter here. */
function key(type: string, content: string): Buffer {
  const parts = [type, content].flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return [length, Buffer.from(text)];
  });
  return Buffer.concat(parts);
}

const ed = key('ssh-ed25519', 'one');
const otherEd = key('ssh-ed25519', 'two');
const rsa = key('ssh-rsa', 'three');

function line(hosts: string, blob: Buffer, marker = ''): string {
  return `${marker}${hosts} ${keyTypeOf(blob) ?? ''} ${blob.toString('base64')} comment`;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

function judge(text: string, blob: Buffer, address = 'host.example', port = 22) {
  return judgeHostKey(parseKnownHosts(text, 'file'), { address, port }, blob);
}

describe('parseKnownHosts', () => {
  it('reads lines with their numbers and passes over what is no key', () => {
    const text = [
      '# comment',
      '',
      `  \t${line('a', ed)}`,
      line('b', rsa, '@revoked  '),
      line('c', ed, '@cert-authority '),
      line('d', ed, '@unknown '),
      'e ssh-ed25519',
      `f ssh-rsa ${ed.toString('base64')}`,
      'g ssh-ed25519 %%%%',
      `${line('h', ed)}\r`,
      // What OpenSSH calls an invalid marker, and a tab as the only separator.
      line('i', ed, '@revoked\t'),
      line('j', ed, '@revoked @revoked '),
      line('k', ed, '@revoked ').replaceAll(' ', '\t'),
      // Keys that were cut off, without padding, or of a type that OpenSSH does not know.
      `l ssh-ed25519 ${ed.subarray(0, -1).toString('base64')}`,
      `m ssh-ed25519 ${ed.toString('base64').replace(/.=*$/, '')}`,
      line('n', key('ssh-new', 'x')),
      `n ssh-ed25519 ${ed.subarray(0, 15).toString('base64')}`,
      `o rsa-sha2-512 ${rsa.toString('base64')}`,
      `p ssh-ed25519 ${ed.toString('base64')}\r`,
      `q ssh-ed25519\r`,
      `\rr ssh-ed25519 ${ed.toString('base64')}`,
    ].join('\n');
    const lines = parseKnownHosts(text, 'file');
    expect(lines.map(({ line: number, marker, hosts }) => [number, marker, hosts])).toEqual([
      [3, 'none', 'a'],
      [4, 'revoked', 'b'],
      [5, 'certAuthority', 'c'],
      [10, 'none', 'h'],
      [13, 'revoked', 'k'],
      [18, 'none', 'o'],
      [19, 'none', 'p'],
      [21, 'none', '\rr'],
    ]);
  });
});

describe('matchesHosts', () => {
  it.each([
    ['host.example', 'host.example', true],
    ['host.example', 'HOST.Example', true],
    ['host.example', 'other,host.example', true],
    ['host.example', 'host', false],
    ['host.example', '*.example', true],
    ['host.example', 'h?st.example', true],
    ['hst.example', 'h?st.example', false],
    ['host.example', '*', true],
    ['host.example', '*.example,!host.example', false],
    ['host.example', '!host.example,*.example', false],
    ['other.example', '*.example,!host.example', true],
    ['host.example', '!other.example', false],
    ['[host.example]:2222', '[host.example]:2222', true],
    ['[host.example]:2222', 'host.example', false],
    ['[host.example]:2222', '[*.example]:*', true],
    ['host.example', '[host.example]:22', false],
    ['host.example', `host.example,${'x'.repeat(1023)}`, false],
    ['host.example', `host.example,${'x'.repeat(1022)}`, true],
    ['k', '\u212a', false],
    ['\u00fc', '??', true],
    ['\u00fc', '\u00dc', false],
    ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '*a*a*a*a*a*a*a*a*a*a*b', false],
  ])('%s against %s: %s', (name, hosts, expected) => {
    expect(matchesHosts(name, hosts)).toBe(expected);
  });

  it('knows hashed names, with their port', () => {
    expect(matchesHosts('host.example', hashed('host.example'))).toBe(true);
    expect(matchesHosts('host.example', hashed('other.example'))).toBe(false);
    expect(matchesHosts('[host.example]:2222', hashed('[host.example]:2222'))).toBe(true);
    expect(matchesHosts('[host.example]:2222', hashed('host.example'))).toBe(false);
    expect(matchesHosts('host.example', '|2|a|b')).toBe(false);
    expect(matchesHosts('host.example', `${hashed('host.example')}|`)).toBe(false);
    expect(matchesHosts('host.example', `${hashed('host.example')},host.example`)).toBe(false);
    expect(matchesHosts('host.example', `host.example,${hashed('other')}`)).toBe(true);
    expect(matchesHosts('host.example', `!${hashed('other')},host.example`)).toBe(true);
    const salt = randomBytes(19);
    const hash = createHmac('sha1', salt).update('host.example').digest('base64');
    expect(matchesHosts('host.example', `|1|${salt.toString('base64')}|${hash}`)).toBe(false);
    expect(matchesHosts('host.example', '|')).toBe(false);
  });
});

describe('judgeHostKey', () => {
  it('knows a key, and does not know a host', () => {
    expect(judge(line('host.example', ed), ed)).toEqual({ kind: 'known' });
    expect(judge(line('Host.Example', ed), ed, 'HOST.EXAMPLE')).toEqual({ kind: 'known' });
    expect(judge(line('other.example', ed), ed)).toEqual({ kind: 'unknown', authority: null });
    expect(judge('', ed)).toEqual({ kind: 'unknown', authority: null });
  });

  it('takes any of several known keys', () => {
    expect(judge(`${line('host.example', ed)}\n${line('host.example', rsa)}`, rsa).kind).toBe('known');
  });

  it('sees a change in another key of the same type and of another type', () => {
    expect(judge(`\n${line('host.example', ed)}`, otherEd)).toMatchObject({ kind: 'changed', lines: [{ line: 2 }] });
    expect(judge(line('host.example', ed), rsa).kind).toBe('changed');
  });

  it('lets a revocation win wherever it stands', () => {
    const good = line('host.example', ed);
    const bad = line('*', ed, '@revoked ');
    expect(judge(`${good}\n${bad}`, ed)).toMatchObject({ kind: 'revoked', line: { line: 2 } });
    expect(judge(`${bad}\n${good}`, ed)).toMatchObject({ kind: 'revoked', line: { line: 1 } });
    expect(judge(line('host.example', ed, '@revoked '), ed, 'host.example', 2222).kind).toBe('revoked');
    // As OpenSSH does it, the name without the port is only tried where the one with it is unknown.
    const onPort = line('[host.example]:2222', ed);
    expect(judge(`${onPort}\n${line('host.example', ed, '@revoked ')}`, ed, 'host.example', 2222).kind).toBe('known');
    expect(judge(`${onPort}\n${line('*', ed, '@revoked ')}`, ed, 'host.example', 2222).kind).toBe('revoked');
    // Another host's revocation, and another key's, say nothing about this one.
    expect(judge(`${good}\n${line('other.example', ed, '@revoked ')}`, ed).kind).toBe('known');
    expect(judge(`${good}\n${line('*', rsa, '@revoked ')}`, ed).kind).toBe('known');
    expect(judge(line('*', rsa, '@revoked '), ed).kind).toBe('unknown');
  });

  it('does not take a certificate authority for a host key', () => {
    const authority = line('host.example', ed, '@cert-authority ');
    expect(judge(authority, ed)).toMatchObject({ kind: 'unknown', authority: { line: 1 } });
    expect(judge(authority, rsa)).toMatchObject({ kind: 'unknown', authority: { line: 1 } });
    expect(judge(authority, rsa, 'host.example', 2222)).toMatchObject({ kind: 'unknown', authority: { line: 1 } });
  });

  it('keeps ports apart, but takes a key that is known for the bare name', () => {
    const text = line('[host.example]:2222', ed);
    expect(judge(text, ed, 'host.example', 2222).kind).toBe('known');
    expect(judge(text, ed, 'host.example', 22).kind).toBe('unknown');
    expect(judge(text, rsa, 'host.example', 2222).kind).toBe('changed');
    expect(judge(line('host.example', ed), ed, 'host.example', 2222).kind).toBe('known');
    expect(judge(line('host.example', ed), rsa, 'host.example', 2222).kind).toBe('unknown');
  });

  it('finds numeric addresses however they are written', () => {
    expect(judge(line('127.0.0.1', ed), otherEd, '127.1', 22).kind).toBe('changed');
    expect(judge(line('[::1]:2222', ed), ed, '0:0:0:0:0:0:0:1', 2222).kind).toBe('known');
    // Only what is asked for: a line is taken as it is written.
    expect(judge(line('127.1', ed), ed, '127.0.0.1', 22).kind).toBe('unknown');
  });

  it('knows a host by its alias alone, without a port', () => {
    const place = { address: 'host.example', port: 2222, alias: 'Cluster' };
    const lines = parseKnownHosts(`${line('cluster', ed)}\n${line('[host.example]:2222', otherEd)}`, 'file');
    expect(judgeHostKey(lines, place, ed).kind).toBe('known');
    expect(judgeHostKey(lines, place, otherEd).kind).toBe('changed');
  });

  it('writes IPv6 addresses as OpenSSH does', () => {
    expect(judge(line('::1', ed), ed, '::1', 22).kind).toBe('known');
    expect(judge(line('[::1]:2222', ed), ed, '::1', 2222).kind).toBe('known');
  });
});

describe('orderKeyTypes', () => {
  const preferred = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'];
  const place = { address: 'host.example', port: 2222 };
  const order = (text: string, at = place) => orderKeyTypes(preferred, parseKnownHosts(text, 'file'), at);

  it('leaves the order where the best type is known, whatever else is', () => {
    const text = [line('[host.example]:2222', rsa), line('[host.example]:2222', ed)].join('\n');
    expect(order(text)).toEqual(preferred);
    expect(order('')).toEqual(preferred);
  });

  it('puts known types first where the best is not', () => {
    expect(order(line('[host.example]:2222', rsa))).toEqual(['ssh-rsa', 'ssh-ed25519', 'ecdsa-sha2-nistp256']);
  });

  it('passes over a type whose first key is revoked', () => {
    const lines = [line('[host.example]:2222', ed), line('[host.example]:2222', otherEd), line('*', rsa)];
    const revoked = (blob: Buffer) => line('*', blob, '@revoked ');
    expect(order([...lines, revoked(ed)].join('\n'))).toEqual(['ssh-rsa', 'ssh-ed25519', 'ecdsa-sha2-nistp256']);
    expect(order([...lines, revoked(otherEd)].join('\n'))).toEqual(preferred);
  });

  it('counts host keys only, under the very name of the host', () => {
    expect(order(line('*', rsa, '@revoked '))).toEqual(preferred);
    expect(order(line('*', rsa, '@cert-authority '))).toEqual(preferred);
    expect(order(line('host.example', rsa))).toEqual(preferred);
    const alias = { ...place, alias: 'Other' };
    expect(order(line('other', rsa), alias)).toEqual(['ssh-rsa', 'ssh-ed25519', 'ecdsa-sha2-nistp256']);
  });
});

describe('fingerprint', () => {
  it('is what OpenSSH prints', () => {
    // ssh-keygen -lf on github.com's published ed25519 key.
    const blob = Buffer.from('AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl', 'base64');
    expect(fingerprint(blob)).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
    expect(keyTypeOf(blob)).toBe('ssh-ed25519');
    expect(keyTypeOf(Buffer.from([0, 0, 0, 9, 65]))).toBeNull();
  });
});
