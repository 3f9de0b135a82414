/** Every format is read back by a reader that is not ours, and must hold every row and every number of the report. */
import fc from 'fast-check';
import { parse } from 'parse5';
import type { DefaultTreeAdapterTypes } from 'parse5';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { describe, expect, it } from 'vitest';
import { reportSchema } from '../../shared/model/report.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import type { Report } from '../../shared/model/report.ts';
import { findingTitles } from '../../shared/rules/findings/findings.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { buildReport } from './build-report.ts';
import { byVm, hostColumns, placeOf, severities, snapshotColumns, totalsOf, vmFacts } from './cells.ts';
import { csvColumns } from './export-csv.ts';
import { exportReport } from './exporters.ts';
import { loadPdfFonts } from './pdf-fonts.ts';
import { anyReadings } from './arbitraries.fixtures.ts';
import { demoReadings, reportTime } from './readings.fixtures.ts';
import { writableText } from './writable-text.ts';

const reports = anyReadings.map((readings) => buildReport(readings, defaultReportThresholds, reportTime));
const demo = buildReport(demoReadings(), defaultReportThresholds, reportTime);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

async function text(report: Report, format: 'csv' | 'json' | 'html'): Promise<string> {
  return utf8.decode((await exportReport(report, format)).bytes);
}

/** RFC 4180, by its grammar. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (!match) throw new Error('This is not CSV.');
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}

const isFormula = (cell: string): boolean => /^[=+\-@\t\r\n＝＋－＠]/u.test(cell);

describe('CSV', () => {
  it('holds every row, finding, gap and total, in one table without formulas', { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(reports, fc.constant(demo)), checkCsv), { numRuns: 150 });
  });

  async function checkCsv(report: Report): Promise<void> {
    const csv = await text(report, 'csv');
    expect(csv.startsWith('\uFEFFrecord,host,')).toBe(true);
    const [header, ...lines] = parseCsv(csv.slice(1));
    expect(header).toEqual([...csvColumns]);
    for (const line of lines) {
      expect(line).toHaveLength(csvColumns.length);
      // Only our own numbers may begin with a sign.
      const formulas = line.filter((cell) => isFormula(cell) && !/^-\d+(\.\d+)?$/.test(cell));
      expect(formulas).toEqual([]);
    }
    // Where lists are separated by semicolons, cells end at those, and quotes within a line mean nothing.
    for (const cell of csv.split(/[;\t\r\n]/).slice(1)) expect(isFormula(cell.replace(/^"*\s*/, ''))).toBe(false);
    const records = lines.map((line) =>
      Object.fromEntries(line.map((cell, index) => [csvColumns[index] ?? '', cell.replace(/(^|[;\t\r\n])'/g, '$1')])),
    );
    const of = (...kinds: string[]) => records.filter(({ record }) => kinds.includes(record ?? ''));
    const said = (value: string | number | boolean | null) =>
      value === null ? '' : typeof value === 'string' ? writableText(value) : String(value);
    expect(of('snapshot', 'vm').map((row) => Object.values(row).slice(0, 19))).toEqual(
      report.rows.map((row) =>
        [
          row.snapshotId === null ? 'vm' : 'snapshot',
          row.hostName,
          row.vmName,
          row.vmUuid,
          row.vmState,
          row.snapshotName,
          row.snapshotId,
          row.parentName,
          row.parentId,
          row.kind,
          row.snapshotState,
          row.createdAt,
          row.ageDays,
          row.sizeBytes,
          row.sizeIsLowerBound,
          row.chainDepth,
          row.current,
          row.findings.join(' '),
          row.vmFindings.join(' '),
        ].map(said),
      ),
    );
    expect(
      of('finding').map((found) => [
        found['severity'],
        found['code'],
        found['host'],
        found['vm'],
        found['snapshot'],
        found['path'],
        found['message'],
        found['remedy'],
      ]),
    ).toEqual(
      report.findings.map((found) =>
        [
          found.severity,
          found.code,
          found.hostName,
          found.vmName,
          found.snapshotName,
          found.path,
          found.message,
          found.remedy,
        ].map(said),
      ),
    );
    expect(of('unread').map(({ host, name, message }) => [host, name, message])).toEqual(
      report.unread.map(({ hostName, what, reason }) => [hostName, what, reason].map(said)),
    );
    const total = (name: string) => of('total').find((line) => line['name'] === name)?.['value'];
    const { totals } = report;
    expect(['hosts', 'unread_hosts', 'vms', 'unreadable_vms', 'snapshots', 'rows', 'unread'].map(total)).toEqual(
      [
        totals.hosts,
        totals.unreadHosts,
        totals.vms,
        totals.unreadableVms,
        totals.snapshots,
        totals.rows,
        totals.unread,
      ].map(String),
    );
    for (const [severity, count] of Object.entries(totals.findings)) {
      expect(total(`findings_${severity}`)).toBe(String(count));
    }
    expect(of('filesystem').map(({ host, path, name, value }) => [host, path, name, value])).toEqual(
      report.hosts.flatMap(({ hostName, filesystems }) =>
        filesystems.flatMap(({ folders, freeBytes, totalBytes }) => [
          [writableText(hostName), folders.join(' '), 'free_bytes', String(freeBytes)],
          [writableText(hostName), folders.join(' '), 'total_bytes', String(totalBytes)],
        ]),
      ),
    );
    for (const { hostName, readAt, counts } of report.hosts) {
      const ofHost = new Map(
        of('host').flatMap((line) => (line['host'] === writableText(hostName) ? [[line['name'], line['value']]] : [])),
      );
      expect(ofHost.get('read')).toBe(String(readAt !== null));
      if (readAt !== null) expect(ofHost.get('allocated_bytes')).toBe(String(counts.allocatedBytes));
    }
  }
});

describe('JSON', () => {
  it('is the report, and of the published schema', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (report) => {
        const parsed: unknown = JSON.parse(await text(report, 'json'));
        expect(reportSchema.parse(parsed)).toEqual(report);
      }),
    );
  });
});

