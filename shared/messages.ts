/** The messages that carry the contract, the same over Electron's IPC and over the browser shell's WebSocket. */
import { z } from 'zod';
import { errorSchema } from './error-schema.ts';

/** Chosen by the client, unique within its connection while the request or subscription lives. */
const id = z.int().nonnegative();

export const clientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('request'), id, name: z.string().max(100), payload: z.unknown() }),
  z.strictObject({ type: z.literal('cancel'), id }),
  z.strictObject({ type: z.literal('subscribe'), id, topic: z.string().max(100), parameters: z.unknown() }),
  z.strictObject({ type: z.literal('unsubscribe'), id }),
  /** An event of this subscription has been dealt with: there is room for the next. */
  z.strictObject({ type: z.literal('received'), id }),
]);

export const serverMessageSchema = z.discriminatedUnion('type', [
  z.discriminatedUnion('ok', [
    z.strictObject({ type: z.literal('response'), id, ok: z.literal(true), value: z.unknown() }),
    z.strictObject({ type: z.literal('response'), id, ok: z.literal(false), error: errorSchema }),
  ]),
  z.strictObject({ type: z.literal('event'), id, value: z.unknown() }),
  /** The subscription ended with an error; nothing more follows. */
  z.strictObject({ type: z.literal('ended'), id, error: errorSchema }),
]);

export type ClientMessage = z.infer<typeof clientMessageSchema>;
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** What a shell gives the renderer as `window.snaptree`: a pipe for the messages above, and nothing else. */
export interface ShellPipe {
  /** Sends one message. Never throws; a message that cannot be delivered is answered with `shellDisconnected`. */
  call(message: ClientMessage): void;
  /** Calls `listener` for every message from the main process. Gives a function that stops it. */
  subscribe(listener: (message: ServerMessage) => void): () => void;
}
