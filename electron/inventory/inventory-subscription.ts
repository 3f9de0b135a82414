/** How windows follow the inventory of a host. */
import type { SubscriptionHandler } from '../ipc/handlers.ts';
import type { Inventories } from './inventories.ts';
import { createInventoryFeed } from './inventory-feed.ts';

/** The handler of the topic `inventory`. */
export function inventorySubscription(
  inventories: Pick<Inventories, 'state' | 'onChange'>,
): SubscriptionHandler<'inventory'> {
  return ({ hostId }, _emit, { whenReady }) => {
    const feed = createInventoryFeed();
    const offer = (): void => {
      whenReady(() => {
        const event = feed.next(inventories.state(hostId));
        // The whole is not looked through for each window: `inventories` did that with every part of it.
        return event && { event, checked: event.kind === 'all' };
      });
    };
    offer();
    return inventories.onChange((changed) => {
      if (changed === hostId) offer();
    });
  };
}
