import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { classes } from './classes.ts';
import { createRowSlots } from './row-slots.ts';
import { findTyped, moveFor, type NavigableRow } from './tree-navigation.ts';
import styles from './TreeGrid.module.css';
import { TreeGridRow, type RowEvents } from './TreeGridRow.tsx';

const css = classes(styles);

export interface TreeColumn {
  readonly id: string;
  readonly title: string;
  readonly className?: string | undefined;
}

interface TreeGridProps<Row extends NavigableRow> {
  readonly label: string;
  readonly rows: readonly Row[];
  /** With columns it is a treegrid, without it is a tree. Their widths come from CSS: `--tree-columns`. */
  readonly columns?: readonly TreeColumn[];
  /** In pixels. One and the same function as long as no height changes: with it, all heights are reckoned again. */
  readonly rowHeight: (row: Row) => number;
  /** Of the selected row that the keyboard is on. */
  readonly selectedKey: string | null;
  /** Of all that are selected, where several can be: then Ctrl, Shift and Space choose them. */
  readonly selectedKeys?: ReadonlySet<string>;
  readonly onSelect: (row: Row, how: SelectHow) => void;
  readonly onToggle: (row: Row, expanded: boolean) => void;
  /** Enter, the menu key, Shift+F10 or a right click; `point` is in the window, or null for the keyboard. */
  readonly onMenu?: (row: Row, anchor: HTMLElement, point: { readonly x: number; readonly y: number } | null) => void;
  /** Enter, where that is not the menu. */
  readonly onEnter?: (row: Row) => void;
  readonly onDelete?: (row: Row) => void;
  /** What type-ahead compares. */
  readonly textOf: (row: Row) => string;
  /** The accessible name of a row of a tree; the cells of a treegrid speak for themselves. */
  readonly nameOf?: (row: Row) => string;
  /** One and the same function as long as it draws the same: a row that is the same is not drawn again with it. */
  readonly renderRow: (row: Row) => ReactNode;
  readonly rowClassName?: (row: Row) => string | undefined;
  /** Whether two rows of one key look the same; by default, whether they are one object. */
  readonly isSameRow?: (a: Row, b: Row) => boolean;
  /** A row to scroll to once, when the grid appears or the key changes; the selected one by default. */
  readonly revealKey?: string | null;
}

/** replace: it alone. toggle: it as well, or not any more. extend: from where the selection began up to it. */
export type SelectHow = 'replace' | 'toggle' | 'extend';

const typeAheadMilliseconds = 700;

/**
 * Rows of a tree, drawn only where they can be seen, with the keyboard of the ARIA practices and one tab stop. Only the
 * row that has the tab stop is kept drawn when it scrolls out of view, so that the focus is never lost.
 */
