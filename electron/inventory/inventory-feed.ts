/** The events of one subscription to a host's inventory: everything first, then what is new since the event before. */
import type { InventoryState, TopicEvent } from '../../shared/contract.ts';
import { inventoryStateDelta, isEmptyDelta } from '../../shared/rules/inventory/inventory-delta.ts';

export interface InventoryFeed {
  /** The event that brings a window that got all events before to `state`; null where it is there already. */
  next(state: InventoryState): TopicEvent<'inventory'> | null;
}

/** A feed for a window that knows nothing yet. */
export function createInventoryFeed(): InventoryFeed {
  let told: InventoryState | null = null;
  let sequence = 0;
  return {
    next(state) {
      const delta = told && inventoryStateDelta(told, state);
      told = state;
      if (delta && isEmptyDelta(delta)) return null;
      const number = sequence;
      sequence += 1;
      return delta ? { kind: 'changed', sequence: number, delta } : { kind: 'all', sequence: number, state };
    },
  };
}
