/** What the report's charts show, as numbers. */
import type { Report, ReportRow } from '../../shared/model/report.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const ageLimits = [1, 7, 30, 90, 365] as const;

/** How many snapshots are how old. Every snapshot is in exactly one bar. */
export function agesOf(rows: readonly ReportRow[]): readonly Bar[] {
  const snapshots = rows.filter(({ snapshotId }) => snapshotId !== null);
  const between = (from: number, to: number): number =>
    snapshots.filter(({ ageDays }) => ageDays !== null && ageDays >= from && ageDays < to).length;
  const unknown = snapshots.filter(({ ageDays }) => ageDays === null).length;
  return [
    { label: 'under a day', value: between(-Infinity, ageLimits[0]) },
    { label: '1 to 7 days', value: between(ageLimits[0], ageLimits[1]) },
    { label: '7 to 30 days', value: between(ageLimits[1], ageLimits[2]) },
    { label: '30 to 90 days', value: between(ageLimits[2], ageLimits[3]) },
    { label: '90 days to a year', value: between(ageLimits[3], ageLimits[4]) },
    { label: 'over a year', value: between(ageLimits[4], Infinity) },
    ...(unknown > 0 ? [{ label: 'not known', value: unknown }] : []),
  ];
}

const mostLargest = 8;

/** The snapshots with the largest known sizes, the largest first. */
export function largestOf(rows: readonly ReportRow[]): readonly ReportRow[] {
  return rows
    .filter(({ sizeBytes }) => sizeBytes !== null && sizeBytes > 0)
    .sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0))
    .slice(0, mostLargest);
}

/** `text` in at most `most` characters, cut in the middle: what tells names and paths apart is often at their end. */
export function cutInTheMiddle(text: string, most: number): string {
  const characters = Array.from(text);
  if (characters.length <= most) return text;
  const head = Math.max(0, Math.floor((most - 1) / 2));
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - Math.max(0, most - 1 - head)).join('')}`;
}

export interface Space {
  readonly hostName: string;
  readonly folders: readonly string[];
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly nearlyFull: boolean;
}

/** Every file system of the report, the fullest first. */
export function spaceOf({ hosts, thresholds }: Report): readonly Space[] {
  return hosts
    .flatMap(({ hostName, filesystems }) =>
      filesystems.map(({ folders, freeBytes, totalBytes }) => ({
        hostName,
        folders,
        usedBytes: Math.max(0, totalBytes - freeBytes),
        freeBytes,
        totalBytes,
        nearlyFull: totalBytes > 0 && freeBytes * 100 < totalBytes * thresholds.minimumFreePercent,
      })),
    )
    .sort((a, b) => b.usedBytes / (b.totalBytes || 1) - a.usedBytes / (a.totalBytes || 1));
}
