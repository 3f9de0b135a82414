import { ChevronDown, ChevronRight } from 'lucide-react';
import { useState } from 'react';
import type { Problem } from '../../shared/model/inventory.ts';
import { Button } from './Button.tsx';
import { Callout } from './Callout.tsx';
import { classes } from './classes.ts';
import { HostText } from './HostText.tsx';
import styles from './ProblemList.module.css';

const css = classes(styles);
const shownAtOnce = 2;

/** Problems in one callout, the graver first. More than two are told by the first, and opened on demand. */
export function ProblemList({ title, problems }: { readonly title?: string; readonly problems: readonly Problem[] }) {
  const [open, setOpen] = useState(false);
  if (problems.length === 0) return null;
  const sorted = [...problems].sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
  const many = sorted.length > shownAtOnce;
  const hidden = sorted.length - 1;
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <Callout
      tone={sorted[0]?.severity === 'error' ? 'danger' : 'warning'}
      title={title}
      actions={
        many && (
          <Button
            size="small"
            tone="quiet"
            expanded={open}
            onPress={() => {
              setOpen(!open);
            }}
          >
            <Chevron size={14} aria-hidden />
            {open ? 'Show less' : `${hidden} more`}
          </Button>
        )
      }
    >
      <ul className={css('list')}>
        {(many && !open ? sorted.slice(0, 1) : sorted).map((problem, index) => (
          <li key={index}>
            <HostText text={problem.message} lines />
          </li>
        ))}
      </ul>
    </Callout>
  );
}
