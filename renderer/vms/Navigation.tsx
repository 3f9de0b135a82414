import {
  ChevronDown,
  ChevronRight,
  CircleAlert,
  CornerDownRight,
  Laptop,
  Layers,
  Plus,
  Search,
  Server,
  TriangleAlert,
  X,
} from 'lucide-react';
import { useMemo } from 'react';
import { Button as AriaButton, Input, SearchField } from 'react-aria-components';
import type { Problem } from '../../shared/model/inventory.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { TreeGrid } from '../design/TreeGrid.tsx';
import { visibleString } from '../design/visible-text.ts';
import { hostAddress, sessionAppearance } from '../hosts/session-words.ts';
import { withHostCollapsed, withSelection, withSnapshotRevealed } from '../store/reducers.ts';
import { findVm, type SelectionState } from '../store/state.ts';
import { showDialog, update, useStore } from '../store/store.ts';
import { hostRowKey, navigationRows, snapshotRowKey, vmRowKey, type NavigationRow } from './navigation-rows.ts';
import styles from './Navigation.module.css';
import { problemCount, worstOf } from './vm-problems.ts';
import { vmAppearance } from './vm-state.ts';

const css = classes(styles);
const heights: Readonly<Record<NavigationRow['kind'], number>> = { host: 44, vm: 28, snapshot: 24 };
const noHosts: readonly string[] = [];

/** The left pane: a search field, and hosts with their VMs. */
export function Navigation() {
  const hostIds = useStore((state) => state.hostIds ?? noHosts);
  const hosts = useStore((state) => state.hosts);
  const inventories = useStore((state) => state.inventories);
  const collapsedHosts = useStore((state) => state.collapsedHosts);
  const search = useStore((state) => state.search);
  const selection = useStore((state) => state.selection);
  const vmIsKnown = useStore((state) => findVm(state, selection.hostId, selection.vmUuid) !== null);
  const rows = useMemo(
    () => navigationRows({ hostIds, hosts, inventories, collapsedHosts, search }),
    [hostIds, hosts, inventories, collapsedHosts, search],
  );

  return (
    <nav className={css('pane')} aria-label="Hosts and VMs">
      <div className={css('top')}>
        <SearchField
          aria-label="Search hosts, VMs and snapshots"
          className={css('search')}
          value={search}
          onChange={(value) => {
            update((state) => ({ ...state, search: value }));
          }}
        >
          <Search size={14} aria-hidden className={css('searchIcon')} />
          <Input className={css('searchInput')} placeholder="Host, VM or snapshot" />
          {search !== '' && (
            <AriaButton className={css('clear')}>
              <X size={14} aria-hidden />
            </AriaButton>
          )}
        </SearchField>
        <Button
          iconOnly
          label="Add host"
          onPress={() => {
            showDialog({ kind: 'addHost' });
          }}
        >
          <Plus size={16} aria-hidden />
        </Button>
      </div>
      <div className={css('tree')}>
        {rows.length === 0 && search.trim() !== '' ? (
          <p className={css('nothing')} role="status">
            No host, VM or snapshot has “{search.trim()}” in its name.
          </p>
        ) : (
          <TreeGrid
            label="Hosts and VMs"
            rows={rows}
            rowHeight={(row) => heights[row.kind]}
            selectedKey={selectedRowKey(selection, vmIsKnown, rows)}
            onSelect={select}
            onToggle={(row, expanded) => {
              if (row.kind === 'host') update((state) => withHostCollapsed(state, row.entry.host.id, !expanded));
            }}
            textOf={textOf}
            nameOf={nameOf}
            rowClassName={(row) => css(row.kind, row.kind === 'vm' && row.stale && 'stale')}
            renderRow={(row) => <RowContent row={row} />}
          />
        )}
      </div>
    </nav>
  );
}

function select(row: NavigationRow): void {
  update((state) => {
    const { selection } = state;
    switch (row.kind) {
      case 'host':
        return withSelection(state, { hostId: row.entry.host.id, vmUuid: null, snapshotId: null });
      case 'vm': {
        const isSelected = selection.hostId === row.hostId && selection.vmUuid === row.vm.uuid;
        const snapshotId = isSelected ? selection.snapshotId : null;
        return withSelection(state, { hostId: row.hostId, vmUuid: row.vm.uuid, snapshotId });
      }
      case 'snapshot': {
        const { hostId, vmUuid, snapshot } = row;
        const revealed = withSnapshotRevealed(state, hostId, vmUuid, snapshot.id);
        return withSelection(revealed, { hostId, vmUuid, snapshotId: snapshot.id });
      }
    }
  });
}

/**
 * The row that is selected: the snapshot's where a search lists it, else the VM's, else the host's; the host's too for
 * a VM that was selected the last time and is not heard of yet.
 */
function selectedRowKey(
  { hostId, vmUuid, snapshotId }: SelectionState,
  isKnown: boolean,
  rows: readonly NavigationRow[],
): string | null {
  if (hostId === null) return null;
  if (vmUuid === null || !isKnown) return hostRowKey(hostId);
  if (snapshotId !== null) {
    const key = snapshotRowKey(hostId, vmUuid, snapshotId);
    if (rows.some((row) => row.key === key)) return key;
  }
  return vmRowKey(hostId, vmUuid);
}

