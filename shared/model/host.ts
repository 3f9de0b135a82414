/** A host as the host book holds it, and the state of the session with it. */
import { z } from 'zod';
import { errorSchema } from '../error-schema.ts';
import { actingCharacter } from '../rules/text/visible-text.ts';
import { epochSecondsSchema } from './inventory.ts';

/** What a host book may hold: earlier versions took whatever is on one line. */
// eslint-disable-next-line no-control-regex -- the control characters are what is refused
const oneLine = z.string().regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');

export const authenticationSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('agent') }),
  /** A private key file on the machine where Snaptree runs. Its passphrase is asked for, never stored. */
  z.strictObject({ method: z.literal('keyFile'), path: oneLine.min(1).max(4096) }),
  /** The password is asked for, never stored. */
  z.strictObject({ method: z.literal('password') }),
]);

const address = oneLine
  .trim()
  .min(1, 'must not be empty')
  .max(255)
  .regex(/^[^\s@/-][^\s@/]*$/, 'must be a host name or an IP address');
const port = z.int().min(1).max(65535);
const user = oneLine.trim().min(1, 'must not be empty').max(255);

/** One SSH server on the way, and how to log in there. Each has a host key check of its own. */
export const sshEndpointSchema = z.strictObject({ address, port, user, authentication: authenticationSchema });

/** The ways to a host that this version knows: a member each. */
export const knownConnectionSchema = z.discriminatedUnion('transport', [
  /** "This computer": commands run here, without SSH. */
  z.strictObject({ transport: z.literal('local') }),
  /** Snaptree's own SSH client. */
  sshEndpointSchema.extend({
    transport: z.literal('ssh'),
    /** The hosts to go through, first the one that is reached directly (as ProxyJump lists them). */
    jumps: z.array(sshEndpointSchema).max(8).default([]),
  }),
  /**
   * The system's OpenSSH, with everything that `~/.ssh/config` says: for certificates, FIDO keys, GSSAPI, ProxyCommand.
   * Null leaves a value to that configuration.
   */
  z.strictObject({
    transport: z.literal('openssh'),
    /** A host name, an address, or an alias of `~/.ssh/config`. */
    destination: address,
    port: port.nullable(),
    user: user.nullable(),
  }),
  /** A simulated host of the demo fleet, inside Snaptree. */
  z.strictObject({ transport: z.literal('demo'), machine: z.enum(['alder', 'birch', 'cedar']) }),
]);

const unknownConnection = z
  .looseObject({ transport: z.string() })
  .refine((written) => unknownWay(written) !== null, 'must be a way that is not known here');

/** How a host is reached. */
export const connectionSchema = z.discriminatedUnion('transport', [
  ...knownConnectionSchema.options,
  /** In a way that only a newer version knows: kept as that wrote it, shown, and never connected to. */
  z.strictObject({ transport: z.literal('unknown'), written: unknownConnection }),
]);

/**
 * What of a written connection this version does not know, by the name that it has in files: the transport, or a method by
 * which to log in, on the way too. Null where all is known, whether or not the rest of it is right.
 */
export function unknownWay(written: Readonly<Record<string, unknown>>): string | null {
  const { transport, jumps } = written;
  if (!knownConnectionSchema.options.some(({ shape }) => shape.transport.value === transport)) return String(transport);
  const endpoints: readonly unknown[] = [written, ...(Array.isArray(jumps) ? (jumps as readonly unknown[]) : [])];
  const methods = endpoints.flatMap((each) => loosely(loosely(each)?.['authentication'])?.['method'] ?? []);
  const known: readonly unknown[] = authenticationSchema.options.map(({ shape }) => shape.method.value);
  const unknown = methods.find((method) => typeof method === 'string' && !known.includes(method));
  return typeof unknown === 'string' ? unknown : null;
}

function loosely(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}

/** How libvirt on a host is spoken to. */
const libvirtSettingsSchema = z.strictObject({
  kind: z.literal('libvirt'),
  /** The connection to name in every command, as seen on the host: without it virsh may use an empty session daemon. */
  uri: oneLine
    .trim()
    .max(1000)
    .regex(/^[a-z][a-z0-9+.-]*:\/\/[^\s]*$/, 'must be a libvirt URI such as qemu:///system'),
});

/** The hypervisors that this version has a driver for: a member each, with what only that one is told. */
export const knownHypervisorSchema = z.discriminatedUnion('kind', [libvirtSettingsSchema]);

const unknownKind = z.string().refine((kind) => !isKnownHypervisor(kind), 'must be a kind that is not known here');

/** Whether this version has a driver for a kind, by the name that it has in files. */
export function isKnownHypervisor(kind: string): boolean {
  return knownHypervisorSchema.options.some(({ shape }) => shape.kind.value === kind);
}

/** Which hypervisor runs on a host, and how it is spoken to. */
export const hypervisorSettingsSchema = z.discriminatedUnion('kind', [
  ...knownHypervisorSchema.options,
  /** Of a kind that only a newer version knows: kept as that wrote it, shown, and never connected to. */
  z.strictObject({ kind: z.literal('unknown'), written: z.looseObject({ kind: unknownKind }) }),
]);

/** What a host book holds about a host. */
export const hostSettingsSchema = z.strictObject({
  name: oneLine.trim().min(1, 'must not be empty').max(200),
  connection: connectionSchema,
  hypervisor: hypervisorSettingsSchema,
  /** Run everything on the host through `sudo -n`: for users that may not speak to the hypervisor or read the images. */
  sudo: z.boolean().default(false),
  /** No change of this host can be planned or run. */
  readOnly: z.boolean().default(false),
});

/**
 * What a user enters about a host: none of it may act on the terminals, logs and prompts in which it will stand. What a
 * newer version wrote of its hypervisor is kept as it is, and is not looked into.
 */
export const enteredSettingsSchema = hostSettingsSchema.superRefine((settings, context) => {
  for (const path of placesThatAct(settings, [])) {
    context.addIssue({
      code: 'custom',
      path: [...path],
      message: 'must not hold characters that are not seen but act',
    });
  }
});

/** Where in `value` a string holds what acts on what stands around it. */
function placesThatAct(value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (typeof value === 'string') return actingCharacter.test(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === 'written' ? [] : placesThatAct(member, [...path, key]),
  );
}

export const hostSchema = hostSettingsSchema.extend({ id: z.uuid() });

/** The state of the session with a host. */
export const sessionStateSchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('disconnected') }),
  z.strictObject({ state: z.literal('connecting') }),
  z.strictObject({ state: z.literal('connected'), since: epochSecondsSchema }),
  /** The session ended or could not be made; `retryAt` is set where Snaptree tries again by itself. */
  z.strictObject({ state: z.literal('failed'), error: errorSchema, retryAt: epochSecondsSchema.nullable() }),
]);

export const hostWithSessionSchema = z.strictObject({ host: hostSchema, session: sessionStateSchema });

export type Authentication = z.infer<typeof authenticationSchema>;
export type SshEndpoint = z.infer<typeof sshEndpointSchema>;
export type Connection = z.infer<typeof connectionSchema>;
export type HypervisorSettings = z.infer<typeof hypervisorSettingsSchema>;
export type HostSettings = z.infer<typeof hostSettingsSchema>;
export type Host = z.infer<typeof hostSchema>;
export type SessionState = z.infer<typeof sessionStateSchema>;
export type HostWithSession = z.infer<typeof hostWithSessionSchema>;
