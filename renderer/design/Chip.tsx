import type { ReactNode } from 'react';
import { classes } from './classes.ts';
import styles from './Chip.module.css';

const css = classes(styles);

export type Tone = 'neutral' | 'accent' | 'success' | 'warning' | 'danger';

/** A short word about the thing beside it. Its colour only repeats what it says. */
export function Chip({
  tone = 'neutral',
  icon,
  children,
  title,
}: {
  readonly tone?: Tone;
  readonly icon?: ReactNode;
  readonly children: ReactNode;
  readonly title?: string | undefined;
}) {
  return (
    <span className={css('chip', tone)} title={title}>
      {icon}
      {children}
    </span>
  );
}
