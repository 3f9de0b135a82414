import type { Client } from '../ipc/client.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { withSelection } from '../store/reducers.ts';
import type { State } from '../store/state.ts';
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

/** More is a VM to show how much there can be, and not one to begin with. */
const mostToBeginWith = 100;

/**
 * Opens the VM with the fullest tree of a demo host that is selected and was read for the first time: whoever starts on the
 * demo fleet is to see what Snaptree is about, and not a host's version numbers. Anything else that is selected stays.
 */
export function withDemoVm(state: State, hostId: string, inventory: Inventory): State {
  const { selection } = state;
  const isDemo = state.hosts[hostId]?.host.connection.transport === 'demo';
  if (!isDemo || selection.hostId !== hostId || selection.vmUuid !== null) return state;
  const [fullest] = inventory.vms
    .flatMap((vm) => (vm.readable && vm.snapshots.length <= mostToBeginWith ? [vm] : []))
    .sort((a, b) => b.snapshots.length - a.snapshots.length);
  return fullest ? withSelection(state, { hostId, vmUuid: fullest.uuid, snapshotId: null }) : state;
}
