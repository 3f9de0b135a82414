/** How what the main process says changes the state. Pure: state and event in, state out. */
import type { InventoryState, TopicEvent } from '../../shared/contract.ts';
import type { Batch } from '../../shared/model/batch.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import { isBatchUnderWay } from '../../shared/rules/operations/batch-words.ts';
import { hasEnded, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { vmsByUuid } from './selectors.ts';
import { findVm, nothingSelected, vmKey, type SelectionState, type State } from './state.ts';

/** The host book. What belongs to a host that is gone goes with it; where nothing is selected then, the first host is. */
export function withHosts(state: State, hosts: readonly HostWithSession[]): State {
  const byId = Object.fromEntries(hosts.map((entry) => [entry.host.id, entry]));
  const [first] = hosts;
  const selectionIsThere = state.selection.hostId !== null && byId[state.selection.hostId] !== undefined;
  const selection = first ? { ...nothingSelected, hostId: first.host.id } : nothingSelected;
  return {
    ...state,
    hostIds: hosts.map((entry) => entry.host.id),
    hosts: byId,
    inventories: Object.fromEntries(Object.entries(state.inventories).filter(([hostId]) => byId[hostId])),
    selection: selectionIsThere ? state.selection : selection,
    dialog: state.dialog && 'hostId' in state.dialog && !byId[state.dialog.hostId] ? null : state.dialog,
  };
}

/** A reading of a host. Keeps the selection where its object is still there; else the nearest that is. */
export function withInventory(state: State, hostId: string, inventory: InventoryState): State {
  const { dialog } = state;
  const isThere = (vmUuid: string) => !inventory.inventory || vmsByUuid(inventory.inventory.vms).has(vmUuid);
  const dialogIsGone =
    (dialog?.kind === 'createSnapshot' || dialog?.kind === 'clone') &&
    dialog.hostId === hostId &&
    !isThere(dialog.vmUuid);
  const next = {
    ...state,
    inventories: { ...state.inventories, [hostId]: inventory },
    dialog: dialogIsGone ? null : dialog,
  };
  if (state.selection.hostId !== hostId || !inventory.inventory) return next;
  return { ...next, selection: selectionWithin(state.selection, inventory.inventory) };
}

function selectionWithin(selection: SelectionState, inventory: Inventory): SelectionState {
  if (selection.vmUuid === null) return selection;
  const vm = vmsByUuid(inventory.vms).get(selection.vmUuid);
  if (!vm) return { ...selection, vmUuid: null, snapshotId: null };
  if (!vm.readable || selection.snapshotId === null) return selection;
  const isThere = vm.snapshots.some((snapshot) => snapshot.id === selection.snapshotId);
  return isThere ? selection : { ...selection, snapshotId: null };
}

/** Operations: all of them, or one that is new or changed. */
export function withOperations(state: State, event: TopicEvent<'operations'>): State {
  return {
    ...state,
    operations:
      event.kind === 'all'
        ? Object.fromEntries(event.operations.map((operation) => [operation.id, operation]))
        : { ...state.operations, [event.operation.id]: event.operation },
  };
}

/** Operations that were under way before and are no more: ended, or cut off. One first heard of so is old news. */
export function newlyAtRest(
  before: Readonly<Record<string, Operation>>,
  after: Readonly<Record<string, Operation>>,
): readonly Operation[] {
  return Object.values(after).filter((operation) => {
    const earlier = before[operation.id];
    return earlier !== undefined && isUnderWay(earlier) && !isUnderWay(operation);
  });
}

/** Batches: all of them, or one that is new or changed. */
export function withBatches(state: State, event: TopicEvent<'batches'>): State {
  return {
    ...state,
    batches:
      event.kind === 'all'
        ? Object.fromEntries(event.batches.map((batch) => [batch.id, batch]))
        : { ...state.batches, [event.batch.id]: event.batch },
  };
}

/** Batches that went on by themselves before and do no more, as `newlyAtRest` for operations. */
export function batchesNewlyAtRest(
  before: Readonly<Record<string, Batch>>,
  after: Readonly<Record<string, Batch>>,
): readonly Batch[] {
  return Object.values(after).filter((batch) => {
    const earlier = before[batch.id];
    return earlier !== undefined && isBatchUnderWay(earlier) && !isBatchUnderWay(batch);
  });
}

/** Whether a batch that has not ended made the operation: what becomes of it is told with the batch. */
export function isOfOpenBatch(batches: Readonly<Record<string, Batch>>, operationId: string): boolean {
  return Object.values(batches).some(
    (batch) => !hasEnded(batch) && batch.items.some((item) => item.operationId === operationId),
  );
}

/** Selects; a VM opens with "you are here", unless it is the one selected already. */
export function withSelection(state: State, selection: SelectionState): State {
  return { ...state, selection };
}

export function withHostCollapsed(state: State, hostId: string, collapsed: boolean): State {
  return { ...state, collapsedHosts: withMember(state.collapsedHosts, hostId, collapsed) };
}

/** Collapses or opens a row of the snapshot tree. The selection does not stay inside what is hidden. */
export function withSnapshotCollapsed(
  state: State,
  hostId: string,
  vmUuid: string,
  rowKey: string,
  collapsed: boolean,
): State {
  const key = vmKey(hostId, vmUuid);
  const rows = withMember(state.collapsedSnapshots[key] ?? new Set(), rowKey, collapsed);
  return { ...state, collapsedSnapshots: { ...state.collapsedSnapshots, [key]: rows } };
}

/** Opens every row above a snapshot, so that it can be seen. Iterative, and safe against a cycle. */
export function withSnapshotRevealed(state: State, hostId: string, vmUuid: string, snapshotId: string): State {
  const vm = findVm(state, hostId, vmUuid);
  const key = vmKey(hostId, vmUuid);
  const collapsed = state.collapsedSnapshots[key];
  if (!vm?.readable || !collapsed?.size) return state;
  const parents = new Map(vm.snapshots.map((snapshot) => [snapshot.id, snapshot.parentId]));
  const open = new Set(collapsed);
  const seen = new Set<string>();
  for (let id = parents.get(snapshotId) ?? null; id !== null && !seen.has(id); id = parents.get(id) ?? null) {
    seen.add(id);
    open.delete(`snapshot:${id}`);
  }
  return { ...state, collapsedSnapshots: { ...state.collapsedSnapshots, [key]: open } };
}

function withMember(set: ReadonlySet<string>, member: string, present: boolean): ReadonlySet<string> {
  const next = new Set(set);
  if (present) next.add(member);
  else next.delete(member);
  return next;
}
