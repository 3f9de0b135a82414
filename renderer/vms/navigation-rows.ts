/** The rows of the left pane: hosts, their VMs, and the snapshots that a search found. Pure. */
import type { InventoryState } from '../../shared/contract.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Inventory, Problem, Snapshot, Vm } from '../../shared/model/inventory.ts';
import type { NavigableRow } from '../design/tree-navigation.ts';
import { hostProblems } from '../appearance/host-problems.ts';
import { foundSnapshots, hostWords, vmWords } from './search-words.ts';
import { problemsOf } from '../appearance/vm-problems.ts';

export type NavigationRow = NavigableRow &
  (
    | {
        readonly kind: 'host';
        readonly entry: HostWithSession;
        readonly inventory: InventoryState | null;
        readonly problems: readonly Problem[];
      }
    | {
        readonly kind: 'vm';
        readonly hostId: string;
        readonly vm: Vm;
        /** What is shown was read before the session ended. */
        readonly stale: boolean;
        readonly problems: readonly Problem[];
        readonly foundSnapshots: number;
      }
    | { readonly kind: 'snapshot'; readonly hostId: string; readonly vmUuid: string; readonly snapshot: Snapshot }
  );

/** Snapshots listed below a VM by a search; the tree marks the others. */
const listedSnapshots = 5;

export function hostRowKey(hostId: string): string {
  return `host:${hostId}`;
}

export function vmRowKey(hostId: string, vmUuid: string): string {
  return `vm:${hostId}/${vmUuid}`;
}

export function snapshotRowKey(hostId: string, vmUuid: string, snapshotId: string): string {
  return `snapshot:${hostId}/${vmUuid}/${snapshotId}`;
}

interface Source {
  readonly hostIds: readonly string[];
  readonly hosts: Readonly<Record<string, HostWithSession>>;
  readonly inventories: Readonly<Record<string, InventoryState>>;
  readonly collapsedHosts: ReadonlySet<string>;
  readonly search: string;
}

interface FoundVm {
  readonly vm: Vm;
  readonly snapshots: readonly Snapshot[];
}

/**
 * With a search, only what holds its words: hosts whose name or address does (with all their VMs), VMs whose name or
 * UUID does, and VMs with snapshots that do. A search opens what is collapsed.
 */
export function navigationRows({
  hostIds,
  hosts,
  inventories,
  collapsedHosts,
  search,
}: Source): readonly NavigationRow[] {
  const wanted = search.trim().toLocaleLowerCase();
  const found = hostIds.flatMap((hostId) => {
    const entry = hosts[hostId];
    if (!entry) return [];
    const inventory = inventories[hostId] ?? null;
    const vms = inventory?.inventory ? sortedVms(inventory.inventory) : noVms;
    if (wanted === '') return [{ entry, inventory, vms: vms.map((vm): FoundVm => ({ vm, snapshots: [] })) }];
    const hostMatches = hostWords(entry).some((words) => words.includes(wanted));
    const foundVms = vms.flatMap((vm): FoundVm[] => {
      const snapshots = foundSnapshots(vm, wanted);
      return hostMatches || snapshots.length > 0 || vmWords(vm).includes(wanted) ? [{ vm, snapshots }] : [];
    });
    return hostMatches || foundVms.length > 0 ? [{ entry, inventory, vms: foundVms }] : [];
  });

  const rows: NavigationRow[] = [];
  for (const [hostIndex, { entry, inventory, vms }] of found.entries()) {
    const hostId = entry.host.id;
    const hostRow = rows.length;
    const expanded = vms.length === 0 ? null : wanted !== '' || !collapsedHosts.has(hostId);
    rows.push({
      kind: 'host',
      key: hostRowKey(hostId),
      level: 1,
      positionInSet: hostIndex + 1,
      setSize: found.length,
      parentIndex: -1,
      expanded,
      entry,
      inventory,
      problems: hostProblems(inventory?.inventory),
    });
    if (!expanded) continue;
    for (const [vmIndex, { vm, snapshots }] of vms.entries()) {
      const vmRow = rows.length;
      rows.push({
        kind: 'vm',
        key: vmRowKey(hostId, vm.uuid),
        level: 2,
        positionInSet: vmIndex + 1,
        setSize: vms.length,
        parentIndex: hostRow,
        expanded: null,
        hostId,
        vm,
        stale: entry.session.state !== 'connected',
        problems: problemsOf(inventory?.inventory ?? null, vm),
        foundSnapshots: snapshots.length,
      });
      const listed = snapshots.slice(0, listedSnapshots);
      for (const [snapshotIndex, snapshot] of listed.entries()) {
        rows.push({
          kind: 'snapshot',
          key: snapshotRowKey(hostId, vm.uuid, snapshot.id),
          level: 3,
          positionInSet: snapshotIndex + 1,
          setSize: listed.length,
          parentIndex: vmRow,
          expanded: null,
          hostId,
          vmUuid: vm.uuid,
          snapshot,
        });
      }
    }
  }
  return rows;
}

/** The first of the rows of a search that holds its words itself, and not only something below it; undefined where none does. */
export function firstHit(rows: readonly NavigationRow[], search: string): NavigationRow | undefined {
  const wanted = search.trim().toLocaleLowerCase();
  return rows.find((row) => {
    switch (row.kind) {
      case 'host':
        return hostWords(row.entry).some((words) => words.includes(wanted));
      case 'vm':
        return vmWords(row.vm).includes(wanted);
      case 'snapshot':
        return true;
    }
  });
}

const noVms: readonly Vm[] = [];
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const sorted = new WeakMap<Inventory['vms'], readonly Vm[]>();

/** VMs by name, numbers as numbers. Sorted once for a reading. */
function sortedVms({ vms }: Inventory): readonly Vm[] {
  let known = sorted.get(vms);
  if (!known) sorted.set(vms, (known = vms.toSorted(byName)));
  return known;
}

function byName(a: Vm, b: Vm): number {
  return collator.compare(a.name ?? a.uuid, b.name ?? b.uuid) || (a.uuid < b.uuid ? -1 : 1);
}
