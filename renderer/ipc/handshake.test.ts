import { beforeEach, describe, expect, it } from 'vitest';
import { pageHandshakeSchema, proofText, type PageHandshake, type ServerHandshake } from '../../shared/handshake.ts';
import { readCredentials, shakeHands, type Credentials } from './handshake.ts';

const key = 'K'.repeat(43);
const serverNonce = 'S'.repeat(43);

class Stored {
  readonly values = new Map<string, string>();
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
}

let storage: Stored;
beforeEach(() => {
  storage = new Stored();
});

type Answering = (message: PageHandshake) => ServerHandshake | null | Promise<ServerHandshake>;

/** A server that answers each message of the page by `answer`. */
class Server extends EventTarget {
  readonly received: PageHandshake[] = [];
  readonly #answer: Answering;

  constructor(answer: Answering) {
    super();
    this.#answer = answer;
  }

  send(frame: string): void {
    const message = pageHandshakeSchema.parse(JSON.parse(frame));
    this.received.push(message);
    void this.#respond(message);
  }

  async #respond(message: PageHandshake): Promise<void> {
    const answer = await this.#answer(message);
    if (answer) this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(answer) }));
  }
}

async function proofOf(side: 'page' | 'server', withKey: string, nonce: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', bytes.encode(withKey), algorithm, false, ['sign']);
  const proof = await crypto.subtle.sign('HMAC', imported, bytes.encode(proofText(side, nonce, serverNonce)));
  const text = btoa(String.fromCharCode(...new Uint8Array(proof)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** What a server that knows `withKey` answers. */
function honest(withKey: string): Answering {
  let nonce = '';
  return async (message) => {
    if (message.type === 'enter') return message.token === 'good' ? { type: 'key', key: withKey } : { type: 'refused' };
    if (message.type === 'proof') {
      return { type: message.proof === (await proofOf('page', withKey, nonce)) ? 'welcome' : 'refused' };
    }
    ({ nonce } = message);
    return { type: 'challenge', nonce: serverNonce, proof: await proofOf('server', withKey, nonce) };
  };
}

const shake = (server: Server, credentials: Credentials) =>
  shakeHands(server as unknown as WebSocket, credentials, storage);

describe('shakeHands', () => {
  it('trades the token for the key, keeps it, and proves it', async () => {
    const credentials = { token: 'good', key: null };
    expect(await shake(new Server(honest(key)), credentials)).toBeNull();
    expect(credentials).toEqual({ token: null, key });
    expect(readCredentials({ search: '', pathname: '/' } as Location, {} as History, storage)).toEqual(credentials);
  });

  it('needs no token where there is a key, and never sends the key', async () => {
    const server = new Server(honest(key));
    expect(await shake(server, { token: null, key })).toBeNull();
    expect(server.received.map(({ type }) => type)).toEqual(['hello', 'proof']);
    expect(JSON.stringify(server.received)).not.toContain(key);
  });

  it.each<[string, Credentials, 'noKey' | 'wrongToken']>([
    ['there is nothing to show', { token: null, key: null }, 'noKey'],
    ['the token is wrong', { token: 'bad', key: null }, 'wrongToken'],
  ])('says so where %s', async (_, credentials, refusal) => {
    expect(await shake(new Server(honest(key)), credentials)).toBe(refusal);
  });

  it('goes back to the key where a token is wrong', async () => {
    const credentials = { token: 'bad', key };
    const server = new Server(honest(key));
    const refused = new Promise((resolve) => {
      server.addEventListener('message', resolve);
    });
    void shake(server, credentials);
    await refused;
    expect(await shake(new Server(honest(key)), credentials)).toBeNull();
  });

  it.each<[string, Answering]>([
    ['knows another key', honest('X'.repeat(43))],
    ['gives the page a key of its own', () => ({ type: 'key', key: 'X'.repeat(43) })],
    ['welcomes without proof', () => ({ type: 'welcome' })],
    [
      'gives the page’s own kind of proof back',
      async (message) => ({
        type: 'challenge',
        nonce: serverNonce,
        proof: await proofOf('page', key, message.type === 'hello' ? message.nonce : ''),
      }),
    ],
    ['refuses', () => ({ type: 'refused' })],
  ])('takes for a stranger who %s, and proves nothing to it', async (_, answer) => {
    const server = new Server(answer);
    const credentials = { token: null, key };
    expect(await shake(server, credentials)).toBe('stranger');
    expect(server.received.map(({ type }) => type)).toEqual(['hello']);
    expect([credentials.key, storage.values.size]).toEqual([key, 0]);
  });

  it('takes for a stranger who speaks something else', async () => {
    const server = new Server(() => null);
    const outcome = shake(server, { token: null, key });
    server.dispatchEvent(new MessageEvent('message', { data: '{"type":"response","id":1,"ok":true,"value":1}' }));
    expect(await outcome).toBe('stranger');
  });
});

describe('readCredentials', () => {
  it('takes the token out of the address', () => {
    const replaced: unknown[] = [];
    const past = { replaceState: (...given: unknown[]) => void replaced.push(given) } as unknown as History;
    const read = (search: string) => readCredentials({ search, pathname: '/' } as Location, past, storage);
    expect(read('')).toEqual({ token: null, key: null });
    expect(replaced).toEqual([]);
    expect(read('?token=abc')).toEqual({ token: 'abc', key: null });
    expect(replaced).toEqual([[null, '', '/']]);
  });
});
