/** The server's side of the handshake on a new WebSocket (shared/handshake.ts). */
import { createHmac } from 'node:crypto';
import type { WebSocket } from 'ws';
import { pageHandshakeSchema, proofText } from '../../shared/handshake.ts';
import type { PageHandshake, ServerHandshake } from '../../shared/handshake.ts';
import { createToken, sameToken } from './access.ts';

/** Characters of a frame. More is no message of the handshake. */
const longestFrame = 1000;

export interface HandshakeOptions {
  /** Of this run of Snaptree. */
  readonly key: string;
  /** Whether a token is good; one that is good once is used up by the question. */
  readonly useToken: (token: string) => boolean;
  /** Milliseconds for all of it. */
  readonly patience: number;
}

/**
 * Takes the handshake. Resolves with null when the page has proved that it knows the key, and with the reason where it has
 * not: then the caller closes the socket.
 */
export function takeHandshake(socket: WebSocket, options: HandshakeOptions): Promise<string | null> {
  const { key, useToken, patience } = options;
  const prove = (side: 'page' | 'server', pageNonce: string, serverNonce: string): string =>
    createHmac('sha256', key)
      .update(proofText(side, pageNonce, serverNonce))
      .digest('base64url');

  return new Promise((resolve) => {
    /** What the page has to prove; null before it said hello. */
    let expected: string | null = null;

    const send = (message: ServerHandshake): void => {
      socket.send(JSON.stringify(message));
    };
    const settle = (reason: string | null): void => {
      clearTimeout(timer);
      socket.off('message', receive);
      socket.off('close', left);
      resolve(reason);
    };
    const refuse = (reason: string): void => {
      settle(reason);
      send({ type: 'refused' });
    };
    const left = (): void => {
      settle('it left');
    };
    const timer = setTimeout(() => {
      settle('it took too long');
    }, patience);

    const receive = (data: unknown, isBinary: boolean): void => {
      const message = isBinary ? null : parse(data);
      switch (message?.type) {
        case 'enter':
          if (useToken(message.token)) send({ type: 'key', key });
          else refuse('its token is wrong');
          break;
        case 'hello': {
          const nonce = createToken();
          expected = prove('page', message.nonce, nonce);
          send({ type: 'challenge', nonce, proof: prove('server', message.nonce, nonce) });
          break;
        }
        case 'proof':
          if (expected === null || !sameToken(message.proof, expected)) refuse('it does not know the key');
          else {
            settle(null);
            send({ type: 'welcome' });
          }
          break;
        case undefined:
          refuse('it sent something else than the handshake');
      }
    };
    socket.on('message', receive);
    socket.on('close', left);
  });
}

function parse(data: unknown): PageHandshake | null {
  if (!Buffer.isBuffer(data) || data.length > longestFrame) return null;
  try {
    const message = pageHandshakeSchema.safeParse(JSON.parse(data.toString('utf8')));
    return message.success ? message.data : null;
  } catch {
    return null;
  }
}
