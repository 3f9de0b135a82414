/** Where the keyboard goes in a tree of rows, as the ARIA Authoring Practices have it for trees and treegrids. */
export interface NavigableRow {
  readonly key: string;
  readonly level: number;
  readonly positionInSet: number;
  readonly setSize: number;
  readonly parentIndex: number;
  /** Null where there is nothing to expand. */
  readonly expanded: boolean | null;
}

export type Move =
  | { readonly kind: 'focus'; readonly index: number }
  | { readonly kind: 'toggle'; readonly expanded: boolean }
  | { readonly kind: 'none' };

const none: Move = { kind: 'none' };

/** What a key means on the row at `index`; null for a key that is not ours. `pageSize` is in rows. */
export function moveFor(key: string, index: number, rows: readonly NavigableRow[], pageSize: number): Move | null {
  const row = rows[index];
  if (!row) return null;
  const focus = (target: number): Move => ({ kind: 'focus', index: Math.min(Math.max(target, 0), rows.length - 1) });
  switch (key) {
    case 'ArrowDown':
      return focus(index + 1);
    case 'ArrowUp':
      return focus(index - 1);
    case 'PageDown':
      return focus(index + pageSize);
    case 'PageUp':
      return focus(index - pageSize);
    case 'Home':
      return focus(0);
    case 'End':
      return focus(rows.length - 1);
    case 'ArrowRight':
      if (row.expanded === false) return { kind: 'toggle', expanded: true };
      return row.expanded ? focus(index + 1) : none;
    case 'ArrowLeft':
      if (row.expanded) return { kind: 'toggle', expanded: false };
      return row.parentIndex >= 0 ? focus(row.parentIndex) : none;
    default:
      return null;
  }
}

/** The next row after `index`, round the end, whose text begins with `typed`; -1 for none. A longer word may stay put. */
export function findTyped(typed: string, index: number, length: number, textOf: (index: number) => string): number {
  const wanted = typed.toLocaleLowerCase();
  const first = typed.length > 1 ? 0 : 1;
  for (let offset = first; offset < length + first; offset += 1) {
    const candidate = (index + offset) % length;
    if (textOf(candidate).toLocaleLowerCase().startsWith(wanted)) return candidate;
  }
  return -1;
}
