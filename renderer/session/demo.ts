import type { Client } from '../ipc/client.ts';
import { withSelection } from '../store/reducers.ts';
import { update } from '../store/store.ts';
import { reportFailure } from './messages.ts';

/** Puts the simulated hosts into the list and connects to them. Why one fails is shown with the host. */
export function addDemoHosts(client: Client): void {
  client.request('hosts.addDemo', {}).then(
    ({ hosts }) => {
      for (const { id } of hosts) client.request('hosts.connect', { hostId: id }).catch(() => undefined);
      const [first] = hosts;
      if (first) update((state) => withSelection(state, { hostId: first.id, vmUuid: null, snapshotId: null }));
    },
    (error: unknown) => {
      reportFailure('The demo fleet could not be added', error);
    },
  );
}
