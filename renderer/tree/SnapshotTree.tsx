import { MapPin, TriangleAlert } from 'lucide-react';
import { memo, useCallback, useMemo, useRef } from 'react';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { Chip } from '../design/Chip.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { TreeGrid, type SelectHow, type TreeColumn } from '../design/TreeGrid.tsx';
import { useNow } from '../design/use-now.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { pathBetween } from '../../shared/rules/snapshots/snapshot-range.ts';
import { findPoint, findSnapshot, selectedOf } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import { useRestorePoints } from '../store/use-restore-points.ts';
import { nameOfPoint, pointKey } from '../../shared/rules/snapshots/restore-points.ts';
import { LaneGraph } from './LaneGraph.tsx';
import { laneMetrics, type LaneMetrics } from './lane-metrics.ts';
import { lackMarks, type LackMark } from './lack-marks.ts';
import { hereKey, layoutTree, snapshotKey, type TreeRow } from './layout.ts';
import { chevron, rowIcon, RowIcons } from './row-icons.tsx';
import { HereCells, PointCells, SnapshotCells } from './RowCells.tsx';
import { isSameRow } from './same-row.ts';
import styles from './SnapshotTree.module.css';

const css = classes(styles);
export const rowHeight = 28;

const columns: readonly TreeColumn[] = [
  { id: 'name', title: 'Snapshot' },
  { id: 'created', title: 'Created' },
  { id: 'kind', title: 'Kind' },
  { id: 'description', title: 'Description' },
  { id: 'disks', title: 'Disks' },
];

interface SnapshotTreeProps {
  readonly hostId: string;
  readonly vm: ReadableVm;
  /** What is shown is what was last known. */
  readonly stale: boolean;
  readonly collapsed: ReadonlySet<string>;
  /** Rows whose name holds this are marked. */
  readonly search: string;
  /**
   * @param others what is selected besides, null being "you are here"
   * @param pointKey of the restore point that is selected in place of "you are here"
   */
  readonly onSelect: (snapshotId: string | null, others: readonly (string | null)[], pointKey?: string) => void;
  readonly onToggle: (rowKey: string, expanded: boolean) => void;
  readonly onMenu: (anchor: HTMLElement, point: { readonly x: number; readonly y: number } | null) => void;
  readonly onDelete: () => void;
}

/** The snapshots of a VM as a treegrid with lanes. */
export const SnapshotTree = memo(function SnapshotTree(props: SnapshotTreeProps) {
  const { hostId, vm, stale, collapsed, search, onSelect, onToggle, onMenu, onDelete } = props;
  const { snapshots, currentSnapshotId } = vm;
  const now = useNow();
  const lacks = useStore((state) => lackMarks(snapshots, state.inventories[hostId]?.inventory?.images));
  const points = useRestorePoints(hostId, vm);
  const layout = useMemo(
    () => layoutTree(snapshots, currentSnapshotId, collapsed, lacks, points),
    [snapshots, currentSnapshotId, collapsed, lacks, points],
  );
  const metrics = useMemo(() => laneMetrics(layout.laneCount), [layout.laneCount]);
  const keys = useMemo(() => new Set(layout.rows.map((row) => row.key)), [layout]);
  // Null: "you are here".
  const selectedId = useStore((state) => findSnapshot(vm, state.selection.snapshotId)?.id ?? null);
  const selection = useStore((state) => state.selection);
  const point = findPoint(points, selection);
  const selectedKey = point ? pointKey(point) : keyOf(selectedId);
  const selected = useMemo(() => selectedOf(vm, selection), [vm, selection]);
  const selectedKeys = useMemo(
    () => new Set((point ? [selectedKey] : [...selected].map(keyOf)).filter((key) => keys.has(key))),
    [selected, keys, point, selectedKey],
  );
  // Where Shift counts from: the row that was chosen last without it.
  const anchor = useRef<string | null>(selectedId);
  const select = (id: string | null, how: SelectHow) => {
    if (how === 'toggle') {
      const next = new Set(selected);
      // One is always selected.
      if (next.has(id) && next.size > 1) next.delete(id);
      else next.add(id);
      const lead = next.has(id) ? id : ([...next].at(-1) ?? null);
      anchor.current = lead;
      onSelect(
        lead,
        [...next].filter((each) => each !== lead),
      );
      return;
    }
    if (how === 'replace') anchor.current = id;
    const extended = how === 'extend' ? between(anchor.current, id, layout.rows, vm) : [];
    onSelect(
      id,
      extended.filter((each) => each !== id),
    );
  };
  const disks = vm.disks.filter((disk) => disk.source !== null).length;
  const hasNoCurrent = currentSnapshotId === null && snapshots.length > 0;
  const here = useMemo(
    () => (
      <HereCells
        state={vm.state}
        hasManagedSave={vm.hasManagedSave}
        disks={disks}
        hasNoCurrent={hasNoCurrent}
        stale={stale}
      />
    ),
    [vm.state, vm.hasManagedSave, disks, hasNoCurrent, stale],
  );
  const renderRow = useCallback(
    (row: TreeRow) => (
      <>
        <NameCell row={row} currentSnapshotId={currentSnapshotId} metrics={metrics} onToggle={onToggle} />
        {row.snapshot ? (
          <SnapshotCells snapshot={row.snapshot} now={now} />
        ) : row.point ? (
          <PointCells point={row.point} disks={disks} now={now} />
        ) : (
          here
        )}
      </>
    ),
    [currentSnapshotId, metrics, onToggle, now, here, disks],
  );
  return (
    <div className={css('columns')}>
      <RowIcons />
      <TreeGrid
        label={`Snapshots of ${visibleString(vm.name)}`}
        rows={layout.rows}
        columns={columns}
        rowHeight={heightOf}
        // The row that stands for the selection: where "you are here" is hidden by a collapsed row, none.
        selectedKey={keys.has(selectedKey) ? selectedKey : null}
        selectedKeys={selectedKeys}
        onSelect={(row, how) => {
          // One of them at a time: nothing is done with several.
          if (row.point) onSelect(null, [], row.key);
          else select(row.snapshot?.id ?? null, how);
        }}
        onToggle={(row, expanded) => {
          onToggle(row.key, expanded);
        }}
        onMenu={(_row, anchor, point) => {
          onMenu(anchor, point);
        }}
        onDelete={(row) => {
          if (row.snapshot) onDelete();
        }}
        textOf={textOf}
        rowClassName={(row) =>
          css(
            'row',
            !row.snapshot && !row.point && 'here',
            search !== '' && row.snapshot?.name.toLocaleLowerCase().includes(search) && 'found',
          )
        }
        renderRow={renderRow}
        isSameRow={isSameRow}
      />
    </div>
  );
});

