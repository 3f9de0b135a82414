import { useCallback, useMemo } from 'react';
import type { Image, Snapshot, Vm } from '../../shared/model/inventory.ts';
import {
  actionsFor,
  powerActions,
  type Action,
  type ActionContext,
  type ActionId,
} from '../../shared/rules/snapshots/actions.ts';
import { nameOfSavedState } from '../../shared/rules/snapshots/snapshot-names.ts';
import { savedState } from '../../shared/rules/snapshots/saved-state.ts';
import { subtreeIds } from '../../shared/rules/snapshots/snapshot-forest.ts';
import { rangeOf } from '../../shared/rules/snapshots/snapshot-range.ts';
import { findSnapshot, findVm, operationRunsOn, selectedOf, type DialogState } from './state.ts';
import { imageIndex } from './selectors.ts';
import { showDialog, useStore } from './store.ts';

const noImages: readonly Image[] = [];

interface VmActions {
  readonly actions: readonly Action[];
  /** Opens the dialog of an action. */
  readonly act: (id: ActionId) => void;
  readonly actIfPossible: (id: ActionId) => void;
}

/** What can be done with a VM and the snapshot that is selected; null: with "you are here". */
export function useVmActions(hostId: string, vm: Vm, snapshot: Snapshot | null): VmActions {
  const circumstances = useCircumstances(hostId, vm.uuid);
  const selection = useStore((state) => state.selection);
  const actions = useMemo(() => {
    const selected = selectedOf(vm, selection);
    const descendants = vm.readable && snapshot ? descendantsOf(snapshot, vm.snapshots) : [];
    return actionsFor({ ...circumstances, vm, snapshot, several: selected.size > 1 ? selected : null, descendants });
  }, [circumstances, vm, snapshot, selection]);

  const vmUuid = vm.uuid;
  const act = useCallback(
    (id: ActionId) => {
      // Of the moment: what is selected then is what the action is for.
      const request = { vmUuid, snapshotId: useStore.getState().selection.snapshotId ?? '' };
      if (id === 'clone' || id === 'thinInstance') {
        const { snapshotId } = useStore.getState().selection;
        showDialog({ kind: 'clone', hostId, vmUuid, snapshotId, cloneKind: id === 'clone' ? 'full' : 'thin' });
      }
      if (id === 'createSnapshot' || id === 'saveMemory' || id === 'restoreMemory')
        showDialog({ kind: id, hostId, vmUuid });
      if (id === 'describe' || id === 'rename') showDialog({ kind: id, hostId, ...request });
      if (id === 'repairMetadata') showDialog({ kind: 'repair', hostId, vmUuid });
      if (id === 'discardMemory') showDialog({ kind: 'plan', hostId, request: { action: id, vmUuid } });
      if (id === 'mergeDown' || id === 'mergeUp') {
        const direction = id === 'mergeDown' ? 'down' : 'up';
        showDialog({ kind: 'merge', hostId, vmUuid, direction, ...endsOfMerge(hostId, vmUuid), target: null });
      }
      const to = powerActions.get(id);
      if (to !== undefined) showDialog({ kind: 'plan', hostId, request: { action: 'changePower', vmUuid, to } });
      if (id === 'report') showDialog({ kind: 'report' });
      if (id === 'batch') showDialog(batchOf(hostId, vmUuid));
      if (id === 'revertToSnapshot') {
        const state = useStore.getState();
        const now = findVm(state, hostId, vmUuid);
        const target = findSnapshot(now, request.snapshotId);
        const images = imageIndex(state.inventories[hostId]?.inventory?.images ?? []);
        // Where it is gone meanwhile, planning says so.
        const saved =
          now?.readable && target
            ? savedState(target, now, images, { now: new Date() })
            : { saveAs: nameOfSavedState(new Date(), []) };
        showDialog({ kind: 'plan', hostId, request: { action: id, ...request, ...saved } });
      }
      if (id === 'deleteSnapshot' || id === 'deleteWithDescendants') {
        const withDescendants = id === 'deleteWithDescendants';
        const now = findVm(useStore.getState(), hostId, vmUuid);
        const others = selectedSnapshots(now).filter((each) => each !== request.snapshotId);
        const several = others.length === 0 || withDescendants ? {} : { otherSnapshotIds: others };
        const deletion = { action: 'deleteSnapshot' as const, ...request, ...several, withDescendants };
        showDialog({ kind: 'plan', hostId, request: deletion });
      }
    },
    [hostId, vmUuid],
  );
  const actIfPossible = useCallback(
    (id: ActionId) => {
      if (actions.some((action) => action.id === id && action.reason === null)) act(id);
    },
    [actions, act],
  );
  return { actions, act, actIfPossible };
}

