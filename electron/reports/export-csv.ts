/**
 * The report as CSV (RFC 4180): one table, in which the column `record` says what a line is. So the file stays one that
 * every program can read, and what is not known and the counts are in it too:
 *
 * - `report`, `total`, `host`: a `name` and its `value`, of the report, of all hosts together, or of one;
 * - `snapshot`: one of a VM's snapshots; `vm`: a VM without snapshots. These are the report's rows;
 * - `finding`, `filesystem`, `unread`.
 *
 * It begins with a byte order mark, without which Excel takes UTF-8 for the code page of the computer. Cells that a
 * spreadsheet would take for a formula get a `'` in front. So does what would be one within a cell behind a `;`, TAB or line
 * end: where lists are separated by `;` (German, French …), Excel begins a new cell there, whatever stands in quotes. A
 * `'` that stands in such a place gets one more, so that taking off one in each such place gives the text back.
 */
import type { Report } from '../../shared/model/report.ts';
import { writableText } from './writable-text.ts';

export const csvColumns = [
  'record',
  'host',
  'vm',
  'vm_uuid',
  'vm_state',
  'snapshot',
  'snapshot_id',
  'parent',
  'parent_id',
  'kind',
  'state',
  'created',
  'age_days',
  'size_bytes',
  'size_is_lower_bound',
  'chain_depth',
  'current',
  'findings',
  'vm_findings',
  'severity',
  'code',
  'path',
  'message',
  'remedy',
  'name',
  'value',
] as const;

type CsvRecord = Readonly<Partial<Record<(typeof csvColumns)[number], string | number | boolean | null>>>;

export function exportCsv(report: Report): string {
  const lines = [csvColumns.join(','), ...records(report).map(line)];
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

function records(report: Report): readonly CsvRecord[] {
  const { hosts, rows, findings, unread, totals, thresholds } = report;
  return [
    { record: 'report', name: 'created', value: report.createdAt },
    ...Object.entries(thresholds).map(([name, value]) => ({ record: 'report', name: snakeCase(name), value })),
    ...rows.map((row) => ({
      record: row.snapshotId === null ? 'vm' : 'snapshot',
      host: row.hostName,
      vm: row.vmName,
      vm_uuid: row.vmUuid,
      vm_state: row.vmState,
      snapshot: row.snapshotName,
      snapshot_id: row.snapshotId,
      parent: row.parentName,
      parent_id: row.parentId,
      kind: row.kind,
      state: row.snapshotState,
      created: row.createdAt,
      age_days: row.ageDays,
      size_bytes: row.sizeBytes,
      size_is_lower_bound: row.sizeIsLowerBound,
      chain_depth: row.chainDepth,
      current: row.current,
      findings: row.findings.join(' '),
      vm_findings: row.vmFindings.join(' '),
    })),
    ...findings.map((finding) => ({
      record: 'finding',
      host: finding.hostName,
      vm: finding.vmName,
      vm_uuid: finding.vmUuid,
      snapshot: finding.snapshotName,
      severity: finding.severity,
      code: finding.code,
      path: finding.path,
      message: finding.message,
      remedy: finding.remedy,
    })),
    ...hosts.flatMap(({ hostName, filesystems }) =>
      filesystems.flatMap(({ folders, freeBytes, totalBytes }) => {
        const common = { record: 'filesystem', host: hostName, path: folders.join(' ') };
        return [
          { ...common, name: 'free_bytes', value: freeBytes },
          { ...common, name: 'total_bytes', value: totalBytes },
        ];
      }),
    ),
    ...unread.map(({ hostName, what, reason }) => ({ record: 'unread', host: hostName, name: what, message: reason })),
    ...hosts.flatMap(({ hostName, readAt, hypervisor, counts }) => [
      { record: 'host', host: hostName, name: 'read', value: readAt !== null },
      ...(hypervisor === null
        ? []
        : [
            { record: 'host', host: hostName, name: 'hypervisor', value: hypervisor.kind },
            { record: 'host', host: hostName, name: 'hypervisor_version', value: hypervisor.version },
            { record: 'host', host: hostName, name: 'emulator', value: hypervisor.emulator },
          ]),
      ...(readAt === null
        ? []
        : Object.entries(counts).map(([name, value]) => ({
            record: 'host',
            host: hostName,
            name: snakeCase(name),
            value,
          }))),
    ]),
    ...Object.entries({ ...totals, findings: undefined }).flatMap(([name, value]) =>
      value === undefined ? [] : [{ record: 'total', name: snakeCase(name), value }],
    ),
    ...Object.entries(totals.findings).map(([name, value]) => ({ record: 'total', name: `findings_${name}`, value })),
  ];
}

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function line(record: CsvRecord): string {
  return csvColumns.map((column) => cell(record[column] ?? null)).join(',');
}

/** One field. Numbers are ours and never a formula, though they may begin with a minus sign. */
function cell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = defused(writableText(value));
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** With a `'` wherever a spreadsheet would take what follows for a formula; half-width and full-width signs alike. */
export function defused(text: string): string {
  const within = text.replace(/[;\t\r\n][;"\s]*/gu, (run, offset: number) => {
    const next = text.charAt(offset + run.length);
    // Behind a separator, blanks and quotes are passed over; another separator begins anew.
    const from = /[=+\-@＝＋－＠]/u.test(next) ? run.lastIndexOf(';') : next === "'" ? run.length - 1 : run.length;
    return run.slice(0, Math.max(from, 0)) + run.slice(Math.max(from, 0)).replace(/[;\t\r\n]/g, "$&'");
  });
  return /^\s*[=+\-@＝＋－＠]|^[\t\r\n']/u.test(within) ? `'${within}` : within;
}
