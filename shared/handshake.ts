/**
 * How a page and the browser shell's server come to trust each other: the first messages on a WebSocket, before any of
 * `messages.ts`.
 *
 * The page trades the token of an address for the key of this run of Snaptree, once (`enter`). With the key each proves to
 * the other that it knows it, and the key itself never travels again: whoever listens on the same port when Snaptree has
 * ended learns nothing from a page that is still open, and cannot ask it anything.
 *
 *     page                                   server
 *     enter {token}              →
 *                                ←           key {key}
 *     hello {nonce}              →
 *                                ←           challenge {nonce, proof: of the server}
 *     proof {proof: of the page} →
 *                                ←           welcome
 */
import { z } from 'zod';

/** 256 bits, or a hash of as many, in base64url. */
const bits = z.string().regex(/^[\w-]{43}$/);

export const pageHandshakeSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('enter'), token: z.string().max(100) }),
  z.strictObject({ type: z.literal('hello'), nonce: bits }),
  z.strictObject({ type: z.literal('proof'), proof: bits }),
]);

export const serverHandshakeSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('key'), key: bits }),
  z.strictObject({ type: z.literal('challenge'), nonce: bits, proof: bits }),
  z.strictObject({ type: z.literal('welcome') }),
  /** The token or the proof was wrong; the server closes the socket. */
  z.strictObject({ type: z.literal('refused') }),
]);

export type PageHandshake = z.infer<typeof pageHandshakeSchema>;
export type ServerHandshake = z.infer<typeof serverHandshakeSchema>;

/** The text whose HMAC-SHA-256 under the key (its base64url text as bytes), in base64url, is the proof of `side`. */
export function proofText(side: 'page' | 'server', pageNonce: string, serverNonce: string): string {
  return `snaptree ${side} ${pageNonce} ${serverNonce}`;
}