/** Why something cannot be done with a VM as it is now, whatever is selected of it; null where it can. */
export function useReasonAgainst(id: ActionId, hostId: string, vm: Vm): string | null {
  const circumstances = useCircumstances(hostId, vm.uuid);
  return useMemo(() => {
    const actions = actionsFor({ ...circumstances, vm, snapshot: null, several: null, descendants: [] });
    return actions.find((action) => action.id === id)?.reason ?? null;
  }, [circumstances, vm, id]);
}

/** What of the host and of Snaptree itself decides whether something can be done. */
function useCircumstances(
  hostId: string,
  vmUuid: string,
): Omit<ActionContext, 'vm' | 'snapshot' | 'several' | 'descendants'> {
  const session = useStore((state) => state.hosts[hostId]?.session.state ?? 'disconnected');
  const readOnly = useStore((state) => state.hosts[hostId]?.host.readOnly ?? false);
  const hypervisor = useStore((state) => state.inventories[hostId]?.inventory?.hypervisor ?? null);
  const images = useStore((state) => state.inventories[hostId]?.inventory?.images ?? noImages);
  const operationRuns = useStore((state) => operationRunsOn(state, hostId, vmUuid));
  const shellConnected = useStore((state) => state.shellConnected !== false);
  return useMemo(
    () => ({ shellConnected, session, images: imageIndex(images), hypervisor, readOnly, operationRuns }),
    [shellConnected, session, images, hypervisor, readOnly, operationRuns],
  );
}

/** A batch that begins with this VM, and where several of its snapshots are selected, with these. */
function batchOf(hostId: string, vmUuid: string): DialogState {
  const state = useStore.getState();
  const vm = findVm(state, hostId, vmUuid);
  const selected = selectedSnapshots(vm);
  return {
    kind: 'batch',
    ...(vm?.readable && { vmName: vm.name, hostName: state.hosts[hostId]?.host.name ?? '' }),
    ...(selected.length > 1 && { chosen: { hostId, vmUuid, snapshotIds: selected } }),
  };
}

/** The ids of the snapshots that are selected at the moment. */
function selectedSnapshots(vm: Vm | null): string[] {
  return [...selectedOf(vm, useStore.getState().selection)].filter((id) => id !== null);
}

/** What is selected at the moment, as the ends of a merge. */
function endsOfMerge(hostId: string, vmUuid: string): { snapshotId: string | null; youngestId: string | null } {
  const state = useStore.getState();
  const vm = findVm(state, hostId, vmUuid);
  const selected = selectedOf(vm, state.selection);
  const range = vm?.readable && selected.size > 1 ? rangeOf(selected, vm.snapshots, vm.currentSnapshotId) : null;
  return range === null || 'reason' in range
    ? { snapshotId: state.selection.snapshotId, youngestId: null }
    : { snapshotId: range.oldest.id, youngestId: range.youngest?.id ?? null };
}

function descendantsOf(snapshot: Snapshot, snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const below = new Set(subtreeIds(snapshot.id, snapshots));
  below.delete(snapshot.id);
  return below.size === 0 ? [] : snapshots.filter(({ id }) => below.has(id));
}
