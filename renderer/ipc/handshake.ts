/** The page's side of the handshake on a new WebSocket (shared/handshake.ts), and where it keeps the key. */
import { proofText, serverHandshakeSchema, type PageHandshake, type ServerHandshake } from '../../shared/handshake.ts';

/** Why there will be no connection, however often it is tried. */
export type Refusal =
  /** This browser was not let in: it has neither token nor key. */
  | 'noKey'
  /** The token of the address is used up, or of another run of Snaptree. */
  | 'wrongToken'
  /** What answers does not know the key: another run of Snaptree, or another program altogether. */
  | 'stranger';

export interface Credentials {
  /** From the address that Snaptree printed; null when it was traded for the key, or there was none. */
  token: string | null;
  key: string | null;
}

/** Where the key is kept, which only pages of this very port can read: key-storage.ts. */
type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem'>;

const storageName = 'snaptree.key';

/** Takes the token out of the address, so that it is neither seen nor kept by the browser's history, and the key that is stored. */
export function readCredentials(location: Location, history: History, storage: Storage): Credentials {
  const token = new URLSearchParams(location.search).get('token');
  if (token !== null) history.replaceState(null, '', location.pathname);
  return { token, key: storage.getItem(storageName) };
}

/**
 * Shakes hands over an open socket. Resolves with null when the server has let this page in, with the reason where it
 * never will, and never where the socket closes first.
 */
export function shakeHands(socket: WebSocket, credentials: Credentials, storage: Storage): Promise<Refusal | null> {
  const pageNonce = encode(crypto.getRandomValues(new Uint8Array(32)));
  let proven = false;
  return new Promise((resolve) => {
    const send = (message: PageHandshake) => {
      socket.send(JSON.stringify(message));
    };
    const settle = (refusal: Refusal | null) => {
      socket.removeEventListener('message', receive);
      resolve(refusal);
    };
    const takeUp = (key: string) => {
      credentials.token = null;
      credentials.key = key;
      storage.setItem(storageName, key);
      send({ type: 'hello', nonce: pageNonce });
    };
    const answer = async (message: ServerHandshake, { token, key }: Credentials) => {
      switch (message.type) {
        case 'key':
          // Unasked, it would be a stranger's own key, which it can prove to know.
          if (token === null) settle('stranger');
          else takeUp(message.key);
          break;
        case 'challenge':
          proven = key !== null && message.proof === (await prove(key, proofText('server', pageNonce, message.nonce)));
          if (key === null || !proven) settle('stranger');
          else send({ type: 'proof', proof: await prove(key, proofText('page', pageNonce, message.nonce)) });
          break;
        case 'welcome':
          settle(proven ? null : 'stranger');
          break;
        case 'refused':
          credentials.token = null;
          // The key of an earlier visit may still be good: the next connection tries it.
          if (token === null) settle('stranger');
          else if (key === null) settle('wrongToken');
      }
    };
    const receive = (event: MessageEvent) => {
      const message = parse(event.data);
      if (message === null) settle('stranger');
      else void answer(message, { ...credentials });
    };
    socket.addEventListener('message', receive);
    if (credentials.token !== null) send({ type: 'enter', token: credentials.token });
    else if (credentials.key !== null) send({ type: 'hello', nonce: pageNonce });
    else settle('noKey');
  });
}

async function prove(key: string, text: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', bytes.encode(key), algorithm, false, ['sign']);
  return encode(new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytes.encode(text))));
}

/** base64url without padding. */
function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function parse(frame: unknown): ServerHandshake | null {
  if (typeof frame !== 'string') return null;
  try {
    const message = serverHandshakeSchema.safeParse(JSON.parse(frame));
    return message.success ? message.data : null;
  } catch {
    return null;
  }
}
