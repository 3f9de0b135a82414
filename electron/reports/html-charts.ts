/** The report's charts as inline SVG. Each says in words what it shows, for those who do not see it. */
import type { Report } from '../../shared/model/report.ts';
import { readableBytes } from '../../shared/rules/text/units.ts';
import { sizeText } from './cells.ts';
import { laneWidth } from './html-style.ts';
import { escaped } from './html-text.ts';
import { agesOf, cutInTheMiddle, largestOf, spaceOf } from './summary.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import type { TreeCell } from './tree-lanes.ts';

const width = 360;

export function charts(report: Report): string {
  const ages = agesOf(report.rows);
  const largest = largestOf(report.rows);
  const space = spaceOf(report);
  return [
    figure(
      'Age of snapshots',
      'How many snapshots are how old',
      ages.map(({ label, value }) => ({ label, value: String(value), share: value, total: 0, full: false })),
      'one line',
    ),
    figure(
      'Largest snapshots',
      `The ${largest.length} largest of those with a known size`,
      largest.map((row) => ({
        label: `${row.vmName}: ${row.snapshotName ?? ''}`,
        value: sizeText(row),
        share: row.sizeBytes ?? 0,
        total: 0,
        full: false,
      })),
      'two lines',
    ),
    figure(
      'Space on storage',
      'Used of each file system that holds images',
      space.map(({ hostName, folders, usedBytes, freeBytes, totalBytes, nearlyFull }) => ({
        label: `${hostName}: ${folders.join(', ')}`,
        value: `${readableBytes(freeBytes)} free of ${readableBytes(totalBytes)}${nearlyFull ? ', nearly full' : ''}`,
        share: usedBytes,
        total: totalBytes,
        full: nearlyFull,
      })),
      'two lines',
    ),
  ].join('\n');
}

interface ChartBar {
  readonly label: string;
  readonly value: string;
  readonly share: number;
  /** What a full bar is; 0: the largest of all bars. */
  readonly total: number;
  readonly full: boolean;
}

function figure(title: string, note: string, bars: readonly ChartBar[], layout: 'one line' | 'two lines'): string {
  const caption = `<figcaption>${escaped(title)}<small>${escaped(note)}</small></figcaption>`;
  if (bars.length === 0) return `<figure>${caption}<p class="soft">Nothing to show.</p></figure>`;
  const words = bars.map(({ label, value }) => `${label}: ${value}`).join('; ');
  const most = Math.max(...bars.map(({ share }) => share), 1);
  const [step, left] = layout === 'one line' ? [26, 128] : [40, 0];
  const height = bars.length * step;
  const drawn = bars.map(({ label, value, share, total, full }, index) => {
    const top = index * step;
    const room = width - left - (layout === 'one line' ? 48 : 0);
    const length = round((Math.min(share, total || most) / (total || most)) * room);
    const barTop = layout === 'one line' ? top + 5 : top + 19;
    const track = `<rect class="track" x="${left}" y="${barTop}" width="${room}" height="12" rx="3"/>`;
    const bar = `<rect class="bar${full ? ' full' : ''}" x="${left}" y="${barTop}" width="${length}" height="12" rx="3"/>`;
    const texts =
      layout === 'one line'
        ? `<text x="0" y="${top + 15}">${escaped(label)}</text><text x="${width}" y="${top + 15}" text-anchor="end">${escaped(value)}</text>`
        : `<text x="0" y="${top + 13}">${shortened(label, value)}</text><text class="quiet" x="${width}" y="${top + 13}" text-anchor="end">${escaped(value)}</text>`;
    return `${track}${bar}${texts}`;
  });
  return `<figure>${caption}<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(`${title}: ${words}`)}">${drawn.join('')}</svg></figure>`;
}

/** A label that leaves room for the value beside it. The whole of it is in the chart's words and in the tables. */
function shortened(label: string, value: string): string {
  const room = Math.max(10, 54 - value.length);
  return escaped(cutInTheMiddle(visibleString(label), room));
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** The lines and the dot beside a snapshot. The names stand in the table; this is for the eye only. */
export function treeGraphic({ lane, through, from, hasChildren }: TreeCell): string {
  const x = (at: number): number => at * laneWidth + 7;
  const middle = 16;
  const parts = [
    ...through.map((at) => `<line x1="${x(at)}" x2="${x(at)}" y1="0" y2="100%"/>`),
    from === 'above' ? `<line x1="${x(lane)}" x2="${x(lane)}" y1="0" y2="${middle}"/>` : '',
    from === 'left' ? `<path d="M${x(lane - 1)} 0C${x(lane - 1)} 10 ${x(lane)} 4 ${x(lane)} ${middle}"/>` : '',
    hasChildren ? `<line x1="${x(lane)}" x2="${x(lane)}" y1="${middle}" y2="100%"/>` : '',
    `<circle cx="${x(lane)}" cy="${middle}" r="4.5"/>`,
  ];
  return `<svg width="${x(lane) + 8}" aria-hidden="true">${parts.join('')}</svg>`;
}
