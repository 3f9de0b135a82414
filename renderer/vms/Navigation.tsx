import { Search, X } from 'lucide-react';
import { memo, useMemo } from 'react';
import { Button as AriaButton, Input, SearchField } from 'react-aria-components';
import { classes } from '../design/classes.ts';
import { TreeGrid } from '../design/TreeGrid.tsx';
import { withHostCollapsed, withSelection, withSnapshotRevealed } from '../store/reducers.ts';
import { findVm, type SelectionState } from '../store/state.ts';
import { update, useStore } from '../store/store.ts';
import { AddHostMenu } from './AddHostMenu.tsx';
import {
  firstHit,
  hostRowKey,
  navigationRows,
  snapshotRowKey,
  vmRowKey,
  type NavigationRow,
} from './navigation-rows.ts';
import { isSameRow } from './same-row.ts';
import styles from './Navigation.module.css';
import { RowContent } from './RowContent.tsx';
import { nameOf, textOf } from './row-words.ts';

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
  const hostId = useStore((state) => state.selection.hostId);
  const vmUuid = useStore((state) => state.selection.vmUuid);
  // Only a search lists snapshots.
  const snapshotId = useStore((state) => (state.search.trim() === '' ? null : state.selection.snapshotId));
  const vmIsKnown = useStore((state) => findVm(state, hostId, vmUuid) !== null);
  const rows = useMemo(
    () => navigationRows({ hostIds, hosts, inventories, collapsedHosts, search }),
    [hostIds, hosts, inventories, collapsedHosts, search],
  );
  const selectedKey = useMemo(
    () => selectedRowKey({ hostId, vmUuid, snapshotId }, vmIsKnown, rows),
    [hostId, vmUuid, snapshotId, vmIsKnown, rows],
  );

  return (
    <nav className={css('pane')} aria-label="Hosts and VMs">
      <Top />
      <div className={css('tree')}>
        {rows.length === 0 && search.trim() !== '' ? (
          <p className={css('nothing')} role="status">
            No host, VM or snapshot has “{search.trim()}” in its name.
          </p>
        ) : (
          <TreeGrid
            label="Hosts and VMs"
            rows={rows}
            rowHeight={heightOf}
            selectedKey={selectedKey}
            onSelect={select}
            onToggle={toggle}
            onEnter={goInto}
            textOf={textOf}
            nameOf={nameOf}
            rowClassName={classNameOf}
            renderRow={renderRow}
            isSameRow={isSameRow}
          />
        )}
      </div>
    </nav>
  );
}

/** Not with the tree: it knows of no reading. */
const Top = memo(function Top() {
  const search = useStore((state) => state.search);
  return (
    <div className={css('top')}>
      <SearchField
        aria-label="Search hosts, VMs and snapshots"
        className={css('search')}
        value={search}
        onChange={(value) => {
          update((state) => ({ ...state, search: value }));
        }}
        onSubmit={goToFirstHit}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') goToFirstHit();
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
      <AddHostMenu />
    </div>
  );
});

const heightOf = (row: NavigationRow) => heights[row.kind];
const classNameOf = (row: NavigationRow) => css(row.kind, row.kind === 'vm' && row.stale && 'stale');
const renderRow = (row: NavigationRow) => <RowContent row={row} />;

function toggle(row: NavigationRow, expanded: boolean): void {
  if (row.kind === 'host') update((state) => withHostCollapsed(state, row.entry.host.id, !expanded));
}

/** From the search into the list, to what was found first. */
function goToFirstHit(): void {
  const { search, ...state } = useStore.getState();
  const hit =
    search.trim() === ''
      ? undefined
      : firstHit(navigationRows({ ...state, hostIds: state.hostIds ?? noHosts, search }), search);
  if (hit) select(hit);
  // When the row that is selected now has the tab stop.
  setTimeout(() => {
    document.querySelector<HTMLElement>('nav [role=treeitem][tabindex="0"]')?.focus();
  });
}

/** From a row to what it shows: a VM's snapshots, or the first thing that can be done with a host. */
function goInto(row: NavigationRow): void {
  select(row);
  setTimeout(() => {
    const targets = ['main [role=row][tabindex="0"]', 'main [role=toolbar] button'];
    const found = targets.map((target) => document.querySelector<HTMLElement>(target)).find((each) => each !== null);
    found?.focus();
  });
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
