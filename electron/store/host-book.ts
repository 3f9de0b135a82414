/** The hosts that the user entered, kept in one JSON file. No secrets: passwords and passphrases are asked for. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import {
  connectionSchema,
  hostSchema,
  hypervisorSettingsSchema,
  isKnownHypervisor,
  knownConnectionSchema,
  knownHypervisorSchema,
  unknownWay,
} from '../../shared/model/host.ts';
import type { Connection, Host, HostSettings, HypervisorSettings } from '../../shared/model/host.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { DamagedFile, JsonFileFormat } from './json-file.ts';
import { listOf, objectOf, versionAfter } from './versions.ts';
import type { Migration } from './versions.ts';
import { createListeners } from '../base/listeners.ts';

/**
 * A hypervisor as it stands in the file. A new kind is no new version of the file: a version that does not know it reads
 * the others as ever, and writes back that one as it found it.
 */
const hypervisorInFile = z.codec(z.looseObject({ kind: z.string() }), hypervisorSettingsSchema, {
  decode(written, { issues }): HypervisorSettings {
    if (!isKnownHypervisor(written.kind)) return { kind: 'unknown', written };
    const known = knownHypervisorSchema.safeParse(written);
    if (known.success) return known.data;
    issues.push(...issuesIn(written, known.error));
    return z.NEVER;
  },
  encode: (hypervisor) => (hypervisor.kind === 'unknown' ? hypervisor.written : hypervisor),
});

/** A way to a host as it stands in the file: as with hypervisors, one that is not known is no reason not to read the rest. */
const connectionInFile = z.codec(z.looseObject({ transport: z.string() }), connectionSchema, {
  decode(written, { issues }): Connection {
    if (unknownWay(written) !== null) return { transport: 'unknown', written };
    const known = knownConnectionSchema.safeParse(written);
    if (known.success) return known.data;
    issues.push(...issuesIn(written, known.error));
    return z.NEVER;
  },
  encode: (connection) => (connection.transport === 'unknown' ? connection.written : connection),
});

function issuesIn(input: unknown, { issues }: z.ZodError) {
  return issues.map(({ path, message }) => ({ code: 'custom' as const, input, path, message }));
}

const content = z.strictObject({
  hosts: z
    .array(hostSchema.extend({ connection: connectionInFile, hypervisor: hypervisorInFile }))
    .refine((hosts) => new Set(hosts.map((host) => host.id)).size === hosts.length, {
      message: 'two hosts have the same id',
    }),
});

/** Version 1 to 2: the file got a checksum, which is not part of its content. */
const toVersion2: Migration = (book) => book;

/** Version 2 to 3: the URI of libvirt became the settings of one hypervisor of several. */
const toVersion3: Migration = (value) => {
  const book = objectOf(value, 'the host book');
  const hosts = listOf(book['hosts'], 'the list of hosts').map((each) => {
    const { libvirtUri: uri, ...host } = objectOf(each, 'a host');
    // eslint-disable-next-line no-restricted-syntax -- there was no other hypervisor then
    return { ...host, hypervisor: { kind: 'libvirt', uri } };
  });
  return { ...book, hosts };
};

const format = {
  schema: 'snaptree.hostBook',
  migrations: [toVersion2, toVersion3],
  content,
  title: 'host book',
} as const satisfies JsonFileFormat<typeof content.shape>;

export const hostBookVersion = versionAfter(format.migrations);

export interface HostBook {
  /** The hosts in the order in which they were added. */
  list(): readonly Host[];
  /** Throws `hostNotFound`. */
  get(hostId: string): Host;
  /** Throws `invalidRequest` where the name is taken (case does not count), `storeUnusable`. */
  add(settings: HostSettings): Promise<Host>;
  /** Throws `hostNotFound`, `invalidRequest` where the name is taken, `storeUnusable`. */
  update(hostId: string, settings: HostSettings): Promise<Host>;
  /** Throws `hostNotFound`, `storeUnusable`. */
  remove(hostId: string): Promise<void>;
  /** Called after each change, when it is on disk. Gives a function that takes the listener off. */
  onChange(listener: () => void): () => void;
}

function find(hosts: readonly Host[], hostId: string): Host {
  const host = hosts.find((candidate) => candidate.id === hostId);
  if (host !== undefined) return host;
  throw new SnaptreeError('hostNotFound', 'This host is no longer in the host book. It may have been removed.', {
    data: { hostId },
  });
}

function refuseTakenName(hosts: readonly Host[], name: string, exceptId: string | null): void {
  const taken = hosts.find((host) => host.id !== exceptId && host.name.toLowerCase() === name.toLowerCase());
  if (taken === undefined) return;
  throw new SnaptreeError(
    'invalidRequest',
    `There is already a host named “${taken.name}” in the host book. Choose another name; nothing was changed.`,
    { data: { name: taken.name } },
  );
}

/**
 * Opens the host book. A damaged file is kept aside (or left, see `damaged`), and `onNotice` is told. Throws `storeUnusable` where the file
 * cannot be read or is of a newer Snaptree.
 */
export async function openHostBook(
  path: string,
  onNotice: (notice: Notice) => void,
  damaged: DamagedFile = 'setAside',
  newId: () => string = randomUUID,
): Promise<HostBook> {
  const file = await readJsonFile(path, format, { damaged });
  if (file.notice !== null) onNotice(file.notice);
  let hosts: readonly Host[] = file.content?.hosts ?? [];
  let lastWrite: Promise<unknown> = Promise.resolve();
  const changed = createListeners<[]>();

  // One change after another: each sees what the one before it left, and memory follows the disk, never ahead of it.
  function change<T>(decide: (hosts: readonly Host[]) => { hosts: readonly Host[]; result: T }): Promise<T> {
    const write = lastWrite.then(async () => {
      const next = decide(hosts);
      await writeJsonFile(path, format, { hosts: [...next.hosts] });
      hosts = next.hosts;
      changed.call();
      return next.result;
    });
    lastWrite = write.catch(() => undefined);
    return write;
  }

  return {
    list: () => hosts,
    get: (hostId) => find(hosts, hostId),
    add: (settings) =>
      change((current) => {
        refuseTakenName(current, settings.name, null);
        const host: Host = { id: newId(), ...settings };
        return { hosts: [...current, host], result: host };
      }),
    update: (hostId, settings) =>
      change((current) => {
        const old = find(current, hostId);
        refuseTakenName(current, settings.name, hostId);
        const host: Host = { id: hostId, ...settings };
        return { hosts: current.map((candidate) => (candidate === old ? host : candidate)), result: host };
      }),
    remove: (hostId) =>
      change((current) => {
        const old = find(current, hostId);
        return { hosts: current.filter((candidate) => candidate !== old), result: undefined };
      }),
    onChange: (listener) => changed.add(listener),
  };
}
