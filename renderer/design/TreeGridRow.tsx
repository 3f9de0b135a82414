import { memo, useMemo, type ReactNode } from 'react';
import { classes } from './classes.ts';
import type { SelectHow } from './TreeGrid.tsx';
import type { NavigableRow } from './tree-navigation.ts';
import styles from './TreeGrid.module.css';

const css = classes(styles);

/** What is done with a row by the mouse, by its index. */
export interface RowEvents {
  select(index: number, how: SelectHow): void;
  openMenu(index: number, anchor: HTMLElement, point: { readonly x: number; readonly y: number }): void;
  toggle(index: number): void;
}

interface TreeGridRowProps<Row extends NavigableRow> {
  readonly row: Row;
  readonly index: number;
  /** Pixels from the top of all rows. */
  readonly start: number;
  readonly size: number;
  readonly isGrid: boolean;
  readonly isSelected: boolean;
  readonly hasTabStop: boolean;
  readonly className: string | undefined;
  readonly name: string | undefined;
  readonly events: RowEvents;
  readonly renderRow: (row: Row) => ReactNode;
  readonly isSameRow: ((a: Row, b: Row) => boolean) | undefined;
}

function PlainTreeGridRow<Row extends NavigableRow>({
  row,
  index,
  start,
  size,
  isGrid,
  isSelected,
  hasTabStop,
  className,
  name,
  events,
  renderRow,
}: TreeGridRowProps<Row>) {
  // Whether it is selected changes nothing of what stands in it.
  const content = useMemo(() => renderRow(row), [renderRow, row]);
  return (
    <div
      role={isGrid ? 'row' : 'treeitem'}
      data-row-key={row.key}
      className={className === undefined ? css('row') : `${css('row')} ${className}`}
      style={{ height: size, transform: `translateY(${start}px)` }}
      tabIndex={hasTabStop ? 0 : -1}
      aria-level={row.level}
      aria-posinset={row.positionInSet}
      aria-setsize={row.setSize}
      aria-selected={isSelected}
      {...(isGrid ? { 'aria-rowindex': index + 2 } : {})}
      {...(row.expanded === null ? {} : { 'aria-expanded': row.expanded })}
      {...(name === undefined ? {} : { 'aria-label': name })}
      onMouseDown={(event) => {
        if (event.button !== 0) return;
        events.select(index, event.shiftKey ? 'extend' : event.ctrlKey || event.metaKey ? 'toggle' : 'replace');
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        events.openMenu(index, event.currentTarget, { x: event.clientX, y: event.clientY });
      }}
      onDoubleClick={() => {
        events.toggle(index);
      }}
    >
      {content}
    </div>
  );
}

/** One row of a tree, drawn again only where it looks different: of thousands, a change concerns a few. */
export const TreeGridRow = memo(PlainTreeGridRow, (before, after) => {
  const keys = Object.keys(after) as (keyof typeof after)[];
  return keys.every((key) => {
    if (key !== 'row') return Object.is(before[key], after[key]);
    return before.row === after.row || (after.isSameRow?.(before.row, after.row) ?? false);
  });
}) as typeof PlainTreeGridRow;
