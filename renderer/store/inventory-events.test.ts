import { describe, expect, it } from 'vitest';
import type { TopicEvent } from '../../shared/contract.ts';
import { unreadInventory } from '../../shared/model/host.fixtures.ts';
import { image, inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import { inventoryStateDelta } from '../../shared/rules/inventory/inventory-delta.ts';
import { afterInventoryEvent } from './inventory-events.ts';

const of = (title: string) => ({
  ...unreadInventory,
  inventory: inventory([vm({ uuid: 'a' }), vm({ uuid: 'b', title })], [image('/a')]),
});
const first = of('one');
const all = { kind: 'all', sequence: 0, state: first } as const;
const delta = inventoryStateDelta(first, of('two'));
if (delta === null) throw new Error('There is no delta.');
const changed = (sequence: number): TopicEvent<'inventory'> => ({ kind: 'changed', sequence, delta });

describe('what a window knows of an inventory', () => {
  it('begins with everything and goes on with what changed, and the rest stays the very same', () => {
    const told = afterInventoryEvent(null, all);
    const next = afterInventoryEvent(told, changed(1));
    expect(next).toEqual({ sequence: 1, state: of('two') });
    expect(next?.state.inventory?.vms[0]).toBe(first.inventory.vms[0]);
    expect(next?.state.inventory?.images).toBe(first.inventory.images);
  });

  it('is not believed after an event that is lost, comes twice, or comes before everything', () => {
    const told = afterInventoryEvent(null, all);
    expect(afterInventoryEvent(told, changed(2))).toBeNull();
    expect(afterInventoryEvent(told, changed(0))).toBeNull();
    expect(afterInventoryEvent(null, changed(1))).toBeNull();
    expect(afterInventoryEvent(null, changed(0))).toBeNull();
  });

  it('is what everything says, whenever that comes', () => {
    const told = afterInventoryEvent(null, { ...all, sequence: 7 });
    expect(afterInventoryEvent(told, changed(8))?.state).toEqual(of('two'));
    expect(afterInventoryEvent(told, { ...all, sequence: 0 })).toEqual({ sequence: 0, state: first });
  });
});
