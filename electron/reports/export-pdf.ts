/** The report as a tagged PDF (A4, landscape): the same parts, words and numbers as the page. */
import type { Report, ReportRow } from '../../shared/model/report.ts';
import { findingTitles } from '../../shared/rules/findings/findings.ts';
import {
  byVm,
  everythingRead,
  hostColumns,
  placeOf,
  severities,
  sizeMeaning,
  snapshotColumns,
  thresholdsText,
  totalsOf,
  unreadIntroduction,
  vmFacts,
} from './cells.ts';
import { drawCharts } from './pdf-charts.ts';
import { loadPdfFonts } from './pdf-fonts.ts';
import { colours, createPages, innerWidth, lineHeight, margin } from './pdf-page.ts';
import type { PdfPages } from './pdf-page.ts';
import { drawTable } from './pdf-table.ts';
import { mostLanes, treeCells } from './tree-lanes.ts';
import type { TreeCell } from './tree-lanes.ts';

const heading = { size: 13, font: 'bold' } as const;
const soft = { size: 8, colour: colours.soft } as const;
/** Points between two lanes of a tree. */
const laneWidth = 8;
const widths = [188, 114, 48, 54, 104, 50, 66, 44, 105.89] as const;

/** Above so many rows of tables the pages are not held to be counted: they would take hundreds of megabytes. */
const mostRowsCounted = 2000;

export async function exportPdf(report: Report): Promise<Uint8Array> {
  const createdAt = new Date(report.createdAt);
  const title = `Snapshot report of ${report.createdAt}`;
  const pages = createPages(await loadPdfFonts(), {
    title,
    countPages: report.rows.length + report.findings.length + report.unread.length <= mostRowsCounted,
    createdAt: Number.isNaN(createdAt.getTime()) ? new Date(0) : createdAt,
  });
  pages.block('H1', 'Snapshot report', { size: 20, font: 'bold' }, 0);
  pages.block('P', `Made by Snaptree on ${report.createdAt}`, soft, 10);
  drawTotals(pages, report);
  drawCharts(pages, report);
  await drawFindings(pages, report);
  await drawUnread(pages, report);
  await drawHosts(pages, report);
  await drawSnapshots(pages, report);
  return pages.finish();
}

function drawTotals(pages: PdfPages, report: Report): void {
  const { doc } = pages;
  const totals = totalsOf(report);
  const gap = 6;
  const width = (innerWidth - gap * (totals.length - 1)) / totals.length;
  const top = pages.y;
  totals.forEach(([label, value], index) => {
    const x = margin + index * (width + gap);
    const element = doc.struct('P');
    doc.addStructure(element);
    pages.artifact(() => {
      doc.roundedRect(x, top, width, 38, 4).lineWidth(0.6).stroke(colours.line);
    });
    const bad = value > 0 && ['Critical findings', 'Hosts not read', 'VMs not readable'].includes(label);
    pages.tagged(element, 'P', () => {
      const colour = bad ? colours.critical : colours.text;
      pages.line(String(value), x + 7, top + 5, width - 14, { size: 14, font: 'bold', colour });
      pages.line(label, x + 7, top + 24, width - 8, { size: 6.8, colour: colours.soft });
    });
    element.end();
  });
  pages.y = top + 50;
}

async function drawFindings(pages: PdfPages, report: Report): Promise<void> {
  pages.ensure(90);
  pages.block('H2', `Findings (${report.findings.length})`, heading, 1);
  pages.block('P', thresholdsText(report), soft, 4);
  if (report.findings.length === 0) pages.block('P', 'Nothing was found that needs attention.', { size: 8.5 }, 4);
  for (const { severity, title } of severities) {
    const found = report.findings.filter((finding) => finding.severity === severity);
    if (found.length === 0) continue;
    const colour = colours[severity];
    const style = { size: 9.5, font: 'bold', colour } as const;
    await drawTable(
      pages,
      [
        { title: 'Finding', width: 110 },
        { title: 'Host', width: 70 },
        { title: 'Where', width: 190 },
        { title: 'What', width: 240 },
        { title: 'What to do', width: 163.89 },
      ],
      found.map((finding) => ({
        cells: [
          { text: findingTitles[finding.code], bold: true, colour },
          { text: finding.hostName },
          { text: placeOf(finding).join(' › ') },
          { text: finding.message },
          { text: finding.remedy, colour: colours.soft },
        ],
      })),
      {
        before: {
          height: lineHeight(style.size) + 2,
          draw: () => {
            pages.block('P', `${title} (${found.length})`, style, 2);
          },
        },
      },
    );
    pages.y += 8;
  }
}

