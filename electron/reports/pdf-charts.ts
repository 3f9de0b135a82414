/** The report's charts in the PDF, with the same numbers as on the page, and said in words for who does not see them. */
import type { Report } from '../../shared/model/report.ts';
import { readableBytes } from '../../shared/rules/text/units.ts';
import { sizeText } from './cells.ts';
import { colours, innerWidth, margin } from './pdf-page.ts';
import type { PdfPages } from './pdf-page.ts';
import { agesOf, largestOf, spaceOf } from './summary.ts';

interface PdfBar {
  readonly label: string;
  readonly value: string;
  /** 0 to 1. */
  readonly share: number;
  readonly alarming: boolean;
}

/** What a chart has room for; the tables have the rest. */
const mostBars = 8;
const space = 18;
const width = (innerWidth - 2 * space) / 3;
const step = 21;

export function drawCharts(pages: PdfPages, report: Report): void {
  const ages = agesOf(report.rows);
  const largest = largestOf(report.rows);
  const most = (values: readonly number[]): number => Math.max(1, ...values);
  const mostAged = most(ages.map(({ value }) => value));
  const mostBytes = most(largest.map(({ sizeBytes }) => sizeBytes ?? 0));
  const allSpace = spaceOf(report);
  const charts: readonly (readonly [string, readonly PdfBar[]])[] = [
    [
      'Age of snapshots',
      ages.map(({ label, value }) => ({ label, value: String(value), share: value / mostAged, alarming: false })),
    ],
    [
      'Largest snapshots',
      largest.map((row) => ({
        label: `${row.vmName}: ${row.snapshotName ?? ''}`,
        value: sizeText(row),
        share: (row.sizeBytes ?? 0) / mostBytes,
        alarming: false,
      })),
    ],
    [
      allSpace.length > mostBars
        ? `Space on storage (the ${mostBars} fullest of ${allSpace.length})`
        : 'Space on storage',
      allSpace.slice(0, mostBars).map(({ hostName, folders, usedBytes, freeBytes, totalBytes, nearlyFull }) => ({
        label: `${hostName}: ${folders.join(', ')}`,
        value: `${readableBytes(freeBytes)} free of ${readableBytes(totalBytes)}`,
        share: usedBytes / (totalBytes || 1),
        alarming: nearlyFull,
      })),
    ],
  ];
  const height = 16 + Math.max(1, ...charts.map(([, bars]) => bars.length)) * step;
  pages.ensure(height);
  const top = pages.y;
  charts.forEach(([title, bars], index) => {
    drawChart(pages, margin + index * (width + space), top, title, bars);
  });
  pages.y = top + height + 6;
}

function drawChart(pages: PdfPages, x: number, top: number, title: string, bars: readonly PdfBar[]): void {
  const { doc } = pages;
  const words = bars.map(({ label, value }) => `${label}: ${value}`).join('; ');
  const figure = doc.struct('Figure', { alt: `${title}: ${words === '' ? 'nothing to show' : words}` });
  doc.addStructure(figure);
  pages.tagged(figure, 'Figure', () => {
    pages.line(title, x, top, width, { size: 9, font: 'bold' });
    if (bars.length === 0) pages.line('Nothing to show.', x, top + 18, width, { size: 7.5, colour: colours.soft });
    bars.forEach(({ label, value, share, alarming }, index) => {
      const at = top + 16 + index * step;
      const [shown = value] = pages.lines(value, width, { size: 7 });
      doc.fontSize(7);
      const room = width - doc.widthOfString(shown) - 8;
      pages.line(pages.shortened(label, room, { size: 7 }), x, at, room, { size: 7 });
      pages.line(shown, x, at, width, { size: 7, colour: alarming ? colours.critical : colours.soft, align: 'right' });
      doc.roundedRect(x, at + 10.5, width, 6, 2).fill(colours.shade);
      const length = Math.min(1, Math.max(0, share)) * width;
      if (length > 0)
        doc
          .roundedRect(x, at + 10.5, length, 6, Math.min(2, length / 2))
          .fill(alarming ? colours.critical : colours.bar);
    });
  });
  figure.end();
}