const keyOf = (id: string | null): string => (id === null ? hereKey : snapshotKey(id));

/** What Shift selects: the line of the tree where one was made on the other, and otherwise every row between them. */
function between(
  from: string | null,
  to: string | null,
  rows: readonly TreeRow[],
  { snapshots, currentSnapshotId }: ReadableVm,
): readonly (string | null)[] {
  const path = pathBetween(from, to, snapshots, currentSnapshotId);
  if (path !== null) return path;
  const places = [from, to].map((id) => rows.findIndex((row) => row.key === keyOf(id)));
  const [first = -1, last = -1] = places.sort((a, b) => a - b);
  if (first < 0) return [to];
  return rows.slice(first, last + 1).map(({ snapshot }) => snapshot?.id ?? null);
}

const heightOf = () => rowHeight;
const textOf = (row: TreeRow) => row.snapshot?.name ?? (row.point ? nameOfPoint(row.point) : 'You are here');

function NameCell({
  row,
  currentSnapshotId,
  metrics,
  onToggle,
}: {
  readonly row: TreeRow;
  readonly currentSnapshotId: string | null;
  readonly metrics: LaneMetrics;
  readonly onToggle: SnapshotTreeProps['onToggle'];
}) {
  const isCurrent = row.snapshot !== null && row.snapshot.id === currentSnapshotId;
  return (
    <div role="gridcell" className={css('cell', 'name')}>
      <LaneGraph row={row} metrics={metrics} height={rowHeight} />
      {/* For the mouse only: the keyboard has the arrow keys, and a reader has aria-expanded. */}
      <span
        aria-hidden
        className={css('chevron', (row.branches || row.expanded === false) && 'always')}
        onMouseDown={(event) => {
          if (row.expanded === null) return;
          event.stopPropagation();
          event.preventDefault();
          onToggle(row.key, !row.expanded);
        }}
      >
        {row.expanded !== null && chevron(row.expanded)}
      </span>
      {row.snapshot ? (
        <span className={css('text')} title={visibleString(row.snapshot.name)}>
          <HostText text={row.snapshot.name} />
        </span>
      ) : row.point ? (
        <span className={css('text')} title={visibleString(row.point.file ?? nameOfPoint(row.point))}>
          <HostText text={nameOfPoint(row.point)} />
        </span>
      ) : (
        <span className={css('text', 'hereText')}>You are here</span>
      )}
      {row.lack && lackSign(row.lack)}
      {isCurrent && <Chip title="The present state of the VM was built on this snapshot">current</Chip>}
      {row.hiddenCount > 0 && (
        <Chip
          tone={row.hidesHere ? 'accent' : 'neutral'}
          icon={row.hidesHere && <MapPin size={11} aria-hidden />}
          title={`${count(row.hiddenCount, 'row')} hidden${row.hidesHere ? ', you are here among them' : ''}`}
        >
          {row.hiddenCount} hidden
          {/* The name beside it needs the room: the pin says it. */}
          {row.hidesHere && <span className={css('spoken')}>, you are here among them</span>}
        </Chip>
      )}
      {row.oddity && (
        <Chip tone="warning" icon={<TriangleAlert size={11} aria-hidden />} title={oddityExplanations[row.oddity]}>
          {oddityWords[row.oddity]}
        </Chip>
      )}
    </div>
  );
}

/** Small, so that the name has the room; the details list what it is. */
function lackSign({ severity, words }: LackMark) {
  const what = severity === 'error' ? 'lacks what a revert needs' : 'may lack what a revert needs';
  return (
    <span className={css('lack', severity)} title={visibleString(`${what}: ${words}`)}>
      {rowIcon(severity, 14)}
      <span className={css('spoken')}>, {what}</span>
    </span>
  );
}

const oddityWords = { missingParent: 'parent missing', cycle: 'parents in a circle' } as const;
const oddityExplanations = {
  missingParent: 'The record of this snapshot names a parent that does not exist. It is shown as a root.',
  cycle: 'The records name each other as parents in a circle. The oldest is shown as the root.',
} as const;
