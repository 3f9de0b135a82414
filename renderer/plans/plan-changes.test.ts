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
    after: { vmState: 'running', snapshots: before.snapshots, currentSnapshotId: 'kept', chains: [], ...after },
  }) as Plan;

describe('plannedTree', () => {
  it('marks what comes and what goes, and keeps what goes in sight', () => {
    const tree = plannedTree(
      before,
      planFor({ snapshots: [snapshot('kept'), snapshot('new')], currentSnapshotId: 'new' }),
    );
    expect(tree.snapshots.map(({ id }) => id)).toEqual(['kept', 'new', 'old']);
    expect(tree).toMatchObject({ added: new Set(['new']), removed: new Set(['old']), hereMoves: true, changes: true });
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
    expect(planned.map(({ changed, added }) => [changed, [...added]])).toEqual([
      [true, ['/new']],
      [true, ['/b']],
    ]);
    expect(
      plannedChains(before, inventory, planFor({ chains: [{ target: 'vda', imageIds: ['/a'] }] }))[0]?.changed,
    ).toBe(false);
  });
});