describe.each(['csv', 'json', 'html'] as const)('%s on its way through a pipe', (format) => {
  it('holds no character that a terminal would obey', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (report) => {
        expect(await text(report, format)).not.toMatch(/(?![\t\n\r])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

type Node = DefaultTreeAdapterTypes.ChildNode | DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

function elements(node: Node): Element[] {
  const children = 'childNodes' in node ? node.childNodes.flatMap(elements) : [];
  return 'tagName' in node ? [node, ...children] : children;
}
function textOf(node: Node): string {
  if (node.nodeName === '#text' && 'value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
}
const attribute = (element: Element, name: string) => element.attrs.find((each) => each.name === name)?.value;
const named = (node: Node, ...tags: string[]) => elements(node).filter(({ tagName }) => tags.includes(tagName));
const classed = (node: Node, name: string) =>
  elements(node).filter((element) => (attribute(element, 'class') ?? '').split(' ').includes(name));

describe('HTML', () => {
  it('holds the same, as text and nothing but text', { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(reports, fc.constant(demo)), checkHtml), { numRuns: 100 });
  });

  async function checkHtml(report: Report): Promise<void> {
    const page = parse(await text(report, 'html'));
    const tags = new Set(elements(page).map(({ tagName }) => tagName));
    for (const tag of ['script', 'img', 'iframe', 'link', 'object', 'form', 'foreignobject']) {
      expect(tags.has(tag)).toBe(false);
    }
    const harmful = elements(page)
      .flatMap(({ attrs }) => attrs)
      .filter(({ name, value }) => /^on|^style$|^src$/.test(name) || (name === 'href' && !/^#\w+$/.test(value)));
    expect(harmful).toEqual([]);
    expect(textOf(page).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const section = (id: string): Element => {
      const found = elements(page).find((element) => attribute(element, 'id') === id);
      if (!found) throw new Error(`There is no section ${id}.`);
      return found;
    };
    const tiles = classed(page, 'tiles').flatMap((list) => named(list, 'li').map(textOf));
    expect(tiles).toEqual(totalsOf(report).map(([label, value]) => `${value} ${label}`));
    const rows = named(section('snapshots'), 'tr').map((row) => named(row, 'td').map(textOf));
    expect(rows.filter((row) => row.length > 0)).toEqual(
      report.rows
        .filter(({ snapshotId }) => snapshotId !== null)
        .map((row) => snapshotColumns.map(({ cell }) => visibleString(cell(row)))),
    );
    const vms = byVm(report.rows);
    expect(named(section('snapshots'), 'h3').map(textOf)).toEqual(
      vms.map(([row]) => `${visibleString(row.vmName)} on ${visibleString(row.hostName)}`),
    );
    expect(classed(section('findings'), 'message').map(textOf).toSorted()).toEqual(
      report.findings.map(({ message }) => visibleString(message)).toSorted(),
    );
    expect(
      named(section('unread'), 'tr')
        .map((row) => named(row, 'td').map(textOf))
        .slice(1),
    ).toEqual(report.unread.map(({ hostName, what, reason }) => [hostName, what, reason].map(visibleString)));
    expect(
      named(section('hosts'), 'tr')
        .map((row) => named(row, 'td').map(textOf))
        .slice(1),
    ).toEqual(report.hosts.map((host) => hostColumns.map(({ cell }) => visibleString(cell(host)))));
    for (const chart of named(page, 'figure').flatMap((figure) => named(figure, 'svg'))) {
      expect(attribute(chart, 'aria-label')).toMatch(/: .*\d/s);
    }
  }
});

describe('PDF', () => {
  it('holds the same, cell by cell of its structure', { timeout: 120_000 }, async () => {
    await checkPdf(demo);
    await fc.assert(fc.asyncProperty(reports, checkPdf), { numRuns: 12 });
  });

  it('repeats what a table is of, and keeps a cell longer than a page', { timeout: 60_000 }, async () => {
    const many = Array.from({ length: 300 }, (_, index) => ({ ...demo.rows[1], snapshotId: `s${index}` }));
    const [row] = many;
    const long = { ...row, snapshotId: 'long', snapshotName: 'word '.repeat(2000) };
    const report = reportSchema.parse({ ...demo, findings: [], unread: [], rows: [...many, long] });
    const { pages, elements } = await readPdf((await exportReport(report, 'pdf')).bytes);
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.filter((page) => page.includes('continued)')).length).toBeGreaterThan(5);
    pages.forEach((page, index) => {
      expect(page).toContain(`Page ${index + 1} of ${pages.length}`);
    });
    const words = elements.filter(({ role }) => role === 'TD').map((cell) => cell.text.split('word').length - 1);
    expect(words.reduce((sum, count) => sum + count, 0)).toBe(2000);
  });

  interface PdfElement {
    readonly role: string;
    readonly text: string;
    readonly children: PdfElement[];
  }

  async function readPdf(bytes: Uint8Array): Promise<{ pages: string[]; elements: PdfElement[] }> {
    const task = getDocument({ data: new Uint8Array(bytes), verbosity: 0 });
    const document = await task.promise;
    const pages: string[] = [];
    const all: PdfElement[] = [];
    for (let number = 1; number <= document.numPages; number += 1) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent({ includeMarkedContent: true, disableNormalization: true });
      const texts = new Map<string, string>();
      const open: (string | undefined)[] = [];
      let whole = '';
      for (const item of items) {
        if ('str' in item) {
          whole += item.str;
          const id = open.at(-1);
          if (typeof id === 'string') texts.set(id, `${texts.get(id) ?? ''}${item.str}`);
        } else if (item.type === 'endMarkedContent') open.pop();
        else open.push(item.id);
      }
      pages.push(whole);
      const walk = (node: { role?: string; id?: string; children?: unknown[] }): PdfElement => {
        const inner = (node.children ?? []) as (typeof node)[];
        const parts = inner.map((child) => (child.role === undefined ? (texts.get(child.id ?? '') ?? '') : ''));
        const children = inner.filter(({ role }) => role !== undefined).map(walk);
        const element = { role: node.role ?? '', text: parts.join(''), children };
        all.push(element);
        return element;
      };
      walk(await page.getStructTree());
    }
    await task.destroy();
    return { pages, elements: all };
  }

  /** Spaces at line ends are not kept by readers, and what is written from the right comes in another order. */
  const same = (text: string): string => {
    const dense = text.normalize('NFKC').replaceAll(/\s/g, '');
    if (!/[\u0590-\u08ff\ufb1d-\ufefc]/.test(dense)) return dense;
    // pdf.js itself drops these two from such text.
    return Array.from(dense.replaceAll(/[<>]/g, '')).toSorted().join('');
  };

  async function checkPdf(report: Report): Promise<void> {
    const fonts = await loadPdfFonts();
    const { pages, elements } = await readPdf((await exportReport(report, 'pdf')).bytes);
    const rows = elements
      .filter(({ role }) => role === 'TR')
      .map(({ children }) => children.filter(({ role }) => role === 'TD').map((cell) => same(cell.text)))
      // A table over several pages has all its rows on each, without what is on the others.
      .filter((cells) => cells.some((cell) => cell !== ''));
    const shown = (text: string, font: 'regular' | 'bold' = 'regular') => same(fonts.drawable(text, font));
    const wanted = [
      ...severities.flatMap(({ severity }) =>
        report.findings
          .filter((finding) => finding.severity === severity)
          .map((finding) => [
            shown(findingTitles[finding.code]),
            shown(finding.hostName),
            shown(placeOf(finding).join(' › ')),
            shown(finding.message),
            shown(finding.remedy),
          ]),
      ),
      ...report.unread.map(({ hostName, what, reason }) => [shown(hostName), shown(what), shown(reason)]),
      ...report.hosts.map((host) => hostColumns.map(({ cell }) => shown(cell(host)))),
      ...report.rows
        .filter(({ snapshotId }) => snapshotId !== null)
        .map((row) =>
          snapshotColumns.map(({ cell }, at) => shown(cell(row), at === 0 && row.current ? 'bold' : 'regular')),
        ),
    ];
    expect(rows).toEqual(wanted);
    const paragraphs = elements.filter(({ role }) => role === 'P').map(({ text }) => same(text));
    for (const [label, value] of totalsOf(report)) expect(paragraphs).toContain(same(`${value}${label}`));
    for (const group of byVm(report.rows)) {
      const [first] = group;
      const count = group.filter(({ snapshotId }) => snapshotId !== null).length;
      expect(paragraphs).toContain(shown(vmFacts(first, count).join(' · ')));
    }
    expect(pages.at(-1)).toContain(`Page ${pages.length} of ${pages.length}`);
  }
});
