/** What Snaptree asks its user while a connection is being made. An answer goes back once and is not kept. */
import { z } from 'zod';

const about = { id: z.uuid(), hostId: z.uuid(), hostName: z.string() };

export const questionSchema = z.discriminatedUnion('kind', [
  /** A host whose key is not known yet. The default is no. */
  z.strictObject({
    ...about,
    kind: z.literal('unknownHostKey'),
    address: z.string(),
    port: z.number(),
    keyType: z.string(),
    /** As OpenSSH prints it: `SHA256:` and base64 without padding. */
    fingerprint: z.string(),
    /** What else is to be known before it is trusted, in a sentence or more; null where there is nothing. */
    note: z.string().nullable(),
  }),
  z.strictObject({ ...about, kind: z.literal('password'), user: z.string(), address: z.string(), attempt: z.number() }),
  z.strictObject({ ...about, kind: z.literal('passphrase'), keyPath: z.string(), attempt: z.number() }),
  /** One prompt of keyboard-interactive authentication, or of the system's OpenSSH. The text is the host's, not ours. */
  z.strictObject({
    ...about,
    kind: z.literal('prompt'),
    address: z.string(),
    instruction: z.string(),
    prompt: z.string(),
    /** Whether what is typed may be seen. */
    echo: z.boolean(),
  }),
]);

export const answerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('accept') }),
  z.strictObject({ kind: z.literal('decline') }),
  z.strictObject({ kind: z.literal('secret'), secret: z.string().max(10_000) }),
]);

export type Question = z.infer<typeof questionSchema>;
export type Answer = z.infer<typeof answerSchema>;
