/** Numbers and times as an administrator reads them. All times in are seconds since 1970 UTC. */
import { localDate, readableBytes, twoDigits } from '../../shared/rules/text/units.ts';

export { count } from '../../shared/rules/text/units.ts';

/** Bytes with a binary unit: `1.5 GiB`. Null: `unknown`. */
export function formatBytes(bytes: number | null): string {
  return bytes === null ? 'unknown' : readableBytes(bytes);
}

/** Local time as `2026-11-20 09.05`, as a name for a snapshot: no character that a file system or shell minds. */
export function formatSnapshotName(date: Date): string {
  return `${localDate(date)} ${twoDigits(date.getHours())}.${twoDigits(date.getMinutes())}`;
}

/** Local time as `2026-11-20 09:05:31`. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${localDate(date)} ${formatClock(seconds)}`;
}

/** Local time of day as `09:05:31`. */
export function formatClock(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

/** UTC as `2026-11-20 08:05:31 UTC`. */
export function formatUtc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** How long ago, in the largest unit that fits: `just now`, `5 min ago`, `3 days ago`, `2 years ago`. */
export function formatAge(seconds: number, now: number): string {
  const age = now - seconds;
  if (age < -60) return 'in the future';
  if (age < 60) return 'just now';
  if (age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age < 48 * 3600) return `${Math.floor(age / 3600)} h ago`;
  const days = Math.floor(age / 86_400);
  if (days < 60) return `${days} days ago`;
  if (days < 730) return `${Math.round(days / 30.44)} months ago`;
  return `${Math.floor(days / 365.25)} years ago`;
}
