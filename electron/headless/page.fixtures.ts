/** A page as a test makes one: the handshake of shared/handshake.ts without a browser. */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { proofText, serverHandshakeSchema } from '../../shared/handshake.ts';
import type { PageHandshake, ServerHandshake } from '../../shared/handshake.ts';

export function proofOf(side: 'page' | 'server', key: string, pageNonce: string, serverNonce: string): string {
  return createHmac('sha256', key)
    .update(proofText(side, pageNonce, serverNonce))
    .digest('base64url');
}

/** A WebSocket to the server at `port`, as our own page would open it. */
export function socketTo(port: number, headers: Record<string, string> = {}, options: { autoPong?: boolean } = {}) {
  const origin = `http://127.0.0.1:${port}`;
  return new WebSocket(`ws://127.0.0.1:${port}/ipc`, { ...options, headers: { origin, ...headers } });
}

export function say(socket: WebSocket, message: PageHandshake): void {
  socket.send(JSON.stringify(message));
}

/** The next message of the handshake; null where the socket closes first. */
export function heard(socket: WebSocket): Promise<ServerHandshake | null> {
  return new Promise((resolve) => {
    socket.once('message', (data: Buffer) => {
      resolve(serverHandshakeSchema.parse(JSON.parse(data.toString('utf8'))));
    });
    socket.once('close', () => {
      resolve(null);
    });
  });
}

/** Trades the token of `url` for the key on an open socket; null where that is refused. */
export async function keyFor(socket: WebSocket, url: string): Promise<string | null> {
  say(socket, { type: 'enter', token: new URL(url).searchParams.get('token') ?? '' });
  const answer = await heard(socket);
  return answer?.type === 'key' ? answer.key : null;
}

/** Proves the key on an open socket; whether the server let it in. */
export async function prove(socket: WebSocket, key: string): Promise<boolean> {
  const nonce = randomBytes(32).toString('base64url');
  say(socket, { type: 'hello', nonce });
  const challenge = await heard(socket);
  if (challenge?.type !== 'challenge') return false;
  if (challenge.proof !== proofOf('server', key, nonce, challenge.nonce)) throw new Error('the server is a stranger');
  say(socket, { type: 'proof', proof: proofOf('page', key, nonce, challenge.nonce) });
  return (await heard(socket))?.type === 'welcome';
}

/** An open socket that was let in by the token of `url`. */
export async function openPage(url: string, options?: { autoPong?: boolean }): Promise<WebSocket> {
  const socket = socketTo(Number(new URL(url).port), {}, options);
  await once(socket, 'open');
  const key = await keyFor(socket, url);
  if (key === null || !(await prove(socket, key))) throw new Error('the page was not let in');
  return socket;
}
