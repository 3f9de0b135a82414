/** Columns of text. */

const segmenter = new Intl.Segmenter();

/** How many columns of a terminal a text takes; without styles in it. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += isWide(segment) ? 2 : 1;
  return width;
}

function isWide(segment: string): boolean {
  const code = segment.codePointAt(0) ?? 0;
  // The blocks that terminals draw over two columns (Unicode 16, EastAsianWidth.txt W and F, in the large).
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

export interface Cell {
  readonly text: string;
  /** Puts a style around the text; must not change what is seen of it. */
  readonly paint?: (text: string) => string;
}

/** Rows as lines with columns two spaces apart. A row of one cell goes over all columns. */
export function tableLines(rows: readonly (readonly (Cell | string)[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)));
  const widths: number[] = [];
  for (const row of cells) {
    if (row.length === 1) continue;
    for (const [column, { text }] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(text));
  }
  return cells.map((row) => {
    const last = row.findLastIndex(({ text }) => text !== '');
    return row
      .slice(0, last + 1)
      .map(({ text, paint = (plain) => plain }, column) => {
        const room = column === last ? 0 : (widths[column] ?? 0) - widthOf(text) + 2;
        return paint(text) + ' '.repeat(room);
      })
      .join('');
  });
}