function textOf(row: NavigationRow): string {
  switch (row.kind) {
    case 'host':
      return row.entry.host.name;
    case 'vm':
      return row.vm.name ?? row.vm.uuid;
    case 'snapshot':
      return row.snapshot.name;
  }
}

function nameOf(row: NavigationRow): string {
  const name = visibleString(textOf(row));
  switch (row.kind) {
    case 'host':
      return `${name}, ${hostLine(row)}`;
    case 'vm': {
      const snapshots = row.vm.readable ? `, ${count(row.vm.snapshots.length, 'snapshot')}` : '';
      const problems = row.problems.length > 0 ? `, ${problemCount(row.problems)}` : '';
      return `${name}, ${vmAppearance(row.vm).word}${snapshots}${problems}${row.stale ? ', last known' : ''}`;
    }
    case 'snapshot':
      return `Snapshot ${name}`;
  }
}

function hostLine(row: NavigationRow & { kind: 'host' }): string {
  const { word } = sessionAppearance(row.entry.session);
  const inventory = row.inventory?.inventory;
  const vms = inventory ? ` · ${count(inventory.vms.length, 'VM')}` : '';
  const unreadable = inventory?.vms.filter((vm) => !vm.readable).length ?? 0;
  const reading = row.inventory?.reading ? ' · reading…' : row.inventory?.error ? ' · last reading failed' : '';
  const problems = inventory?.problems ?? [];
  const incomplete = problems.length > 0 ? `, ${problemCount(problems)}` : '';
  return `${word}${vms}${unreadable > 0 ? `, ${unreadable} unreadable` : ''}${incomplete}${reading}`;
}

function RowContent({ row }: { readonly row: NavigationRow }) {
  switch (row.kind) {
    case 'host':
      return <HostRow row={row} />;
    case 'vm':
      return <VmRow row={row} />;
    case 'snapshot':
      return (
        <div className={css('line', 'snapshotLine')}>
          <CornerDownRight size={12} aria-hidden className={css('quiet')} />
          <span className={css('name')}>
            <HostText text={row.snapshot.name} />
          </span>
        </div>
      );
  }
}

/** What of a host could not be read. Its line says so too, but may be cut. */
function hostProblems({ inventory }: NavigationRow & { kind: 'host' }): readonly Problem[] {
  const read = inventory?.inventory;
  if (!read) return [];
  const unreadable = read.vms.flatMap((vm): Problem[] =>
    vm.readable ? [] : [{ severity: 'error', message: `${vm.name ?? vm.uuid} could not be read.` }],
  );
  return [...read.problems, ...unreadable];
}

function HostRow({ row }: { readonly row: NavigationRow & { kind: 'host' } }) {
  const { host, session } = row.entry;
  const { icon: StateIcon, tone } = sessionAppearance(session);
  const Chevron = row.expanded ? ChevronDown : ChevronRight;
  const HostIcon = host.connection.transport === 'local' ? Laptop : Server;
  return (
    <div className={css('line', 'hostLine')} title={hostAddress(host)}>
      <span
        aria-hidden
        className={css('chevron')}
        onMouseDown={(event) => {
          if (row.expanded === null) return;
          event.stopPropagation();
          event.preventDefault();
          update((state) => withHostCollapsed(state, host.id, row.expanded === true));
        }}
      >
        {row.expanded !== null && <Chevron size={14} />}
      </span>
      <HostIcon size={16} aria-hidden className={css('quiet')} />
      <span className={css('hostText')}>
        <span className={css('name', 'hostName')}>
          <HostText text={host.name} />
        </span>
        <span className={css('hostState', tone)}>
          <StateIcon size={12} aria-hidden className={css(session.state === 'connecting' && 'spinning')} />
          <span className={css('name')} title={hostLine(row)}>
            {hostLine(row)}
          </span>
        </span>
      </span>
      <ProblemMark problems={hostProblems(row)} />
    </div>
  );
}

/** States that most VMs are in: their shape says enough where there is little room for the name. */
const ordinary: ReadonlySet<string> = new Set(['running', 'shut off']);

/** Beside the name of what something is wrong with: the row's own name says it to a reader. */
function ProblemMark({ problems }: { readonly problems: readonly Problem[] }) {
  const worst = worstOf(problems);
  if (worst === null) return null;
  const Icon = worst === 'error' ? CircleAlert : TriangleAlert;
  return (
    <span
      className={css('problem', worst)}
      title={problems
        .slice(0, 8)
        .map(({ message }) => visibleString(message))
        .join('\n')}
    >
      <Icon size={13} aria-hidden />
    </span>
  );
}

function VmRow({ row }: { readonly row: NavigationRow & { kind: 'vm' } }) {
  const { vm } = row;
  const { word, icon: Icon, tone } = vmAppearance(vm);
  const name = vm.name ?? vm.uuid;
  return (
    <div className={css('line', 'vmLine')} title={vm.readable ? undefined : visibleString(vm.reason)}>
      <Icon size={13} aria-hidden className={css('stateIcon', tone)} />
      <span className={css('name')} title={visibleString(name)}>
        <HostText text={name} />
      </span>
      <ProblemMark problems={row.problems} />
      <span className={css('word', ordinary.has(word) && 'ordinary', tone === 'danger' && 'danger')}>{word}</span>
      <span className={css('snapshots')}>
        {vm.readable && vm.snapshots.length > 0 && (
          <>
            <Layers size={11} aria-hidden />
            {vm.snapshots.length}
          </>
        )}
      </span>
    </div>
  );
}
