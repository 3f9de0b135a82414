/**
 * Numeric addresses in the one form under which OpenSSH looks a host up (ssh.c, resolve_addr: getaddrinfo with
 * AI_NUMERICHOST and back with getnameinfo), whatever CanonicalizeHostname says. No name is looked up.
 */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** One part of an IPv4 address as inet_aton(3) reads it: decimal, octal behind `0`, hexadecimal behind `0x`. */
function partOfIPv4(text: string): number | null {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number.parseInt(text, 10) : null;
}

/** With one to four parts, of which the last fills what is left: `127.1` is 127.0.0.1. Null where it is no such address. */
function canonicalIPv4(text: string): string | null {
  const parts = text.split('.').map(partOfIPv4);
  const last = parts.pop();
  if (last === undefined || last === null || parts.length > 3 || last >= 256 ** (4 - parts.length)) return null;
  let address = last;
  for (const [index, part] of parts.entries()) {
    if (part === null || part > 255) return null;
    address += part * 256 ** (3 - index);
  }
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** As inet_ntop(3) writes it: like RFC 5952, with the last four bytes in decimal where twelve or ten zeros and ffff precede. */
function canonicalIPv6(text: string): string | null {
  if (!isIPv6(text)) return null;
  const compressed = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [, mapped = '', high, low] = /^::(ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed) ?? [];
  if (high === undefined || low === undefined) return compressed;
  const bytes = [high, low].flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
  return `::${mapped}${bytes.join('.')}`;
}

/** RFC 4007, 11: a zone has a name where the scope is one link. */
const linkLocal = /^(fe[89ab]|ff[0-9a-f]2:)/;

function interfaceName(index: number): string | null {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((each) => each.family === 'IPv6' && each.scopeid === index) === true) return name;
  }
  return null;
}

function withZone(address: string, zone: string): string | null {
  const isLinkLocal = linkLocal.test(address);
  if (!/^\d{1,10}$/.test(zone)) return isLinkLocal ? `${address}%${zone}` : null;
  const index = Number(zone);
  if (index === 0) return address;
  return `${address}%${(isLinkLocal ? interfaceName(index) : null) ?? index}`;
}

/**
 * A numeric address as OpenSSH writes it (`0:0:0:0:0:0:0:1` is `::1`, `127.1` is `127.0.0.1`); anything else as it is.
 *
 * @param address without brackets, in lower case; a zone may follow behind `%`
 */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return canonicalIPv4(address) ?? address;
  const [host = '', ...zone] = address.split('%');
  const canonical = canonicalIPv6(host);
  if (canonical === null) return address;
  return (zone.length === 0 ? canonical : withZone(canonical, zone.join('%'))) ?? address;
}
