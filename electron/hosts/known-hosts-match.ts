/**
 * OpenSSH's rules for known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, and hostfile.c, match.c), as pure
 * functions. Keys are compared as their public blobs.
 */
import { createHash, createHmac } from 'node:crypto';

export interface KnownHostLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'certAuthority';
  /** The first field: patterns, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The key's public blob. */
  readonly key: Buffer;
}

export type HostKeyVerdict =
  | { kind: 'known' }
  /** Nothing is known about the host. */
  | { kind: 'unknown' }
  /** The host is known with these keys, and with no other. */
  | { kind: 'changed'; lines: readonly KnownHostLine[] }
  | { kind: 'revoked'; line: KnownHostLine };

/** The key type that a public key blob names in its first field (RFC 4253, 6.6); null where there is none. */
export function keyTypeOf(blob: Buffer): string | null {
  if (blob.length < 4) return null;
  const length = blob.readUInt32BE(0);
  return length > 0 && blob.length >= 4 + length ? blob.toString('latin1', 4, 4 + length) : null;
}

/** As OpenSSH prints it: `SHA256:` and base64 without padding. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The name under which a host stands in known_hosts: bare on port 22, else `[host]:port`. Lower case. */
export function hostEntryName(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

const markers: Readonly<Record<string, KnownHostLine['marker']>> = {
  '@revoked': 'revoked',
  '@cert-authority': 'certAuthority',
};

function parseLine(text: string, file: string, line: number): KnownHostLine | null {
  const fields = text.trim().split(/[ \t]+/);
  const first = fields[0] ?? '';
  if (first === '' || first.startsWith('#')) return null;
  let marker: KnownHostLine['marker'] = 'none';
  if (first.startsWith('@')) {
    const known = Object.hasOwn(markers, first) ? markers[first] : undefined;
    if (known === undefined) return null;
    marker = known;
    fields.shift();
  }
  const [hosts, keyType, base64] = fields;
  if (hosts === undefined || keyType === undefined || base64 === undefined) return null;
  const key = Buffer.from(base64, 'base64');
  // A line whose key is of another type than it says is broken, and OpenSSH passes over it.
  return keyTypeOf(key) === keyType ? { file, line, marker, hosts, keyType, key } : null;
}

/** The lines of a known_hosts file that hold a key. Broken lines are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHostLine[] {
  return text.split('\n').flatMap((each, index) => parseLine(each, file, index + 1) ?? []);
}

/** Whether `name` fits a pattern with `*` and `?` (match.c, match_pattern). Linear in memory, no regular expression. */
function matchesPattern(name: string, pattern: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      star = inPattern;
      starAt = at;
      inPattern += 1;
    } else if (wanted !== undefined && (wanted === '?' || wanted === name[at])) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      // Let the last star take one character more.
      starAt += 1;
      at = starAt;
      inPattern = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as its key. */
function matchesHashed(name: string, hosts: string): boolean {
  const [, magic, salt, hash] = hosts.split('|');
  if (magic !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

/** Whether the hosts field of a line names `name` (from `hostEntryName`). A negated pattern that fits wins. */
export function matchesHosts(name: string, hosts: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(name, hosts);
  let found = false;
  for (const each of hosts.toLowerCase().split(',')) {
    const negated = each.startsWith('!');
    if (!matchesPattern(name, negated ? each.slice(1) : each)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/**
 * What the files say about a host's key. A key that is revoked for the host anywhere is refused whatever else is said.
 * On another port than 22 a key that is known for the bare name is known too (sshconnect.c, check_host_key). A host
 * that is known with other keys only, of whatever type, has changed.
 */
export function judgeHostKey(
  lines: readonly KnownHostLine[],
  address: string,
  port: number,
  key: Buffer,
): HostKeyVerdict {
  const name = hostEntryName(address, port);
  const bareName = hostEntryName(address, 22);
  const ofHost = lines.filter((line) => matchesHosts(name, line.hosts));
  const ofBareName = name === bareName ? ofHost : lines.filter((line) => matchesHosts(bareName, line.hosts));
  const revoked = [...ofHost, ...ofBareName].find((line) => line.marker === 'revoked' && line.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', line: revoked };
  const isThisKey = (line: KnownHostLine): boolean => line.marker === 'none' && line.key.equals(key);
  const known = ofHost.filter((line) => line.marker === 'none');
  if (known.some(isThisKey)) return { kind: 'known' };
  if (known.length > 0) return { kind: 'changed', lines: known };
  return ofBareName.some(isThisKey) ? { kind: 'known' } : { kind: 'unknown' };
}

/** The key types that are known for the host, to be asked for first: another type would look like a change. */
export function knownKeyTypes(lines: readonly KnownHostLine[], address: string, port: number): string[] {
  const typesOf = (name: string): string[] =>
    lines.filter((line) => line.marker === 'none' && matchesHosts(name, line.hosts)).map((line) => line.keyType);
  const own = typesOf(hostEntryName(address, port));
  return [...new Set(own.length > 0 ? own : typesOf(hostEntryName(address, 22)))];
}
