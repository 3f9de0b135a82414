/** Hosts that are there for a while without being in the host book, such as one named by its URI on a command line. */
import { createHash } from 'node:crypto';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Connection, Host, HostSettings } from '../../shared/model/host.ts';
import { hypervisorKey } from '../../shared/rules/inventory/hypervisors.ts';
import type { HostBook } from '../store/host-book.ts';
import { createListeners } from '../base/listeners.ts';

/** The id of a host that is known only by how it is reached: a UUID (layout of version 5) of just that. */
function visitorId({ connection, hypervisor }: HostSettings): string {
  const text = JSON.stringify([
    hypervisorKey(hypervisor),
    ...Object.entries(connection).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  const hash = createHash('sha1').update(`snaptree visitor\n${text}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** The machine that a connection leads to, by address and port: who logs in, and through which hosts, does not count. */
function machineOf(connection: Connection): string {
  switch (connection.transport) {
    case 'local':
      return 'this computer';
    case 'ssh':
      return `${connection.address.toLowerCase()} ${connection.port}`;
    case 'openssh':
      return `${connection.destination.toLowerCase()} ${connection.port ?? 22}`;
    case 'demo':
      return `demo ${connection.machine}`;
    case 'unknown':
      return `unknown ${JSON.stringify(connection.written)}`;
  }
}

/**
 * The host book, in which visitors stand behind the others until the application ends. A visitor to a machine that the
 * book has as read-only is read-only as well: another user name in a URI must not open what was closed.
 */
export function withVisitors(book: HostBook): {
  readonly hostBook: HostBook;
  readonly add: (settings: HostSettings) => Host;
} {
  let visitors: readonly Host[] = [];
  const changed = createListeners<[]>();
  book.onChange(() => {
    changed.call();
  });
  return {
    hostBook: {
      ...book,
      list: () => (visitors.length === 0 ? book.list() : [...book.list(), ...visitors]),
      get: (hostId) => visitors.find(({ id }) => id === hostId) ?? book.get(hostId),
      onChange: (listener) => changed.add(listener),
    },
    add(settings) {
      const machine = machineOf(settings.connection);
      const isClosed = book.list().some((known) => known.readOnly && machineOf(known.connection) === machine);
      const id = visitorId(settings);
      const host: Host = { id, ...settings, readOnly: settings.readOnly || isClosed };
      const others = [...book.list(), ...visitors].filter(({ id }) => id !== host.id);
      if (others.some(({ name }) => name.toLowerCase() === host.name.toLowerCase())) {
        throw new SnaptreeError('invalidRequest', `There is already a host named “${host.name}”.`, {
          data: { name: host.name },
        });
      }
      visitors = [...visitors.filter(({ id }) => id !== host.id), host];
      changed.call();
      return host;
    },
  };
}

/** A host book that can be read only: every change of it is refused. */
export function readOnlyHostBook(book: HostBook, refuse: (verb: string) => SnaptreeError): HostBook {
  const refused = () => Promise.reject(refuse('change the host book'));
  return { ...book, add: refused, update: refused, remove: refused };
}
