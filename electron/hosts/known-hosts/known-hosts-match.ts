/**
 * OpenSSH's rules for known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, and hostfile.c, match.c), as pure
 * functions: `parseKnownHosts` for each file, all their lines together to `judgeHostKey`. Keys are compared as their public
 * blobs.
 */
import { createHash, createHmac } from 'node:crypto';
import { canonicalAddress } from './canonical-address.ts';

export interface KnownHostLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'certAuthority';
  /** The field behind the marker: patterns, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The key's public blob. */
  readonly key: Buffer;
}

export type HostKeyVerdict =
  | { kind: 'known' }
  /** No key is known for the host; `authority` where one that signs keys of hosts (`@cert-authority`) is. */
  | { kind: 'unknown'; authority: KnownHostLine | null }
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
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replaceAll('=', '')}`;
}

/** What a host is to be looked up by. */
export interface HostPlace {
  /** A name or an IP address without brackets, as the user gave it. */
  readonly address: string;
  readonly port: number;
  /** HostKeyAlias of OpenSSH's configuration: takes the place of address and port. */
  readonly alias?: string | null;
}

/**
 * The name under which a host stands in known_hosts: bare on port 22, else `[host]:port`. Lower case, and numeric
 * addresses in their one form (sshconnect.c, get_hostfile_hostname_ipaddr).
 */
export function hostEntryName({ address, port, alias = null }: HostPlace): string {
  if (alias !== null) return lowerCase(alias);
  const name = canonicalAddress(lowerCase(address));
  return port === 22 ? name : `[${name}]:${port}`;
}

/** A hosts field that `hostEntryName` made, with a numeric address in its one form. Anything else as it is. */
export function canonicalHosts(hosts: string): string {
  const [, address, port] = /^\[([^[\],]+)\]:(\d{1,5})$/.exec(hosts) ?? [];
  return address === undefined ? canonicalAddress(hosts) : `[${canonicalAddress(address)}]:${port ?? ''}`;
}

const markers: ReadonlyMap<string, KnownHostLine['marker']> = new Map([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'certAuthority'],
]);

/** The key types that OpenSSH knows (sshkey.c, keyimpls), with the type that a blob of each names. */
const keyTypes: ReadonlyMap<string, string> = new Map([
  ...[
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'ssh-rsa',
    'ssh-dss',
    'sk-ssh-ed25519@openssh.com',
    'sk-ecdsa-sha2-nistp256@openssh.com',
  ].flatMap((type): [string, string][] => {
    const certificate = `${type.replace('@openssh.com', '')}-cert-v01@openssh.com`;
    return [
      [type, type],
      [certificate, certificate],
    ];
  }),
  // Names of signatures, which sshkey_read takes for the key as well.
  ['rsa-sha2-256', 'ssh-rsa'],
  ['rsa-sha2-512', 'ssh-rsa'],
]);

/** Upper case of ASCII only, as C's tolower does: JavaScript's would turn the Kelvin sign into a k. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** As OpenSSH sees text: one character a byte. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Base64 as strictly as b64_pton: white space is passed over, padding and the unused bits must be right. */
function decodeBase64(text: string): Buffer | null {
  const packed = text.replace(/[\t-\r ]+/g, '');
  const bytes = Buffer.from(packed, 'base64');
  return bytes.toString('base64') === packed ? bytes : null;
}

/**
 * Whether a blob is made of whole fields (a length and so many bytes) to its end, and of more than its type: one that was
 * cut off is not.
 */
function isWhole(blob: Buffer): boolean {
  let at = 0;
  let fields = 0;
  for (; at + 4 <= blob.length; fields += 1) at += 4 + blob.readUInt32BE(at);
  return at === blob.length && fields > 1;
}

/**
 * The marker in front of a line, and where the line goes on behind it; null where OpenSSH calls it invalid
 * (hostfile.c, check_markers): it is unknown, there are two, or a tab stands behind it while there are spaces later.
 */
function takeMarker(text: string): { marker: KnownHostLine['marker']; rest: string } | null {
  if (!text.startsWith('@')) return { marker: 'none', rest: text };
  const space = text.indexOf(' ');
  const end = space >= 0 ? space : text.indexOf('\t');
  const marker = end < 0 ? undefined : markers.get(text.slice(0, end));
  const rest = end < 0 ? '' : text.slice(end).replace(/^[ \t]+/, '');
  return marker === undefined || rest.startsWith('@') ? null : { marker, rest };
}

function parseLine(text: string, file: string, line: number): KnownHostLine | null {
  // C strings end at a NUL. Only spaces and tabs separate: a carriage return belongs to the last field.
  const [content = ''] = text.split('\0');
  const trimmed = content.replace(/^[ \t]+/, '');
  if (trimmed === '' || trimmed.startsWith('#')) return null;
  const marked = takeMarker(trimmed);
  if (marked === null) return null;
  const [hosts, ...fields] = marked.rest.split(/[ \t]+/);
  const publicKey = parsePublicKey(fields);
  // A line whose key is broken, unknown to OpenSSH, or of another type than it says is passed over, as OpenSSH does.
  return hosts === undefined || publicKey === null ? null : { file, line, marker: marked.marker, hosts, ...publicKey };
}

/** A public key from its two fields, type and base64; null where OpenSSH would not read it (sshkey.c, sshkey_read). */
export function parsePublicKey([name, base64]: readonly string[]): Pick<KnownHostLine, 'keyType' | 'key'> | null {
  if (name === undefined || base64 === undefined) return null;
  const keyType = keyTypes.get(name);
  const key = decodeBase64(base64);
  if (keyType === undefined || key === null || !isWhole(key) || keyTypeOf(key) !== keyType) return null;
  return { keyType, key };
}

/**
 * The lines of a known_hosts file that hold a key. Broken lines, and those with a marker that OpenSSH does not know, are
 * passed over, as OpenSSH does (hostfile.c, hostkeys_foreach_file; sshkey.c, sshkey_read).
 *
 * @param file its path, for messages
 */
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

const saltBytes = 20;

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as its key. No wildcards, no case, no list. */
function matchesHashed(name: string, hosts: string): boolean {
  const [, , saltText = ''] = hosts.split('|');
  const salt = decodeBase64(saltText);
  if (salt?.length !== saltBytes) return false;
  // Compared as OpenSSH does, as text and whole: what follows the hash makes it another.
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return hosts === `|1|${salt.toString('base64')}|${hash}`;
}

/** Longer patterns make OpenSSH give up the whole list (match.c, match_pattern_list). */
const longestPattern = 1022;

/**
 * Whether the hosts field of a line names `name` (from `hostEntryName`), as `ssh-keygen -F name` finds it. A negated
 * pattern that fits wins over all others, wherever it stands; negated patterns alone fit nothing. Upper and lower case of
 * ASCII are one, but for hashed names, which are hashed in lower case: `hostEntryName` gives that.
 */
export function matchesHosts(name: string, hosts: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(name, hosts);
  const wanted = asBytes(lowerCase(name));
  let found = false;
  for (const each of asBytes(lowerCase(hosts)).split(',')) {
    const negated = each.startsWith('!');
    const pattern = negated ? each.slice(1) : each;
    if (pattern.length > longestPattern) return false;
    if (!matchesPattern(wanted, pattern)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** What the lines for one name say, before the name without its port is tried. */
function judgeName(lines: readonly KnownHostLine[], name: string, key: Buffer): HostKeyVerdict {
  const ofName = lines.filter((line) => matchesHosts(name, line.hosts));
  const revoked = ofName.find((line) => line.marker === 'revoked' && line.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', line: revoked };
  const known = ofName.filter((line) => line.marker === 'none');
  if (known.some((line) => line.key.equals(key))) return { kind: 'known' };
  if (known.length > 0) return { kind: 'changed', lines: known };
  return { kind: 'unknown', authority: ofName.find((line) => line.marker === 'certAuthority') ?? null };
}

/**
 * What known_hosts files say about a host's key (hostfile.c, check_key_in_hostkeys; sshconnect.c, check_host_key):
 *
 * - `revoked`: a line with `@revoked` names the host and this key. Wins over every other line, before or behind it, in
 *   whichever file.
 * - `known`: a line without a marker names the host and this key, whatever other keys are known for it.
 * - `changed`: the host is known, with other keys only, of this type or another.
 * - `unknown`: nothing is known of it. `@cert-authority` is no host key, so a host that only has such lines is unknown.
 *
 * On another port than 22 the host is looked up as `[address]:port`. Only where that is unknown, the bare name is tried: its
 * key is `known` (or `revoked`) there too, another one says nothing. Names and addresses are not resolved into each other
 * (CheckHostIP is off by default since OpenSSH 8.5).
 *
 * @param lines of all files, each from `parseKnownHosts`
 * @param key the public blob that the host showed
 */
export function judgeHostKey(lines: readonly KnownHostLine[], place: HostPlace, key: Buffer): HostKeyVerdict {
  const name = hostEntryName(place);
  const bareName = hostEntryName({ ...place, port: 22 });
  const verdict = judgeName(lines, name, key);
  if (verdict.kind !== 'unknown' || name === bareName) return verdict;
  const ofBareName = judgeName(lines, bareName, key);
  if (ofBareName.kind === 'known' || ofBareName.kind === 'revoked') return ofBareName;
  return {
    kind: 'unknown',
    authority: verdict.authority ?? (ofBareName.kind === 'unknown' ? ofBareName.authority : null),
  };
}

/**
 * The types in `preferred` in the order in which the host is to be asked for them, so that it shows a key that can be
 * checked (sshconnect2.c, order_hostkeyalgs): as they are where the best one is known for the host, else the known ones
 * first. Which name a host is known by is told by its port or its alias; the bare name does not count here.
 */
export function orderKeyTypes(
  preferred: readonly string[],
  lines: readonly KnownHostLine[],
  place: HostPlace,
): readonly string[] {
  const name = hostEntryName(place);
  const ofName = lines.filter((line) => matchesHosts(name, line.hosts));
  const revoked = ofName.filter((line) => line.marker === 'revoked');
  // The first key of a type stands for it: where that is revoked, the type counts as not known (hostfile.c,
  // check_hostkeys_by_key_or_type).
  const isKnown = (type: string): boolean => {
    const first = ofName.find((line) => line.marker === 'none' && line.keyType === type);
    return first !== undefined && !revoked.some(({ key }) => key.equals(first.key));
  };
  const [best] = preferred;
  if (best === undefined || isKnown(best)) return preferred;
  return [...preferred.filter(isKnown), ...preferred.filter((type) => !isKnown(type))];
}
