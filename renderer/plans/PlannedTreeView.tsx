import { Minus, Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { TreeGrid } from '../design/TreeGrid.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { LaneGraph } from '../tree/LaneGraph.tsx';
import { laneMetrics } from '../tree/lane-metrics.ts';
import { hereKey, layoutTree, type TreeRow } from '../tree/layout.ts';
import type { PlannedTree } from './plan-changes.ts';
import styles from './PlannedTreeView.module.css';

const css = classes(styles);
const rowHeight = 24;
const nothingCollapsed: ReadonlySet<string> = new Set();

/** The tree as it will be, with what is new and what goes marked in words. */
export function PlannedTreeView({
  tree,
  plan,
  vm,
}: {
  readonly tree: PlannedTree;
  readonly plan: Plan;
  readonly vm: ReadableVm;
}) {
  const layout = useMemo(
    () => layoutTree(tree.snapshots, plan.after.currentSnapshotId, nothingCollapsed),
    [tree.snapshots, plan.after.currentSnapshotId],
  );
  const metrics = laneMetrics(layout.laneCount);
  const isChange = (row: TreeRow) =>
    row.snapshot
      ? tree.added.has(row.snapshot.id) || tree.removed.has(row.snapshot.id) || tree.renamed === row.snapshot.id
      : tree.hereMoves;
  const firstChange =
    layout.rows.find((row) => row.snapshot && isChange(row)) ?? layout.rows.find((row) => !row.snapshot);
  const [selectedKey, setSelectedKey] = useState(firstChange?.key ?? null);
  const wordFor = (row: TreeRow): string => {
    if (!row.snapshot) return tree.hereMoves ? 'moves here' : '';
    if (tree.added.has(row.snapshot.id)) return 'new';
    if (tree.renamed === row.snapshot.id) return 'renamed';
    return tree.removed.has(row.snapshot.id) ? 'removed' : '';
  };
  return (
    <div className={css('frame')} style={{ height: Math.min(layout.rows.length, 11) * rowHeight + 2 }}>
      <TreeGrid
        label={`Snapshots of ${visibleString(vm.name)} afterwards`}
        rows={layout.rows}
        rowHeight={() => rowHeight}
        selectedKey={selectedKey}
        revealKey={tree.hereMoves ? hereKey : (firstChange?.key ?? null)}
        onSelect={(row) => {
          setSelectedKey(row.key);
        }}
        onToggle={() => undefined}
        textOf={(row) => row.snapshot?.name ?? 'You are here'}
        nameOf={(row) => `${row.snapshot ? visibleString(row.snapshot.name) : 'You are here'} ${wordFor(row)}`.trim()}
        renderRow={(row) => {
          const removed = row.snapshot !== null && tree.removed.has(row.snapshot.id);
          const added = row.snapshot !== null && tree.added.has(row.snapshot.id);
          return (
            <div className={css('line', removed && 'removed', !row.snapshot && 'here')}>
              <LaneGraph row={row} metrics={metrics} height={rowHeight} />
              <span className={css('name')}>
                {row.snapshot ? <HostText text={row.snapshot.name} /> : 'You are here'}
              </span>
              {added && (
                <Chip tone="success" icon={<Plus size={10} aria-hidden />}>
                  new
                </Chip>
              )}
              {row.snapshot !== null && tree.renamed === row.snapshot.id && <Chip tone="accent">renamed</Chip>}
              {removed && (
                <Chip tone="danger" icon={<Minus size={10} aria-hidden />}>
                  removed
                </Chip>
              )}
              {!row.snapshot && tree.hereMoves && <Chip tone="accent">moves here</Chip>}
            </div>
          );
        }}
      />
    </div>
  );
}