async function drawUnread(pages: PdfPages, report: Report): Promise<void> {
  pages.ensure(80);
  pages.y += 6;
  pages.block('H2', `What is not known (${report.unread.length})`, heading, 1);
  pages.block('P', unreadIntroduction, soft, 4);
  if (report.unread.length === 0) {
    pages.block('P', everythingRead, { size: 8.5 }, 4);
    return;
  }
  await drawTable(
    pages,
    [
      { title: 'Host', width: 110 },
      { title: 'What', width: 230 },
      { title: 'Why', width: 433.89 },
    ],
    report.unread.map(({ hostName, what, reason }) => ({
      cells: [{ text: hostName }, { text: what }, { text: reason }],
    })),
  );
  pages.y += 8;
}

async function drawHosts(pages: PdfPages, report: Report): Promise<void> {
  pages.ensure(80);
  pages.y += 6;
  pages.block('H2', `Hosts (${report.hosts.length})`, heading, 3);
  const widths = [190, 243.89, 60, 70, 70, 60, 80];
  await drawTable(
    pages,
    hostColumns.map(({ title, numeric }, index) => ({ title, numeric, width: widths[index] ?? 0 })),
    report.hosts.map((host) => ({ cells: hostColumns.map(({ cell }) => ({ text: cell(host) })) })),
  );
  pages.y += 8;
}

async function drawSnapshots(pages: PdfPages, report: Report): Promise<void> {
  pages.ensure(110);
  pages.y += 6;
  pages.block('H2', `VMs and their snapshots (${report.rows.length} rows)`, heading, 1);
  pages.block('P', sizeMeaning, soft, 6);
  for (const rows of byVm(report.rows)) await drawVm(pages, rows);
}

async function drawVm(pages: PdfPages, rows: readonly [ReportRow, ...ReportRow[]]): Promise<void> {
  const [first] = rows;
  const count = rows.filter(({ snapshotId }) => snapshotId !== null).length;
  const name = `${first.vmName} on ${first.hostName}`;
  const nameStyle = { size: 9, font: 'bold' } as const;
  const facts = vmFacts(first, count).join(' · ');
  const findings = first.vmFindings.map((code) => findingTitles[code]).join(', ');
  const drawHeading = (): void => {
    pages.block('P', name, nameStyle, 0);
    pages.block('P', facts, { size: 7.5, colour: colours.soft }, findings === '' ? 3 : 0);
    if (findings !== '') pages.block('P', findings, { size: 7.5, font: 'bold', colour: colours.warning }, 3);
  };
  if (count === 0) {
    pages.ensure(34);
    drawHeading();
  } else {
    const cells = treeCells(rows);
    await drawTable(
      pages,
      snapshotColumns.map(({ title, numeric }, index) => ({ title, numeric, width: widths[index] ?? 0 })),
      rows.map((row, index) => {
        const tree = cells[index];
        const lane = Math.min(tree?.lane ?? 0, mostLanes);
        return {
          cells: snapshotColumns.map(({ cell }, column) => ({
            text: cell(row),
            bold: column === 0 && row.current,
            indent: column === 0 ? 12 + lane * laneWidth : 0,
          })),
          ...(tree
            ? {
                decorate: (x: number, top: number, height: number, isFirstPart: boolean) => {
                  drawTree(pages, tree, row.current, x, top, height, isFirstPart);
                },
              }
            : {}),
        };
      }),
      {
        before: { height: 45, draw: drawHeading },
        again: () => {
          pages.artifact(() => {
            const line = pages.shortened(`${name} (continued)`, innerWidth, nameStyle);
            pages.line(line, margin, pages.y, innerWidth, nameStyle);
          });
          pages.y += lineHeight(nameStyle.size) + 3;
        },
      },
    );
  }
  pages.y += 10;
}

function drawTree(
  { doc }: PdfPages,
  { lane, through, from, hasChildren }: TreeCell,
  current: boolean,
  left: number,
  top: number,
  height: number,
  isFirstPart: boolean,
): void {
  const x = (at: number): number => left + 7 + at * laneWidth;
  const middle = top + 8;
  const vertical = (at: number, y1: number, y2: number) => doc.moveTo(x(at), y1).lineTo(x(at), y2);
  doc.lineWidth(0.8);
  for (const at of through) vertical(at, top, top + height).stroke(colours.soft);
  if (isFirstPart && from === 'above') vertical(lane, top, middle).stroke(colours.soft);
  if (isFirstPart && from === 'left') {
    doc
      .moveTo(x(lane - 1), top)
      .bezierCurveTo(x(lane - 1), top + 5, x(lane), top + 2, x(lane), middle)
      .stroke(colours.soft);
  }
  if (hasChildren) vertical(lane, isFirstPart ? middle : top, top + height).stroke(colours.soft);
  if (!isFirstPart) return;
  doc.circle(x(lane), middle, 2.6);
  if (current) doc.fill(colours.accent);
  else doc.lineWidth(1).fillAndStroke('#ffffff', colours.soft);
}
