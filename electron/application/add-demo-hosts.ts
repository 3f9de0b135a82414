/** The hosts of the demo fleet in the host book. */
import type { Host } from '../../shared/model/host.ts';
import { demoHosts } from '../simulator/demo-fleet.ts';
import type { HostBook } from '../store/host-book.ts';

/** Adds those that are not there yet; gives all of them. Throws what `HostBook.add` throws. */
export async function addDemoHosts(hostBook: HostBook): Promise<readonly Host[]> {
  const hosts: Host[] = [];
  for (const settings of demoHosts) {
    const known = hostBook.list().find(({ connection }) => machineOf(connection) === machineOf(settings.connection));
    hosts.push(known ?? (await hostBook.add(settings)));
  }
  return hosts;
}

function machineOf(connection: Host['connection']): string | null {
  return connection.transport === 'demo' ? connection.machine : null;
}
