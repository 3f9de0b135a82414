/** What a window knows of a host's inventory, and how the events of its subscription change that. Pure. */
import type { InventoryState, TopicEvent } from '../../shared/contract.ts';
import { applyInventoryStateDelta } from '../../shared/rules/inventory/inventory-delta.ts';

/** What was told so far. */
export interface ToldInventory {
  readonly sequence: number;
  readonly state: InventoryState;
}

/**
 * What is known after `event`; parts that did not change are the same objects as before. Null where an event was lost or
 * is of something else: then the subscription must be made anew, which begins with everything.
 */
export function afterInventoryEvent(told: ToldInventory | null, event: TopicEvent<'inventory'>): ToldInventory | null {
  const { sequence } = event;
  if (event.kind === 'all') return { sequence, state: event.state };
  if (told?.sequence !== sequence - 1) return null;
  const state = applyInventoryStateDelta(told.state, event.delta);
  return state && { sequence, state };
}
