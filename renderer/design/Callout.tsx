import { CircleX, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes } from './classes.ts';
import styles from './Callout.module.css';

const css = classes(styles);
const icons = { danger: CircleX, warning: TriangleAlert, information: Info };

/** Something that has to be read: what happened, and what can be done about it. */
export function Callout({
  tone,
  title,
  children,
  actions,
  live = false,
}: {
  readonly tone: keyof typeof icons;
  readonly title?: string | undefined;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
  /** Read out when it appears. */
  readonly live?: boolean;
}) {
  const Icon = icons[tone];
  return (
    <div className={css('callout', tone)} {...(live ? { role: tone === 'danger' ? 'alert' : 'status' } : {})}>
      <Icon size={16} aria-hidden className={css('icon')} />
      <div className={css('body')}>
        {title !== undefined && <p className={css('title')}>{title}</p>}
        {children}
      </div>
      {actions && <div className={css('actions')}>{actions}</div>}
    </div>
  );
}
