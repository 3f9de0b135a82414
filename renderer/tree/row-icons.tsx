import { CircleAlert, HardDrive, MemoryStick, TriangleAlert, type LucideIcon } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { Problem, Snapshot } from '../../shared/model/inventory.ts';
import { vmStateIcons } from '../appearance/vm-state.ts';
import { classes } from '../design/classes.ts';
import styles from './SnapshotTree.module.css';

const css = classes(styles);

type IconName = 'memory' | Problem['severity'] | Snapshot['vmState'];

const icons: Readonly<Record<IconName, LucideIcon>> = {
  memory: MemoryStick,
  running: vmStateIcons.running,
  paused: vmStateIcons.paused,
  shutoff: vmStateIcons.shutoff,
  suspended: vmStateIcons.suspended,
  crashed: vmStateIcons.crashed,
  unknown: vmStateIcons.unknown,
  'disk-only': HardDrive,
  warning: TriangleAlert,
  error: CircleAlert,
};

/** The icons of rows, once for all rows: they have many strokes, and rows come and go while the tree is scrolled. */
export const RowIcons = memo(function RowIcons() {
  return (
    <svg className={css('definitions')} aria-hidden>
      {Object.entries(icons).map(([name, Icon]) => (
        <symbol key={name} id={idOf(name)} viewBox="0 0 24 24">
          <Icon />
        </symbol>
      ))}
    </svg>
  );
});

/** One of them, `size` pixels large. It says nothing to a reader: that is for what stands around it. */
export function rowIcon(name: IconName, size: number): ReactNode {
  return (
    <svg width={size} height={size} aria-hidden>
      <use href={`#${idOf(name)}`} />
    </svg>
  );
}

/** In nearly every row, and mostly hidden: a stroke of its own costs less than an instance of an icon. */
export function chevron(expanded: boolean): ReactNode {
  return (
    <svg className={css('chevronStroke')} width={14} height={14} viewBox="0 0 14 14" aria-hidden>
      <path d={expanded ? 'M3.5 5.25 7 8.75l3.5-3.5' : 'M5.25 10.5 8.75 7l-3.5-3.5'} />
    </svg>
  );
}

function idOf(name: string): string {
  return `row-icon-${name}`;
}
