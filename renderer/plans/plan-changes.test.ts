import { describe, expect, it } from 'vitest';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { plannedChains, plannedTree } from './plan-changes.ts';

const snapshot = (id: string): Snapshot => ({
  id,
  name: id,
  parentId: null,
  kind: 'internal',
  vmState: 'running',
  createdAt: 1,
  description: '',
  memory: { kind: 'none' },
  disks: [],
});
const image = (id: string): Image => ({
  id,
  kind: 'file',
  status: 'ok',
  problem: null,
  format: 'qcow2',
  virtualBytes: 1,
  allocatedBytes: 1,
  parent: null,
  internalSnapshots: [],
  fill: null,
  corrupt: null,
  otherPaths: [],
  modifiedAt: null,
});
const disk = { target: 'vda', device: 'disk', imageId: '/a', source: '/a', format: 'qcow2' } as const;
const before = {
  snapshots: [snapshot('old'), snapshot('kept')],
  currentSnapshotId: 'kept',
  disks: [{ ...disk, readOnly: false, shareable: false }],
} as unknown as ReadableVm;
const planFor = (after: Partial<Plan['after']>) =>
  ({
    request: { action: 'deleteSnapshot' },
    steps: [],
    after: { vmState: 'running', snapshots: before.snapshots, currentSnapshotId: 'kept', chains: [], ...after },
  }) as unknown as Plan;

describe('plannedTree', () => {
  it('marks what comes and what goes, and keeps what goes in sight', () => {
    const tree = plannedTree(
      before,
      planFor({ snapshots: [snapshot('kept'), snapshot('new')], currentSnapshotId: 'new' }),
    );
    expect(tree.snapshots.map(({ id }) => id)).toEqual(['kept', 'new', 'old']);
    expect(tree).toMatchObject({ added: new Set(['new']), removed: new Set(['old']), hereMoves: true, changes: true });
  });

  it('marks one that is renamed, which neither comes nor goes', () => {
    const request = { action: 'renameSnapshot', vmUuid: '', snapshotId: 'kept', name: 'called' } as const;
    const after = {
      ...planFor({}).after,
      snapshots: [snapshot('old'), snapshot('called')],
      currentSnapshotId: 'called',
    };
    expect(plannedTree(before, { ...planFor({}), request, after })).toMatchObject({
      added: new Set(),
      removed: new Set(),
      renamed: 'called',
      hereMoves: false,
      changes: true,
    });
  });

  it('sees where nothing changes', () => {
    expect(plannedTree(before, planFor({})).changes).toBe(false);
  });
});

describe('plannedChains', () => {
  it('compares each chain with the one before', () => {
    const inventory = { images: [image('/a')] } as unknown as Inventory;
    const chains = [
      { target: 'vda', imageIds: ['/new', '/a'] },
      { target: 'vdb', imageIds: ['/b'] },
    ];
    const planned = plannedChains(before, inventory, planFor({ chains }));
    expect(planned.map(({ changed, layers }) => [changed, layers.map(({ imageId, part }) => [imageId, part])])).toEqual(
      [
        [
          true,
          [
            ['/new', 'new'],
            ['/a', 'stays'],
          ],
        ],
        [true, [['/b', 'new']]],
      ],
    );
    expect(
      plannedChains(before, inventory, planFor({ chains: [{ target: 'vda', imageIds: ['/a'] }] }))[0]?.changed,
    ).toBe(false);
  });

  describe('where images are merged', () => {
    const backed = (id: string, parentId: string, allocatedBytes: number | null): Image => ({
      ...image(id),
      allocatedBytes,
      parent: { relation: 'backing', reference: parentId, imageId: parentId, format: 'qcow2' },
    });
    const inventory = {
      images: [backed('/a', '/two', 1), backed('/two', '/one', 20), backed('/one', '/base', 30), image('/base')],
    } as unknown as Inventory;
    const layersOf = (imageIds: string[], plan: Partial<Plan>, of = inventory) =>
      plannedChains(before, of, { ...planFor({ chains: [{ target: 'vda', imageIds }] }), ...plan })[0]?.layers.map(
        ({ imageId, part, deleted, growthBytes }) => [imageId, part, deleted, growthBytes],
      );
    const commit = {
      request: { action: 'commitImages' },
      steps: [
        { writes: ['/base'], deletes: [] },
        { writes: [], deletes: ['/one', '/two'] },
      ],
    } as unknown as Plan;

    it('says what a commit puts into the image below, and what is removed', () => {
      expect(layersOf(['/a', '/base'], commit)).toEqual([
        ['/a', 'stays', false, 0],
        ['/two', 'merged', true, 0],
        ['/one', 'merged', true, 0],
        ['/base', 'receives', false, 50],
      ]);
      const unknown = {
        images: inventory.images.map((each) => (each.id === '/one' ? backed('/one', '/base', null) : each)),
      };
      expect(layersOf(['/a', '/base'], commit, unknown as Inventory)?.at(-1)).toEqual([
        '/base',
        'receives',
        false,
        null,
      ]);
    });

    it('says that a pull makes the active layer larger and removes nothing', () => {
      const pull = { request: { action: 'pullImages' }, steps: [{ writes: ['/a'], deletes: [] }] } as unknown as Plan;
      expect(layersOf(['/a', '/base'], pull)).toEqual([
        ['/a', 'receives', false, 50],
        ['/two', 'merged', false, 0],
        ['/one', 'merged', false, 0],
        ['/base', 'stays', false, 0],
      ]);
      expect(layersOf(['/a'], pull)?.map(([, part]) => part)).toEqual(['receives', 'merged', 'merged', 'merged']);
    });

    it('says that a revert leaves images behind without merging them', () => {
      const revert = {
        request: { action: 'revertToSnapshot' },
        steps: [{ writes: ['/one'], deletes: [] }],
      } as unknown as Plan;
      expect(layersOf(['/new', '/one', '/base'], revert)).toEqual([
        ['/new', 'new', false, 0],
        ['/a', 'left', false, 0],
        ['/two', 'left', false, 0],
        ['/one', 'stays', false, 0],
        ['/base', 'stays', false, 0],
      ]);
    });
  });
});
