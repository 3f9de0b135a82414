/**
 * Who may talk to the browser shell. Pure functions over a request's headers.
 *
 * The guards, each against another attacker: the `Host` header (a foreign site that rebinds its DNS name to 127.0.0.1),
 * the `Origin` header (a foreign site that opens a WebSocket to us), the token and the key (another program of this
 * machine; see shared/handshake.ts), and, where it can be known, the user at the other end (peer.ts).
 *
 * There is no cookie: a browser sends the cookies of 127.0.0.1 to every port of it, and so to the servers of others.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits, as text that needs no encoding in a URL. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether `given` is `expected`, in a time that tells nothing of where they differ or of how long they are. */
export function sameToken(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/**
 * Whether there is exactly one `Host` header and it names us, port included. `localhost` does not: a browser may try
 * `[::1]` first, where anybody else may listen on our port.
 */
export function isOwnHost(rawHeaders: readonly string[], port: number): boolean {
  const hosts = headerValues(rawHeaders, 'host');
  return hosts.length === 1 && hosts[0] === `127.0.0.1:${port}`;
}

/** Whether there is exactly one `Origin` header and it is the origin of the page that we serve under this `Host`. */
export function isOwnOrigin(rawHeaders: readonly string[]): boolean {
  const origins = headerValues(rawHeaders, 'origin');
  const hosts = headerValues(rawHeaders, 'host');
  return origins.length === 1 && hosts.length === 1 && origins[0] === `http://${hosts[0] ?? ''}`;
}

/** Node joins or drops repeated headers in `headers`; `rawHeaders` has them all, name and value in turn. */
function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
