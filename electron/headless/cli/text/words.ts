/** The model's values in words, numbers and times for the terminal. */
import type { Connection, SshEndpoint } from '../../../../shared/model/host.ts';
import { readableBytes } from '../../../../shared/rules/text/units.ts';

export { count } from '../../../../shared/rules/text/units.ts';

/** UTC to the second, ISO 8601; `-` where it is not known. */
export function utc(seconds: number | null): string {
  if (seconds === null) return '-';
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? '-' : `${date.toISOString().slice(0, 19)}Z`;
}

export function bytes(value: number | null): string {
  return value === null ? '-' : readableBytes(value);
}

function endpoint({ user, address, port }: Pick<SshEndpoint, 'user' | 'address' | 'port'>): string {
  return `${user}@${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** How a host is reached, in short. */
export function connectionText(connection: Connection): string {
  switch (connection.transport) {
    case 'local':
      return 'this computer';
    case 'ssh':
      return [`ssh ${endpoint(connection)}`, ...connection.jumps.map((jump) => `via ${endpoint(jump)}`)].join(' ');
    case 'openssh':
      return `openssh ${connection.user === null ? '' : `${connection.user}@`}${connection.destination}${connection.port === null ? '' : `:${connection.port}`}`;
    case 'demo':
      return `demo ${connection.machine}`;
    case 'unknown':
      return `${connection.written.transport} (needs a newer Snaptree)`;
  }
}