export function TreeGrid<Row extends NavigableRow>(props: TreeGridProps<Row>) {
  const { rows, columns, selectedKey, label } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: '', at: 0 });
  const focusWanted = useRef(false);
  const hadFocus = useRef(false);
  const selectedIndex = useIndexOf(rows, selectedKey);
  const hasSelection = rows[selectedIndex]?.key === selectedKey;

  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (selectedIndex < range.count && !shown.includes(selectedIndex)) shown.push(selectedIndex);
      return shown.sort((a, b) => a - b);
    },
    [selectedIndex],
  );
  const { rowHeight } = props;
  // The virtualizer measures every row again where one of these two is another function.
  const estimateSize = useCallback(
    (index: number) => {
      const row = rows[index];
      return row ? rowHeight(row) : 0;
    },
    [rows, rowHeight],
  );
  const getItemKey = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of it is handed to a memoised child
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize,
    getItemKey,
    overscan: 4,
    rangeExtractor,
  });

  const rowElement = (key: string) =>
    scroller.current?.querySelector<HTMLElement>(`[data-row-key="${CSS.escape(key)}"]`) ?? null;

  // The row that is selected gets the focus once it is drawn, where a key moved it or where the focused row went away.
  useLayoutEffect(() => {
    const focusWasLost = hadFocus.current && document.activeElement === document.body;
    if ((!focusWanted.current && !focusWasLost) || selectedKey === null) return;
    const element = rowElement(selectedKey);
    if (!element) return;
    element.focus({ preventScroll: true });
    focusWanted.current = false;
  });

  const revealKey = props.revealKey ?? selectedKey;
  const revealed = useRef<string | null>(null);
  useEffect(() => {
    if (revealKey === null || revealed.current === revealKey) return;
    const index = rows.findIndex((row) => row.key === revealKey);
    if (index < 0) return;
    revealed.current = revealKey;
    virtualizer.scrollToIndex(index, { align: 'auto' });
  }, [revealKey, rows, virtualizer]);

  const select = (index: number, how: SelectHow = 'replace') => {
    const row = rows[index];
    if (!row) return;
    focusWanted.current = true;
    virtualizer.scrollToIndex(index, { align: 'auto' });
    props.onSelect(row, props.selectedKeys === undefined ? 'replace' : how);
    if (row.key === selectedKey) rowElement(row.key)?.focus({ preventScroll: true });
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLDivElement>) => {
    const row = rows[selectedIndex];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const pageSize = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / props.rowHeight(row)) - 1);
    const handled = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    const isMenuKey = event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10');
    if (event.key === 'Enter' || isMenuKey) {
      handled();
      const element = rowElement(row.key);
      if (props.onEnter && !isMenuKey) props.onEnter(row);
      else if (element) props.onMenu?.(row, element, null);
      return;
    }
    if (event.key === 'Escape' && (props.selectedKeys?.size ?? 0) > 1) {
      handled();
      select(selectedIndex);
      return;
    }
    if (event.key === 'Delete' && props.onDelete) {
      handled();
      props.onDelete(row);
      return;
    }
    const move = moveFor(event.key, selectedIndex, rows, pageSize);
    if (move) {
      handled();
      if (move.kind === 'focus')
        select(hasSelection ? move.index : selectedIndex, event.shiftKey ? 'extend' : 'replace');
      else if (move.kind === 'toggle') props.onToggle(row, move.expanded);
      return;
    }
    if (event.key.length === 1 && (event.key !== ' ' || typed.current.text !== '')) {
      handled();
      const now = event.timeStamp;
      const text = now - typed.current.at < typeAheadMilliseconds ? typed.current.text + event.key : event.key;
      typed.current = { text, at: now };
      const found = findTyped(text, selectedIndex, rows.length, (index) => {
        const candidate = rows[index];
        return candidate ? props.textOf(candidate) : '';
      });
      if (found >= 0) select(found);
    }
  };

  const current = useRef({ select, props });
  useLayoutEffect(() => {
    current.current = { select, props };
  });
  // The same for as long as the grid is there, so that a row is drawn again only for what it shows.
  const [rowEvents] = useState<RowEvents>(() => ({
    select(index, how) {
      current.current.select(index, how);
    },
    openMenu(index, anchor, point) {
      const row = current.current.props.rows[index];
      // The menu of several is opened on one of them.
      const isOneOfSeveral = row !== undefined && current.current.props.selectedKeys?.has(row.key) === true;
      if (!isOneOfSeveral) current.current.select(index);
      if (row) current.current.props.onMenu?.(row, anchor, point);
    },
    toggle(index) {
      const row = current.current.props.rows[index];
      if (row && row.expanded !== null) current.current.props.onToggle(row, !row.expanded);
    },
  }));

  const isGrid = columns !== undefined;
  const [slots] = useState(createRowSlots);
  const items = virtualizer.getVirtualItems();
  const slotOfItem = slots.assign(items.map(({ key }) => String(key)));
  const content = (
    <div ref={scroller} className={css('scroller')} role={isGrid ? 'rowgroup' : 'presentation'}>
      <div className={css('content')} role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item, place) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <TreeGridRow
              key={slotOfItem[place]}
              row={row}
              index={item.index}
              start={item.start}
              size={item.size}
              isGrid={isGrid}
              isSelected={props.selectedKeys?.has(row.key) ?? row.key === selectedKey}
              hasTabStop={item.index === selectedIndex}
              className={props.rowClassName?.(row)}
              name={props.nameOf?.(row)}
              events={rowEvents}
              renderRow={props.renderRow}
              isSameRow={props.isSameRow}
            />
          );
        })}
      </div>
    </div>
  );

  return (
    <div
      className={css('grid')}
      role={isGrid ? 'treegrid' : 'tree'}
      aria-label={label}
      {...(props.selectedKeys === undefined ? {} : { 'aria-multiselectable': true })}
      {...(isGrid ? { 'aria-rowcount': rows.length + 1 } : {})}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        hadFocus.current = true;
        const key = event.target.dataset['rowKey'];
        if (key !== undefined) slots.holdFocused(key);
      }}
      onBlur={(event) => {
        const element = event.target;
        const grid = event.currentTarget;
        // A row that was taken away while it had the focus did not give it up: the next one takes it over.
        queueMicrotask(() => {
          if (element.isConnected && !grid.contains(document.activeElement)) hadFocus.current = false;
        });
      }}
    >
      {columns && (
        <div role="rowgroup">
          <div className={css('header')} role="row" aria-rowindex={1}>
            {columns.map((column) => (
              <div
                key={column.id}
                role="columnheader"
                className={
                  column.className === undefined ? css('columnHeader') : `${css('columnHeader')} ${column.className}`
                }
              >
                {column.title}
              </div>
            ))}
          </div>
        </div>
      )}
      {content}
    </div>
  );
}

/** The place of the row with this key; 0 where there is none. */
function useIndexOf(rows: readonly NavigableRow[], key: string | null): number {
  return useMemo(
    () =>
      Math.max(
        rows.findIndex((row) => row.key === key),
        0,
      ),
    [rows, key],
  );
}
