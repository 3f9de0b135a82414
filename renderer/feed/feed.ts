/** Keeps the store fed: every subscription of the window is made here. */
import type { Client } from '../ipc/client.ts';
import type { TopicEvent } from '../../shared/contract.ts';
import { afterInventoryEvent, type ToldInventory } from '../store/inventory-events.ts';
import {
  batchesNewlyAtRest,
  isOfOpenBatch,
  newlyAtRest,
  withBatches,
  withHosts,
  withInventory,
  withOperations,
} from '../store/reducers.ts';
import { update, useStore } from '../store/store.ts';
import { withDemoVm } from './demo.ts';
import { remembered } from '../store/remembered.ts';
import { rememberSelection } from './remembered-selection.ts';
import { reportFailure, toastBatchEnd, toastOperationEnd } from './messages.ts';

/** Starts listening. Gives a function that stops it. */
export function startFeed(client: Client): () => void {
  const failed = (error: Error) => {
    reportFailure('This window could not be kept up to date', error);
  };
  const inventorySubscriptions = new Map<string, () => void>();

  const followInventories = (hostIds: readonly string[]) => {
    for (const [hostId, stop] of inventorySubscriptions) {
      if (hostIds.includes(hostId)) continue;
      stop();
      inventorySubscriptions.delete(hostId);
    }
    for (const hostId of hostIds) if (!inventorySubscriptions.has(hostId)) followInventory(hostId);
  };

  const followInventory = (hostId: string) => {
    let told: ToldInventory | null = null;
    const next = (event: TopicEvent<'inventory'>) => {
      told = afterInventoryEvent(told, event);
      if (told === null) {
        // What is shown stays until everything is told anew.
        inventorySubscriptions.get(hostId)?.();
        followInventory(hostId);
        return;
      }
      const { state: inventory } = told;
      update((state) => {
        if (!state.hosts[hostId]) return state;
        const next = withInventory(state, hostId, inventory);
        const isFirst = !state.inventories[hostId]?.inventory;
        return isFirst && inventory.inventory ? withDemoVm(next, hostId, inventory.inventory) : next;
      });
    };
    inventorySubscriptions.set(hostId, client.subscribe('inventory', { hostId }, { next, failed }));
  };

  update((state) => ({ ...state, selection: remembered().selection }));
  const stops = [
    rememberSelection(),
    client.watchConnection((connected) => {
      update((state) => ({ ...state, shellConnected: connected }));
      if (connected) {
        client.request('application.describe', {}).then((application) => {
          update((state) => ({ ...state, application }));
        }, failed);
      }
    }),
    client.subscribe(
      'hosts',
      {},
      {
        next(hosts) {
          update((state) => withHosts(state, hosts));
          followInventories(hosts.map((entry) => entry.host.id));
        },
        failed,
      },
    ),
    client.subscribe(
      'questions',
      {},
      {
        next(questions) {
          update((state) => ({ ...state, questions }));
        },
        failed,
      },
    ),
    client.subscribe(
      'operations',
      {},
      {
        next(event) {
          const before = useStore.getState().operations;
          update((state) => withOperations(state, event));
          const { operations, batches } = useStore.getState();
          for (const operation of newlyAtRest(before, operations)) {
            if (!isOfOpenBatch(batches, operation.id)) toastOperationEnd(operation);
          }
        },
        failed,
      },
    ),
    client.subscribe(
      'batches',
      {},
      {
        next(event) {
          const before = useStore.getState().batches;
          update((state) => withBatches(state, event));
          for (const batch of batchesNewlyAtRest(before, useStore.getState().batches)) toastBatchEnd(batch);
        },
        failed,
      },
    ),
    client.subscribe(
      'stepProgress',
      {},
      {
        next(stepProgress) {
          update((state) => ({ ...state, stepProgress }));
        },
        failed,
      },
    ),
    client.subscribe(
      'unreadableOperations',
      {},
      {
        next(unreadableOperations) {
          update((state) => ({ ...state, unreadableOperations }));
        },
        failed,
      },
    ),
    client.subscribe(
      'notices',
      {},
      {
        next(notices) {
          update((state) => ({ ...state, notices }));
        },
        failed,
      },
    ),
  ];

  return () => {
    for (const stop of stops) stop();
    for (const stop of inventorySubscriptions.values()) stop();
  };
}

/** Asks for a reading of every connected host that is not being read. */
export function refreshAll(client: Client): void {
  const { hostIds } = useStore.getState();
  for (const hostId of hostIds ?? []) refreshHost(client, hostId);
}

/** Asks for a reading of one host. Why it failed arrives with the inventory, where it is shown. */
export function refreshHost(client: Client, hostId: string): void {
  const { hosts, inventories } = useStore.getState();
  if (hosts[hostId]?.session.state !== 'connected' || inventories[hostId]?.reading) return;
  client.request('inventory.refresh', { hostId }).catch(() => undefined);
}
