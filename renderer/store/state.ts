/** Everything that the window knows. Plain data, replaced and never changed in place. */
import type { InventoryState, Notice, ResponseValue } from '../../shared/contract.ts';
import type { Batch } from '../../shared/model/batch.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Snapshot, Vm } from '../../shared/model/inventory.ts';
import type { Operation, StepProgress, UnreadableOperation } from '../../shared/model/operation.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import type { Question } from '../../shared/model/question.ts';
import type { CloneKind } from '../../shared/rules/snapshots/clone-rules.ts';
import type { MergeDirection } from '../../shared/rules/snapshots/merge-proposals.ts';
import { pointKey, type RestorePoint } from '../../shared/rules/snapshots/restore-points.ts';
import { hasEnded } from '../../shared/rules/operations/operation-life.ts';
import { snapshotsById, vmsByUuid } from './selectors.ts';

export interface SelectionState {
  readonly hostId: string | null;
  readonly vmUuid: string | null;
  /** Null with a VM selected: "you are here", the VM as it is now. Of several the one that has the focus. */
  readonly snapshotId: string | null;
  /** The key of the row of a restore point that is selected in place of "you are here". Not remembered. */
  readonly pointKey?: string;
  /** What is selected of the VM besides; left out where nothing is. Not remembered. */
  readonly others?: readonly (string | null)[];
}

export type DialogState =
  | { readonly kind: 'addHost' }
  | { readonly kind: 'importHosts' }
  | { readonly kind: 'report' }
  | { readonly kind: 'about' }
  | { readonly kind: 'editHost'; readonly hostId: string }
  | { readonly kind: 'removeHost'; readonly hostId: string }
  | {
      readonly kind: 'describe' | 'rename';
      readonly hostId: string;
      readonly vmUuid: string;
      readonly snapshotId: string;
    }
  | {
      readonly kind: 'createSnapshot' | 'saveMemory' | 'restoreMemory' | 'repair';
      readonly hostId: string;
      readonly vmUuid: string;
    }
  | {
      readonly kind: 'clone';
      readonly hostId: string;
      readonly vmUuid: string;
      /** Null: "you are here". */
      readonly snapshotId: string | null;
      readonly cloneKind: CloneKind;
    }
  | {
      readonly kind: 'merge';
      readonly hostId: string;
      readonly vmUuid: string;
      readonly direction: MergeDirection;
      /** Null: "you are here". */
      readonly snapshotId: string | null;
      /** The younger end of a range that is selected; null or left out: the present state. */
      readonly youngestId?: string | null;
      /** Only this disk, to begin with; null: all. */
      readonly target: string | null;
    }
  | {
      /** Many changes as one. What it begins with: all hosts, or what is named. */
      readonly kind: 'batch';
      readonly hostName?: string;
      readonly vmName?: string;
      /** Snapshots that are chosen for deletion to begin with. */
      readonly chosen?: { readonly hostId: string; readonly vmUuid: string; readonly snapshotIds: readonly string[] };
    }
  | { readonly kind: 'plan'; readonly hostId: string; readonly request: ChangeRequest };

export interface State {
  /** Of this window with the main process. Null: not known yet. */
  readonly shellConnected: boolean | null;
  /**
   * What is let in again by the key that the page got: another tab of this browser, this tab after a reload, or only the
   * page as it is. The desktop's window needs no key.
   */
  readonly letInAgain: 'browser' | 'tab' | 'page';
  readonly application: ResponseValue<'application.describe'> | null;
  /** Null until the host book was heard of. */
  readonly hostIds: readonly string[] | null;
  readonly hosts: Readonly<Record<string, HostWithSession>>;
  readonly inventories: Readonly<Record<string, InventoryState>>;
  readonly questions: readonly Question[];
  readonly operations: Readonly<Record<string, Operation>>;
  readonly batches: Readonly<Record<string, Batch>>;
  /** Of the steps that run and tell how far they are. */
  readonly stepProgress: readonly StepProgress[];
  readonly unreadableOperations: readonly UnreadableOperation[];
  readonly notices: readonly Notice[];
  readonly selection: SelectionState;
  readonly search: string;
  readonly collapsedHosts: ReadonlySet<string>;
  /** By `vmKey`: the rows of the snapshot tree that are collapsed. */
  readonly collapsedSnapshots: Readonly<Record<string, ReadonlySet<string>>>;
  readonly dialog: DialogState | null;
}

export const nothingSelected: SelectionState = { hostId: null, vmUuid: null, snapshotId: null };

export const initialState: State = {
  shellConnected: null,
  letInAgain: 'browser',
  application: null,
  hostIds: null,
  hosts: {},
  inventories: {},
  questions: [],
  operations: {},
  batches: {},
  stepProgress: [],
  unreadableOperations: [],
  notices: [],
  selection: nothingSelected,
  search: '',
  collapsedHosts: new Set(),
  collapsedSnapshots: {},
  dialog: null,
};

/** The key of a VM over all hosts: a UUID may be on two hosts, of a copied VM. */
export function vmKey(hostId: string, vmUuid: string): string {
  return `${hostId}/${vmUuid}`;
}

/** The VM with this UUID in what was last read of the host, or null. */
export function findVm(state: State, hostId: string | null, vmUuid: string | null): Vm | null {
  if (hostId === null || vmUuid === null) return null;
  const inventory = state.inventories[hostId]?.inventory;
  return (inventory && vmsByUuid(inventory.vms).get(vmUuid)) ?? null;
}

/** The selected snapshot of a readable VM, or null where "you are here" is selected. */
export function findSnapshot(vm: Vm | null, snapshotId: string | null): Snapshot | null {
  if (!vm?.readable || snapshotId === null) return null;
  return snapshotsById(vm.snapshots).get(snapshotId) ?? null;
}

/** The restore point that is selected in place of "you are here"; undefined where none is, or it is gone. */
export function findPoint(points: readonly RestorePoint[], selection: SelectionState): RestorePoint | undefined {
  return points.find((point) => pointKey(point) === selection.pointKey);
}

/** Everything that is selected of a readable VM and still there: snapshots by their ids, and null for "you are here". */
export function selectedOf(vm: Vm | null, { snapshotId, others }: SelectionState): ReadonlySet<string | null> {
  const all = [snapshotId, ...(others ?? [])];
  return new Set(all.filter((id) => id === null || findSnapshot(vm, id) !== null));
}

/** Whether an operation on the VM stands in the way of another. */
export function operationRunsOn(state: State, hostId: string, vmUuid: string): boolean {
  return (
    Object.values(state.operations).some(
      (operation) => operation.plan.hostId === hostId && operation.plan.vmUuid === vmUuid && !hasEnded(operation),
    ) ||
    state.unreadableOperations.some(
      (operation) => operation.hostId === hostId && operation.vmUuid === vmUuid && operation.state === 'open',
    )
  );
}
