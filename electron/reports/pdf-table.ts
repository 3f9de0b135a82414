/** Tables of the PDF: cells of several lines, rows over page ends, the heading again on every page. */
import { setImmediate } from 'node:timers/promises';
import { colours, innerWidth, lineHeight, margin } from './pdf-page.ts';
import type { PdfPages, TextStyle } from './pdf-page.ts';

export interface PdfColumn {
  readonly title: string;
  /** Points. */
  readonly width: number;
  readonly numeric?: boolean;
}

export interface PdfCell {
  readonly text: string;
  readonly bold?: boolean;
  readonly colour?: string;
  /** Points that the text stands in from the left. */
  readonly indent?: number;
}

export interface PdfRow {
  readonly cells: readonly PdfCell[];
  /** Draws beside the text of the row, in the box that it takes on this page. */
  readonly decorate?: (x: number, top: number, height: number, isFirstPart: boolean) => void;
}

export interface PdfBefore {
  /** Points. */
  readonly height: number;
  readonly draw: () => void;
}

const size = 7.5;
const step = lineHeight(size);
const padding = 3;
/** Rows of more lines may be split over pages. */
const mostTogether = 30;
const gap = 6;
/** Numbers stand at the right of their column; without it, close to what follows. */
const numericGap = 6;

/**
 * Draws a table at the cursor. `before` is drawn above it, on the same page as its first row. `again` is called at the top of each further page, before the heading is repeated, to say
 * what the table is of.
 */
export async function drawTable(
  pages: PdfPages,
  columns: readonly PdfColumn[],
  rows: readonly PdfRow[],
  { before, again }: { before?: PdfBefore; again?: () => void } = {},
): Promise<void> {
  const { doc } = pages;
  const table = doc.struct('Table');
  const headStyle: TextStyle = { size: 7, font: 'bold', colour: colours.soft };
  const lefts = columns.map((_, index) => columns.slice(0, index).reduce((left, { width }) => left + width, margin));
  const left = (index: number): number => lefts[index] ?? margin;

  function head(isFirst: boolean): void {
    const row = isFirst ? doc.struct('TR') : null;
    if (row) table.add(row);
    pages.artifact(() => {
      doc.rect(margin, pages.y, innerWidth, step + 2 * padding).fill(colours.shade);
    });
    columns.forEach(({ title, width, numeric = false }, index) => {
      const draw = (): void => {
        const box = width - gap - (numeric ? numericGap : 0);
        pages.line(title, left(index) + gap / 2, pages.y + padding, box, {
          ...headStyle,
          align: numeric ? 'right' : 'left',
        });
      };
      if (!row) {
        pages.artifact(draw);
        return;
      }
      const cell = doc.struct('TH');
      row.add(cell);
      pages.tagged(cell, 'TH', draw);
      cell.end();
    });
    row?.end();
    pages.y += step + 2 * padding;
  }

  /** The lines of each cell. */
  function broken({ cells }: PdfRow): readonly (readonly string[])[] {
    return cells.map(({ text, bold = false, indent = 0 }, index) => {
      const { width = 0, numeric = false } = columns[index] ?? {};
      const room = width - gap - (numeric ? numericGap : 0) - indent;
      return pages.lines(text, room, { size, font: bold ? 'bold' : 'regular' });
    });
  }

  const headHeight = step + 2 * padding;
  const firstRow = rows[0] ? Math.max(1, ...broken(rows[0]).map((lines) => lines.length)) : 0;
  pages.ensure((before?.height ?? 0) + headHeight + Math.min(firstRow, mostTogether) * step + 2 * padding);
  before?.draw();
  doc.addStructure(table);
  head(true);
  let drawn = 0;
  for (const { cells, decorate } of rows) {
    const parts = broken({ cells });
    const count = Math.max(1, ...parts.map((lines) => lines.length));
    const row = doc.struct('TR');
    table.add(row);
    const elements = cells.map(() => {
      const cell = doc.struct('TD');
      row.add(cell);
      return cell;
    });
    for (let done = 0; done < count;) {
      const fitting = Math.floor((pages.room() - 2 * padding) / step);
      // A row that fits on a page stays together.
      if (fitting < 1 || (done === 0 && fitting < count && count <= mostTogether)) {
        pages.newPage();
        again?.();
        head(false);
        continue;
      }
      const part = Math.min(fitting, count - done);
      const height = part * step + 2 * padding;
      const top = pages.y;
      pages.artifact(() => {
        doc
          .moveTo(margin, top + height)
          .lineTo(margin + innerWidth, top + height)
          .lineWidth(0.4)
          .stroke(colours.line);
        decorate?.(margin, top, height, done === 0);
      });
      cells.forEach(({ bold = false, colour = colours.text, indent = 0 }, index) => {
        const element = elements[index];
        const lines = (parts[index] ?? []).slice(done, done + part);
        if (!element || lines.length === 0) return;
        const { width = 0, numeric = false } = columns[index] ?? {};
        pages.tagged(element, 'TD', () => {
          lines.forEach((text, at) => {
            const box = width - gap - indent - (numeric ? numericGap : 0);
            pages.line(text, left(index) + gap / 2 + indent, top + padding + at * step, box, {
              size,
              font: bold ? 'bold' : 'regular',
              colour,
              align: numeric ? 'right' : 'left',
            });
          });
        });
      });
      pages.y += height;
      done += part;
    }
    for (const element of elements) element.end();
    drawn += 1;
    // A report of thousands of rows takes seconds, in which everything else must go on.
    if (drawn % 50 === 0) await setImmediate();
    row.end();
  }
  table.end();
}
