import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inventoryEventSchema, type InventoryState } from '../../contract.ts';
import { image, internal, inventory, vm } from '../../model/inventory.fixtures.ts';
import { unreadInventory } from '../../model/host.fixtures.ts';
import {
  imageSchema,
  inventorySchema,
  readableVmSchema,
  snapshotSchema,
  unreadableVmSchema,
  type Inventory,
} from '../../model/inventory.ts';
import { applyInventoryStateDelta, inventoryStateDelta, isEmptyDelta, sharedInventory } from './inventory-delta.ts';

const state = (of: Inventory | null, parts: Partial<InventoryState> = {}): InventoryState => ({
  ...unreadInventory,
  inventory: of,
  ...parts,
});

/** As it is when it has travelled. */
function travelled(before: InventoryState, after: InventoryState) {
  const delta = inventoryStateDelta(before, after);
  if (delta === null) throw new Error('There is no delta.');
  const event = inventoryEventSchema.parse(JSON.parse(JSON.stringify({ kind: 'changed', sequence: 1, delta })));
  if (event.kind !== 'changed') throw new Error('It came as something else.');
  return event.delta;
}

const clone = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
const ids = ['a', 'b', 'c', 'd', '__proto__'] as const;
const someIds = fc.shuffledSubarray([...ids]);
const text = fc.constantFrom('', 'x', 'yy', 'constructor');

const anySnapshots = someIds.chain((names) =>
  fc.tuple(...names.map((name) => text.map((description) => internal(name, null, { description })))),
);
const anyVm = (uuid: string): fc.Arbitrary<Inventory['vms'][number]> =>
  fc.oneof(
    fc
      .record({ name: text, state: fc.constantFrom('running' as const, 'paused' as const), snapshots: anySnapshots })
      .map((parts) => vm({ uuid, ...parts })),
    text.map((reason) => ({ readable: false as const, uuid, name: null, reason })),
  );
const anyInventory: fc.Arbitrary<Inventory> = fc
  .record({
    vms: someIds.chain((uuids) => fc.tuple(...uuids.map(anyVm))),
    images: someIds.chain((paths) =>
      fc.tuple(...paths.map((path) => fc.nat(2).map((allocatedBytes) => image(path, { allocatedBytes })))),
    ),
    problems: fc.array(
      text.map((message) => ({ severity: 'error' as const, message })),
      { maxLength: 2 },
    ),
    readAt: fc.nat(3),
  })
  .map(({ vms, images, ...parts }) => ({ ...inventory(vms, images), ...parts }));
const anyState = fc
  .record({
    inventory: anyInventory,
    reading: fc.boolean(),
    watching: fc.constantFrom('off' as const, 'events' as const),
  })
  .map(({ inventory: of, ...parts }) => state(of, parts));

