import { describe, expect, it } from 'vitest';
import { hostWithId } from '../../shared/model/host.fixtures.ts';
import type { InventoryState } from '../../shared/contract.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { vm as madeVm } from '../../shared/model/inventory.fixtures.ts';
import type { Operation } from '../../shared/model/operation.ts';
import {
  newlyAtRest,
  withHosts,
  withInventory,
  withOperations,
  withSnapshotCollapsed,
  withSnapshotRevealed,
} from './reducers.ts';
import { initialState, operationRunsOn, vmKey, type State } from './state.ts';

function snapshot(id: string, parentId: string | null): Snapshot {
  const rest = { kind: 'internal', vmState: 'running', createdAt: 1, description: '' } as const;
  return { ...rest, id, name: id, parentId, memory: { kind: 'none' }, disks: [] };
}

const vm = (uuid: string, snapshots: Snapshot[]): ReadableVm => madeVm({ uuid, name: uuid, disks: [], snapshots });

function reading(vms: Inventory['vms']): InventoryState {
  const inventory: Inventory = {
    hypervisor: { kind: 'libvirt', version: null, emulator: null, capabilities: [] },
    hostName: 'h',
    readAt: 1,
    vms,
    images: [],
    filesystems: [],
    unknownDependents: [],
    problems: [],
  };
  return { inventory, reading: false, error: null, errorAt: null, watching: 'off' };
}

function host(id: string): HostWithSession {
  return {
    host: hostWithId(id),
    session: { state: 'disconnected' },
  };
}

function selected(vmUuid: string | null, snapshotId: string | null): State {
  const state = withHosts(initialState, [host('h1'), host('h2')]);
  return { ...state, selection: { hostId: 'h1', vmUuid, snapshotId } };
}

function operation(id: string, state: Operation['state']): Operation {
  return {
    id,
    plan: { hostId: 'h1', vmUuid: 'v' } as Operation['plan'],
    state,
    startedAt: 1,
    endedAt: ['succeeded', 'failed', 'cancelled', 'forgotten'].includes(state) ? 2 : null,
    steps: [],
    error: null,
    examination: null,
    isUndoing: false,
  };
}

describe('withInventory', () => {
  it('keeps the selection where its object is still there', () => {
    const state = withInventory(selected('v', 'a'), 'h1', reading([vm('v', [snapshot('a', null)])]));
    expect(state.selection).toEqual({ hostId: 'h1', vmUuid: 'v', snapshotId: 'a' });
  });

  it('falls back to "you are here" where the snapshot is gone, and to the host where the VM is', () => {
    const lost = withInventory(selected('v', 'a'), 'h1', reading([vm('v', [])]));
    expect(lost.selection).toEqual({ hostId: 'h1', vmUuid: 'v', snapshotId: null });
    expect(withInventory(selected('v', 'a'), 'h1', reading([])).selection).toEqual({
      hostId: 'h1',
      vmUuid: null,
      snapshotId: null,
    });
  });

  it('keeps the selection while nothing was read, while a VM is unreadable, and at readings of other hosts', () => {
    const nothing: InventoryState = { inventory: null, reading: true, error: null, errorAt: null, watching: 'off' };
    const state = selected('v', 'a');
    expect(withInventory(state, 'h1', nothing).selection).toBe(state.selection);
    expect(withInventory(state, 'h2', reading([])).selection).toBe(state.selection);
    const unreadable = reading([{ readable: false, uuid: 'v', name: null, reason: 'r' }]);
    expect(withInventory(state, 'h1', unreadable).selection).toEqual(state.selection);
  });
});

describe('withHosts', () => {
  it('forgets what belonged to a host that is gone', () => {
    const state = withInventory(selected('v', null), 'h1', reading([]));
    const after = withHosts(state, [host('h2')]);
    expect(after.selection).toEqual({ hostId: 'h2', vmUuid: null, snapshotId: null });
    expect(after.inventories).toEqual({});
    expect(after.hostIds).toEqual(['h2']);
    expect(withHosts(after, []).selection.hostId).toBeNull();
  });

  it('selects what was selected the last time, and the first host where that is gone', () => {
    const remembered = { hostId: 'h2', vmUuid: 'v', snapshotId: 's' };
    const start = { ...initialState, selection: remembered };
    expect(withHosts(start, [host('h1'), host('h2')]).selection).toEqual(remembered);
    expect(withHosts(start, [host('h1')]).selection).toEqual({ hostId: 'h1', vmUuid: null, snapshotId: null });
  });
});

describe('an open dialog', () => {
  it('closes where what it is about is gone', () => {
    const state: State = { ...selected('v', null), dialog: { kind: 'createSnapshot', hostId: 'h1', vmUuid: 'v' } };
    expect(withInventory(state, 'h1', reading([vm('v', [])])).dialog).toBe(state.dialog);
    expect(withInventory(state, 'h2', reading([])).dialog).toBe(state.dialog);
    expect(withInventory(state, 'h1', reading([])).dialog).toBeNull();
    expect(withHosts(state, [host('h2')]).dialog).toBeNull();
    const adding: State = { ...state, dialog: { kind: 'addHost' } };
    expect(withHosts(adding, []).dialog).toBe(adding.dialog);
  });
});

describe('operations', () => {
  it('are replaced as a whole, or changed one by one', () => {
    const all = withOperations(initialState, { kind: 'all', operations: [operation('1', 'running')] });
    const more = withOperations(all, { kind: 'changed', operation: operation('2', 'running') });
    expect(Object.keys(more.operations)).toEqual(['1', '2']);
    expect(withOperations(more, { kind: 'all', operations: [] }).operations).toEqual({});
  });

  it('are newly at rest only if they were seen running', () => {
    const before = { '1': operation('1', 'running'), '3': operation('3', 'failed') };
    const after = { '1': operation('1', 'succeeded'), '2': operation('2', 'failed'), '3': operation('3', 'failed') };
    expect(newlyAtRest(before, after).map(({ id }) => id)).toEqual(['1']);
  });

  it('stand in the way while they run or are interrupted', () => {
    const blocks = (state: Operation['state']) =>
      operationRunsOn({ ...initialState, operations: { '1': operation('1', state) } }, 'h1', 'v');
    expect((['running', 'verifying', 'interrupted'] as const).map(blocks)).toEqual([true, true, true]);
    expect((['succeeded', 'failed', 'cancelled', 'forgotten'] as const).map(blocks)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('stand in the way while their journal cannot be used, until they are forgotten', () => {
    const known = { hostName: null, vmName: null, title: null, startedAt: null, message: '' };
    const blocks = (state: 'open' | 'forgotten' | 'ended', hostId = 'h1') =>
      operationRunsOn(
        { ...initialState, unreadableOperations: [{ id: '1', hostId, vmUuid: 'v', state, ...known }] },
        'h1',
        'v',
      );
    expect([blocks('open'), blocks('open', 'h2'), blocks('forgotten'), blocks('ended')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('collapsed rows', () => {
  it('are opened above a snapshot that is to be seen, even where parents go in a circle', () => {
    const tree = [snapshot('a', 'c'), snapshot('b', 'a'), snapshot('c', 'b')];
    let state = withInventory(selected('v', null), 'h1', reading([vm('v', tree)]));
    state = withSnapshotCollapsed(state, 'h1', 'v', 'snapshot:a', true);
    state = withSnapshotCollapsed(state, 'h1', 'v', 'snapshot:other', true);
    state = withSnapshotRevealed(state, 'h1', 'v', 'c');
    expect(state.collapsedSnapshots[vmKey('h1', 'v')]).toEqual(new Set(['snapshot:other']));
  });
});
