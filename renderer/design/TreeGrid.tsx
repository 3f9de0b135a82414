import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useRef, type ReactNode } from 'react';
import { classes } from './classes.ts';
import { findTyped, moveFor, type NavigableRow } from './tree-navigation.ts';
import styles from './TreeGrid.module.css';

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
  readonly rowHeight: (row: Row) => number;
  readonly selectedKey: string | null;
  readonly onSelect: (row: Row) => void;
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
  readonly renderRow: (row: Row) => ReactNode;
  readonly rowClassName?: (row: Row) => string | undefined;
  /** A row to scroll to once, when the grid appears or the key changes; the selected one by default. */
  readonly revealKey?: string | null;
}

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
  const selectedIndex = Math.max(
    rows.findIndex((row) => row.key === selectedKey),
    0,
  );
  const hasSelection = rows[selectedIndex]?.key === selectedKey;

  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (selectedIndex < range.count && !shown.includes(selectedIndex)) shown.push(selectedIndex);
      return shown.sort((a, b) => a - b);
    },
    [selectedIndex],
  );
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of it is handed to a memoised child
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => {
      const row = rows[index];
      return row ? props.rowHeight(row) : 0;
    },
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 8,
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

  const select = (index: number) => {
    const row = rows[index];
    if (!row) return;
    focusWanted.current = true;
    virtualizer.scrollToIndex(index, { align: 'auto' });
    props.onSelect(row);
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
    if (event.key === 'Delete' && props.onDelete) {
      handled();
      props.onDelete(row);
      return;
    }
    const move = moveFor(event.key, selectedIndex, rows, pageSize);
    if (move) {
      handled();
      if (move.kind === 'focus') select(hasSelection ? move.index : selectedIndex);
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

  const isGrid = columns !== undefined;
  const items = virtualizer.getVirtualItems();
  const content = (
    <div ref={scroller} className={css('scroller')} role={isGrid ? 'rowgroup' : 'presentation'}>
      <div className={css('content')} role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const extra = props.rowClassName?.(row);
          return (
            <div
              key={item.key}
              role={isGrid ? 'row' : 'treeitem'}
              data-row-key={row.key}
              className={extra === undefined ? css('row') : `${css('row')} ${extra}`}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              tabIndex={item.index === selectedIndex ? 0 : -1}
              aria-level={row.level}
              aria-posinset={row.positionInSet}
              aria-setsize={row.setSize}
              aria-selected={row.key === selectedKey}
              {...(isGrid ? { 'aria-rowindex': item.index + 2 } : {})}
              {...(row.expanded === null ? {} : { 'aria-expanded': row.expanded })}
              {...(props.nameOf ? { 'aria-label': props.nameOf(row) } : {})}
              onMouseDown={(event) => {
                if (event.button === 0) select(item.index);
              }}
              onContextMenu={(event) => {
                event.preventDefault();
                select(item.index);
                props.onMenu?.(row, event.currentTarget, { x: event.clientX, y: event.clientY });
              }}
              onDoubleClick={() => {
                if (row.expanded !== null) props.onToggle(row, !row.expanded);
              }}
            >
              {props.renderRow(row)}
            </div>
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
      {...(isGrid ? { 'aria-rowcount': rows.length + 1 } : {})}
      onKeyDown={onKeyDown}
      onFocus={() => {
        hadFocus.current = true;
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
