import { ChevronDown, ChevronRight } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { readableDuration } from '../../shared/rules/text/units.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { formatClock, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useNow } from '../design/use-now.ts';
import styles from './OperationCard.module.css';
import type { Appearance } from './operation-words.ts';

const css = classes(styles);

/** What runs or ran, in a line, and opened with all that is to be known of it. */
export function Card({
  title,
  where,
  whereTitle,
  appearance: { word, icon: Icon, tone, spins },
  progress: { done, all, label },
  life,
  isOpenAtFirst,
  actions,
  announcement,
  children,
}: {
  readonly title: string;
  readonly where: ReactNode;
  /** All of `where`, for where it is cut off. */
  readonly whereTitle: string;
  readonly appearance: Appearance;
  /** `label`: what is counted. */
  readonly progress: { readonly done: number; readonly all: number; readonly label: string };
  readonly life: { readonly startedAt: number; readonly endedAt: number | null; readonly state: string };
  /** Until somebody opens or closes it. */
  readonly isOpenAtFirst: boolean;
  readonly actions: ReactNode;
  /** For those who do not see it; empty: nothing. */
  readonly announcement: string;
  readonly children: ReactNode;
}) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? isOpenAtFirst;
  const titleId = useId();
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <article className={css('card')} aria-labelledby={titleId}>
      <header className={css('header')}>
        <button
          type="button"
          className={css('toggle')}
          // From its buttons, when they go with its end.
          data-takes-focus=""
          aria-expanded={open}
          onClick={() => {
            setChosen(!open);
          }}
        >
          <Chevron size={14} aria-hidden />
          <span id={titleId} className={css('title')} title={visibleString(title)}>
            <HostText text={title} />
          </span>
        </button>
        <span className={css('where')} title={visibleString(whereTitle)}>
          {where}
        </span>
        <Chip tone={tone} icon={<Icon size={11} aria-hidden className={css(spins && 'spinning')} />}>
          {word}
        </Chip>
        <span className={css('progress')}>
          <progress value={done} max={Math.max(1, all)} aria-label={label} />
          {done} of {all}
        </span>
        <Elapsed {...life} />
        {actions}
      </header>
      {open && <div className={css('body')}>{children}</div>}
      <span className={css('visuallyHidden')} role="status">
        {announcement}
      </span>
    </article>
  );
}

function Elapsed({
  startedAt,
  endedAt,
  state,
}: {
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly state: string;
}) {
  const now = useNow(endedAt === null ? 1000 : 60_000);
  const end = endedAt ?? (state === 'interrupted' ? null : now);
  return (
    <span className={css('elapsed')} title={`Started ${formatTime(startedAt)}`}>
      {formatClock(startedAt)}
      {end !== null && `, ${readableDuration(end - startedAt)}`}
    </span>
  );
}
