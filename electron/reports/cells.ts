/** How the report's values read in the formats for people. HTML and PDF use the same words and numbers. */
import type { Finding, Report, ReportHost, ReportRow } from '../../shared/model/report.ts';
import { findingTitles } from '../../shared/rules/findings/findings.ts';
import { readableBytes } from '../../shared/rules/text/units.ts';

/** Stands where there is nothing, or nothing is known. */
const nothing = '–';

export interface Column {
  readonly title: string;
  /** Whether it is a number, to be set to the right. */
  readonly numeric: boolean;
  readonly cell: (row: ReportRow) => string;
}

/** The columns of a VM's snapshots; what is said of the VM stands above them (`vmLine`). */
export const snapshotColumns: readonly Column[] = [
  { title: 'Snapshot', numeric: false, cell: (row) => row.snapshotName ?? 'no snapshots' },
  { title: 'Parent', numeric: false, cell: (row) => row.parentName ?? nothing },
  { title: 'Kind', numeric: false, cell: (row) => row.kind ?? nothing },
  { title: 'State', numeric: false, cell: (row) => row.snapshotState ?? nothing },
  { title: 'Created (UTC)', numeric: false, cell: (row) => row.createdAt ?? nothing },
  { title: 'Age', numeric: true, cell: (row) => (row.ageDays === null ? nothing : daysText(row.ageDays)) },
  { title: 'Size', numeric: true, cell: sizeText },
  { title: 'Current', numeric: false, cell: (row) => (row.current ? 'current' : nothing) },
  {
    title: 'Findings',
    numeric: false,
    cell: (row) => (row.findings.length === 0 ? nothing : row.findings.map((code) => findingTitles[code]).join(', ')),
  },
];

function daysText(days: number): string {
  return `${days.toFixed(1)} d`;
}

export function sizeText({ sizeBytes, sizeIsLowerBound }: ReportRow): string {
  if (sizeBytes === null) return nothing;
  return `${sizeIsLowerBound ? '≥ ' : ''}${readableBytes(sizeBytes)}`;
}

/** What is said of a VM beside its name. */
export function vmFacts(row: ReportRow, snapshots: number): readonly string[] {
  return [
    row.vmState,
    snapshots === 1 ? '1 snapshot' : `${snapshots} snapshots`,
    row.chainDepth === null ? 'chain not known' : `longest chain ${row.chainDepth}`,
    row.vmUuid,
  ];
}

/** The rows of the report by VM, in order. */
export function byVm(rows: readonly ReportRow[]): readonly (readonly [ReportRow, ...ReportRow[]])[] {
  const groups: [ReportRow, ...ReportRow[]][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0].vmUuid === row.vmUuid && last[0].hostName === row.hostName) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** Every total with its words. All formats for people show all of them. */
export function totalsOf({ totals }: Report): readonly (readonly [string, number])[] {
  return [
    ['Hosts', totals.hosts],
    ['Hosts not read', totals.unreadHosts],
    ['VMs', totals.vms],
    ['VMs not readable', totals.unreadableVms],
    ['Snapshots', totals.snapshots],
    ['Rows', totals.rows],
    ['Critical findings', totals.findings.critical],
    ['Warnings', totals.findings.warning],
    ['For information', totals.findings.information],
    ['Not known', totals.unread],
  ];
}

export const hostColumns: readonly { title: string; numeric: boolean; cell: (host: ReportHost) => string }[] = [
  { title: 'Host', numeric: false, cell: (host) => host.hostName },
  {
    title: 'Hypervisor',
    numeric: false,
    cell: ({ hypervisor }) =>
      hypervisor === null
        ? 'not read'
        : [`${hypervisor.kind} ${hypervisor.version ?? ''}`.trim(), hypervisor.emulator].filter(Boolean).join(', '),
  },
  { title: 'VMs', numeric: true, cell: ({ readAt, counts }) => known(readAt, String(counts.vms)) },
  { title: 'Not readable', numeric: true, cell: ({ readAt, counts }) => known(readAt, String(counts.unreadableVms)) },
  { title: 'Snapshots', numeric: true, cell: ({ readAt, counts }) => known(readAt, String(counts.snapshots)) },
  { title: 'Images', numeric: true, cell: ({ readAt, counts }) => known(readAt, String(counts.images)) },
  {
    title: 'Allocated',
    numeric: true,
    cell: ({ readAt, counts }) => known(readAt, readableBytes(counts.allocatedBytes)),
  },
];

const known = (readAt: number | null, text: string): string => (readAt === null ? nothing : text);

export const severities: readonly { severity: Finding['severity']; title: string }[] = [
  { severity: 'critical', title: 'Critical' },
  { severity: 'warning', title: 'Warnings' },
  { severity: 'information', title: 'For information' },
];

/** Where a finding is, without its host: VM, snapshot, path. */
export function placeOf({ vmName, snapshotName, path }: Finding): readonly string[] {
  return [
    ...(vmName === null ? [] : [`VM ${vmName}`]),
    ...(snapshotName === null ? [] : [`snapshot ${snapshotName}`]),
    ...(path === null ? [] : [path]),
  ];
}

export function thresholdsText({ thresholds }: Report): string {
  return `Findings are counted for snapshots older than ${thresholds.maximumAgeDays} days, more than ${thresholds.maximumSnapshots} snapshots of a VM, chains longer than ${thresholds.maximumChainLength} images, and file systems with less than ${thresholds.minimumFreePercent} % free.`;
}

export const sizeMeaning =
  'Size is what storage holds because the snapshot was taken: of external snapshots what their overlays have allocated since, of internal ones the saved memory alone (≥: the part on the disks is not known). It is not what deleting the snapshot frees.';

export const unreadIntroduction =
  'Nothing that could not be read is left out silently: what is listed here is missing above, or is not certain.';
export const everythingRead = 'Everything was read.';