describe('a delta', () => {
  it('makes the next picture of the one before, whatever the two are, and keeps what did not change', () => {
    fc.assert(
      fc.property(anyState, anyState, (before, after) => {
        const result = applyInventoryStateDelta(before, travelled(before, after));
        expect(result).toEqual(after);
        // What is equal is the same, down to the snapshots.
        const shares = sharedInventory(before.inventory, clone(after.inventory ?? inventory([], [])));
        for (const [index, each] of shares.vms.entries()) {
          const now = result?.inventory?.vms[index];
          const was = before.inventory?.vms.find(({ uuid }) => uuid === each.uuid);
          if (each === was) expect(now).toBe(was);
          if (!each.readable || !was?.readable || !now?.readable) continue;
          for (const [place, snapshot] of each.snapshots.entries()) {
            if (was.snapshots.includes(snapshot)) expect(now.snapshots[place]).toBe(snapshot);
          }
        }
        for (const [index, each] of shares.images.entries()) {
          if (before.inventory?.images.includes(each)) expect(result?.inventory?.images[index]).toBe(each);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of a picture that is equal is empty, and applying it keeps everything', () => {
    fc.assert(
      fc.property(anyState, (before) => {
        const delta = travelled(before, clone(before));
        expect(isEmptyDelta(delta)).toBe(true);
        expect(applyInventoryStateDelta(before, delta)?.inventory).toBe(before.inventory);
      }),
    );
  });

  it('holds what changed and nothing else', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      vm({ uuid: `uuid-${index}`, name: `vm-${index}`, snapshots: [internal('one', null), internal('two', 'one')] }),
    );
    const before = state(inventory(many, [image('/a'), image('/b')]));
    const changed = many.map((each, index) =>
      index === 7 ? { ...each, state: 'paused' as const, snapshots: each.snapshots.slice(0, 1) } : clone(each),
    );
    const after = state(inventory(changed, [image('/a'), image('/b')]));
    const vms = {
      gone: [],
      entries: [
        {
          id: 'uuid-7',
          after: 'uuid-6',
          item: null,
          delta: {
            parts: { state: 'paused' },
            lists: { snapshots: { gone: ['two'], entries: [], length: 1 } },
          },
        },
      ],
      length: 50,
    };
    expect(inventoryStateDelta(before, after)).toEqual({ parts: {}, inventory: { parts: {}, lists: { vms } } });
  });

  it('is not given where there was no inventory or is none: then everything is to be told', () => {
    const read = state(inventory([vm()], []));
    expect(inventoryStateDelta(state(null), read)).toBeNull();
    expect(inventoryStateDelta(read, state(null))).toBeNull();
    expect(travelled(state(null), state(null, { reading: true }))).toEqual({
      parts: { reading: true },
      inventory: null,
    });
  });

  it('of another picture is refused, and no list is silently shorter', () => {
    const of = (...uuids: string[]) =>
      state(
        inventory(
          uuids.map((uuid) => vm({ uuid })),
          [],
        ),
      );
    const gone = travelled(of('a', 'b'), of('a'));
    expect(applyInventoryStateDelta(of('a'), gone)).toBeNull();
    const added = travelled(of('a'), of('a', 'b'));
    expect(applyInventoryStateDelta(of('c'), added)).toBeNull();
    expect(applyInventoryStateDelta(of('a', 'c'), added)).toBeNull();
    expect(applyInventoryStateDelta(state(null), added)).toBeNull();
    const renamed = travelled(of('a', 'b'), state(inventory([vm({ uuid: 'a' }), vm({ uuid: 'b', title: 't' })], [])));
    expect(applyInventoryStateDelta(of('a'), renamed)).toBeNull();
  });

  it('tells lists whole in which two things have one identity', () => {
    const before = state(inventory([vm({ uuid: 'a' }), vm({ uuid: 'a', title: 'again' })], []));
    const after = state(inventory([vm({ uuid: 'a' })], []));
    expect(applyInventoryStateDelta(before, travelled(before, after))).toEqual(after);
    expect(applyInventoryStateDelta(after, travelled(after, before))).toEqual(before);
  });
});

describe('a field of the model', () => {
  const full = inventory([vm({ snapshots: [internal('one', null)] })], [image('/a')]);
  const unreadable = { readable: false, uuid: 'u', name: null, reason: 'r' } as const;
  type Part = Readonly<Record<string, unknown>>;
  const places: readonly (readonly [string, Part, readonly string[], (changed: Part) => unknown])[] = [
    ['inventory', full, Object.keys(inventorySchema.shape), (changed) => ({ ...full, ...changed })],
    [
      'VM',
      vm({ uses: [], startObstacles: [] }),
      Object.keys(readableVmSchema.shape),
      (changed) => ({ ...full, vms: [{ ...full.vms[0], ...changed }] }),
    ],
    [
      'unreadable VM',
      unreadable,
      Object.keys(unreadableVmSchema.shape),
      (changed) => ({ ...full, vms: [{ ...unreadable, ...changed }] }),
    ],
    [
      'snapshot',
      internal('one', null, { unknownPart: 'memory', revertObstacles: [] }),
      Object.keys(snapshotSchema.shape),
      (changed) => ({ ...full, vms: [vm({ snapshots: [{ ...internal('one', null), ...changed }] })] }),
    ],
    [
      'image',
      image('/a', {
        dataFile: { reference: 'disk.raw', imageId: '/images/disk.raw' },
        encryption: 'luks',
        parentsByPath: [],
        header: { format: 'qcow2', reference: null, mayDependOn: [] },
      }),
      Object.keys(imageSchema.shape),
      (changed) => ({ ...full, images: [{ ...image('/a'), ...changed }] }),
    ],
  ];

  it.each(places)(
    'of the %s is carried, whichever it is, and one that no schema knows is not left out',
    (_, part, names, put) => {
      // Fields that may be absent need not be in it.
      expect(names).toEqual(expect.arrayContaining(Object.keys(part)));
      for (const name of names) {
        // Before: something that no delta could carry, so that only the field itself can make it right.
        const before = state(put({ [name]: 'something else' }) as Inventory);
        const after = state(put({}) as Inventory);
        expect(applyInventoryStateDelta(before, travelled(before, after))).toEqual(after);
      }
      const tomorrow = (value: string) => state(put({ someFieldOfTomorrow: [value] }) as Inventory);
      const delta = inventoryStateDelta(tomorrow('a'), tomorrow('b'));
      expect(delta && applyInventoryStateDelta(tomorrow('a'), delta)).toEqual(tomorrow('b'));
      const more = inventoryStateDelta(state(put({}) as Inventory), tomorrow('b'));
      expect(more && applyInventoryStateDelta(state(put({}) as Inventory), more)).toEqual(more && tomorrow('b'));
    },
  );
});
