/**
 * Which user is at the other end of a TCP connection on this machine. Only Linux tells: `/proc/net/tcp` and `tcp6`
 * (proc(5)) hold the owner of every socket of this network namespace, whichever process has it.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';
import { systemErrorCode } from '../store/files.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `unknown` where the machine does not tell; `gone` where the socket is closed already. */
export type Peer =
  { readonly kind: 'user'; readonly uid: number } | { readonly kind: 'unknown' } | { readonly kind: 'gone' };

/** An IPv4 endpoint as these tables write it: the address as a number in the machine's own byte order, the port not. */
function tableText({ address, port }: Endpoint): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0').toUpperCase());
  const ordered = endianness() === 'LE' ? bytes.reverse() : bytes;
  return `${ordered.join('')}:${port.toString(16).padStart(4, '0').toUpperCase()}`;
}

/** How an IPv4 address begins in `tcp6`: a socket of that family may be connected to one (`::ffff:127.0.0.1`). */
const mapped = endianness() === 'LE' ? '0000000000000000FFFF0000' : '00000000000000000000FFFF';

/** The state of a connection that stands, as the tables write it (TCP_ESTABLISHED). */
const established = '01';

/**
 * The owner of the socket at `near` that is connected to `far`, our own end, in the text of both tables.
 *
 * A socket that its process has closed stays in the table for a while with neither inode nor owner: it shows 0, which is
 * no proof of being root. Where the connection stands and only our own end is in the table, the other one is outside of this
 * network namespace, as the browser of a Windows that shares its network with this Linux is.
 */
export function peerInTables(text: string, near: Endpoint, far: Endpoint): Peer {
  const [nearText, farText] = [tableText(near), tableText(far)];
  let stands = false;
  for (const line of text.split('\n')) {
    const [, local, remote, state, , , , uid, , inode] = line.trim().split(/\s+/);
    if (local === undefined || remote === undefined) continue;
    const ends = [local, remote].map((end) => (end.startsWith(mapped) ? end.slice(24) : end)).join(' ');
    if (ends === `${nearText} ${farText}`) {
      return inode === undefined || inode === '0' ? { kind: 'gone' } : { kind: 'user', uid: Number(uid) };
    }
    if (ends === `${farText} ${nearText}`) stands = state === established;
  }
  return { kind: stands ? 'unknown' : 'gone' };
}

async function readTables(): Promise<string> {
  const [four, six] = await Promise.all([
    readFile('/proc/net/tcp', 'latin1'),
    readFile('/proc/net/tcp6', 'latin1').catch((error: unknown) => {
      // Absent where the kernel has no IPv6.
      if (systemErrorCode(error) === 'ENOENT') return '';
      throw error;
    }),
  ]);
  return `${four}\n${six}`;
}

const mostLooks = 3;

/**
 * A function that gives the user at `near`, connected to `far`. Many questions at once cost one reading of the tables: on a
 * busy machine they are long.
 *
 * @param read rejects with `ENOENT` where the machine has no such tables
 */
export function createPeerLookup(
  platform: NodeJS.Platform = process.platform,
  read: () => Promise<string> = readTables,
): (near: Endpoint, far: Endpoint) => Promise<Peer> {
  let running: Promise<string> | null = null;
  let next: Promise<string> | null = null;

  /** The tables as they are after this call: a reading that runs already may have passed the new connection. */
  function freshTables(): Promise<string> {
    if (running === null) {
      running = read().finally(() => {
        running = null;
      });
      return running;
    }
    next ??= running
      .catch(() => '')
      .then(() => {
        next = null;
        return freshTables();
      });
    return next;
  }

  return async (near, far) => {
    if (platform !== 'linux') return { kind: 'unknown' };
    if (!isIPv4(near.address) || !isIPv4(far.address)) return { kind: 'gone' };
    try {
      let peer: Peer = { kind: 'unknown' };
      // The kernel gives the table in parts: a line can be missed while others come and go, but hardly again and again.
      for (let look = 0; look < mostLooks && peer.kind === 'unknown'; look += 1) {
        peer = peerInTables(await freshTables(), near, far);
      }
      return peer;
    } catch (error) {
      // Without /proc it cannot be known. Any other failure (no descriptor left) must not open the door.
      return systemErrorCode(error) === 'ENOENT' ? { kind: 'unknown' } : { kind: 'gone' };
    }
  };
}

/**
 * Whether a peer may be served. Root may: it could read our memory, and some sshd make the connections of a tunnel as
 * root. Where we run as root by sudo, who typed sudo may as well.
 */
export function isTrustedPeer(
  peer: Peer,
  own: { readonly uid: number | undefined; readonly sudoUid: string | undefined },
) {
  if (peer.kind === 'unknown') return true;
  if (peer.kind === 'gone') return false;
  return peer.uid === 0 || peer.uid === own.uid || (own.uid === 0 && String(peer.uid) === own.sudoUid);
}
