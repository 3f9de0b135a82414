import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { endianness } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPeerLookup, isTrustedPeer, peerInTables } from './peer.ts';
import type { Endpoint } from './peer.ts';

describe('the owner of a connection', () => {
  const near = { address: '127.0.0.1', port: 40_000 };
  const far = { address: '127.0.0.1', port: 8080 };
  // As proc(5) has them on a little-endian machine; 9C40 is 40000, 1F90 is 8080.
  const line = (local: string, remote: string, uid: number, inode: number, state = '01') =>
    `   7: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
  const mapped = '0000000000000000FFFF0000';

  test.skipIf(endianness() !== 'LE').each([
    ['a socket of IPv4', line('0100007F:9C40', '0100007F:1F90', 1000, 77), { kind: 'user', uid: 1000 }],
    [
      'a socket of IPv6',
      line(`${mapped}0100007F:9C40`, `${mapped}0100007F:1F90`, 1000, 77),
      { kind: 'user', uid: 1000 },
    ],
    ['another port', line('0100007F:9C41', '0100007F:1F90', 1000, 77), { kind: 'gone' }],
    ['another address', line('0200007F:9C40', '0100007F:1F90', 1000, 77), { kind: 'gone' }],
    [
      'a socket that was closed, which shows root',
      line('0100007F:9C40', '0100007F:1F90', 0, 0, '04'),
      { kind: 'gone' },
    ],
    ['no line at all', '  sl  local_address rem_address   st', { kind: 'gone' }],
    [
      'our own end alone, of a connection that stands',
      line('0100007F:1F90', '0100007F:9C40', 1000, 77),
      { kind: 'unknown' },
    ],
    [
      'our own end alone, of a connection that the other end has closed',
      line('0100007F:1F90', '0100007F:9C40', 1000, 77, '08'),
      { kind: 'gone' },
    ],
  ])('is read from %s', (_, text, expected) => {
    expect(peerInTables(text, near, far)).toEqual(expected);
  });
});

describe('a peer', () => {
  const user = (uid: number) => ({ kind: 'user', uid }) as const;
  test.each([
    ['the same user', user(1000), { uid: 1000, sudoUid: undefined }, true],
    ['another user', user(1001), { uid: 1000, sudoUid: undefined }, false],
    ['root', user(0), { uid: 1000, sudoUid: undefined }, true],
    ['a user, for root', user(1000), { uid: 0, sudoUid: undefined }, false],
    ['who typed sudo, for root', user(1000), { uid: 0, sudoUid: '1000' }, true],
    ['what SUDO_UID says, for a user', user(1001), { uid: 1000, sudoUid: '1001' }, false],
    ['one that has closed its socket', { kind: 'gone' }, { uid: 1000, sudoUid: undefined }, false],
    ['anybody, where the machine does not tell', { kind: 'unknown' }, { uid: 1000, sudoUid: undefined }, true],
  ] as const)('that is %s', (_, peer, own, trusted) => {
    expect(isTrustedPeer(peer, own)).toBe(trusted);
  });
});

describe('looking a peer up', () => {
  const server = createServer();
  let port = 0;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.close();
  });

  async function connected(host: string): Promise<{ readonly client: Socket; readonly accepted: Socket }> {
    const accepting = once(server, 'connection');
    const client = connect(port, host);
    const [accepted] = (await accepting) as [Socket];
    return { client, accepted };
  }
  const ends = (accepted: Socket) =>
    [
      { address: accepted.remoteAddress ?? '', port: accepted.remotePort ?? 0 },
      { address: '127.0.0.1', port },
    ] as const;

  test.skipIf(process.platform !== 'linux').each(['127.0.0.1', '::ffff:127.0.0.1'])(
    'finds this user at the end of a real connection to %s, and nobody once it is closed',
    async (host) => {
      const { client, accepted } = await connected(host);
      const lookUp = createPeerLookup();
      expect(await lookUp(...ends(accepted))).toEqual({ kind: 'user', uid: process.getuid?.() });
      const [near, far] = ends(accepted);
      const gone = once(client, 'close');
      client.destroy();
      await gone;
      expect(await lookUp(near, far)).toEqual({ kind: 'gone' });
      accepted.destroy();
    },
  );

  test('reads the tables once for all who ask while they are read, and anew for who asks later', async () => {
    const waiting: ((text: string) => void)[] = [];
    const lookUp = createPeerLookup('linux', () => new Promise((resolve) => waiting.push(resolve)));
    const end = { address: '127.0.0.1', port: 1 };
    const first = lookUp(end, end);
    const later = [1, 2, 3].map(() => lookUp(end, end));
    expect(waiting).toHaveLength(1);
    waiting[0]?.('');
    await first;
    await new Promise(setImmediate);
    expect(waiting).toHaveLength(2);
    waiting[1]?.('');
    await Promise.all(later);
    expect(waiting).toHaveLength(2);
  });

  test.skipIf(endianness() !== 'LE')('looks again where a line was missed', async () => {
    const ends = ['0100007F:0001', '0100007F:0002'] as const;
    const rest = '00000000:00000000 00:00000000 00000000';
    const own = `0: ${ends[1]} ${ends[0]} 01 ${rest} 1000 0 5`;
    const tables = [own, own, `${own}\n1: ${ends[0]} ${ends[1]} 01 ${rest} 1001 0 6`];
    const lookUp = createPeerLookup('linux', () => Promise.resolve(tables.shift() ?? own));
    const [near, far] = [1, 2].map((port) => ({ address: '127.0.0.1', port })) as [Endpoint, Endpoint];
    expect(await lookUp(near, far)).toEqual({ kind: 'user', uid: 1001 });
    expect(await lookUp(near, far)).toEqual({ kind: 'unknown' });
  });

  test('knows nothing without the tables, and trusts nobody where they cannot be read', async () => {
    const end = { address: '127.0.0.1', port: 1 };
    const failing = (code: string) =>
      createPeerLookup('linux', () => Promise.reject(Object.assign(new Error(code), { code })));
    expect(await failing('ENOENT')(end, end)).toEqual({ kind: 'unknown' });
    expect(await failing('EMFILE')(end, end)).toEqual({ kind: 'gone' });
    expect(await createPeerLookup('darwin')(end, end)).toEqual({ kind: 'unknown' });
  });
});
