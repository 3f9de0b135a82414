import { ChevronDown, ChevronUp } from 'lucide-react';
import { useMemo } from 'react';
import type { Operation } from '../../shared/model/operation.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { useStore } from '../store/store.ts';
import { OperationCard } from './OperationCard.tsx';
import { UnreadableCard } from './UnreadableCard.tsx';
import styles from './OperationsPanel.module.css';

const css = classes(styles);

/** The bar at the bottom with what runs, and above it, when opened, every operation with its steps. */
export function OperationsPanel({ open: isOpen, onToggle }: { readonly open: boolean; readonly onToggle: () => void }) {
  const operations = useStore((state) => state.operations);
  const sorted = useMemo(() => Object.values(operations).sort(byUrgency), [operations]);
  const unreadable = useStore((state) => state.unreadableOperations);
  const running = sorted.filter(isUnderWay);
  const interrupted = sorted.filter(isInterrupted).length;
  const open = unreadable.filter(({ state }) => state === 'open').length;
  const Chevron = isOpen ? ChevronDown : ChevronUp;
  return (
    <section className={css('panel')} aria-label="Operations">
      <h2 className={css('heading')}>
        <button type="button" className={css('bar')} data-takes-focus="" aria-expanded={isOpen} onClick={onToggle}>
          <Chevron size={15} aria-hidden />
          Operations
          {running.length > 0 && <Chip tone="accent">{running.length} running</Chip>}
          {interrupted > 0 && <Chip tone="warning">{interrupted} interrupted</Chip>}
          {open > 0 && <Chip tone="warning">{open} with an unusable journal</Chip>}
          <span className={css('latest')}>{latestLine(running[0], sorted.length)}</span>
        </button>
      </h2>
      {isOpen && (
        <div className={css('list')}>
          {sorted.length + unreadable.length === 0 && (
            <p className={css('empty')}>Nothing has been run in this session.</p>
          )}
          {unreadable.map((operation) => (
            <UnreadableCard key={operation.id} operation={operation} />
          ))}
          {sorted.map((operation) => (
            <OperationCard key={operation.id} operation={operation} />
          ))}
        </div>
      )}
    </section>
  );
}

function latestLine(running: Operation | undefined, all: number): string {
  if (!running) return all === 0 ? 'none yet' : count(all, 'operation');
  const step = running.steps.find((candidate) => candidate.state === 'running');
  const title = step && running.plan.steps[step.index]?.title;
  return title === undefined ? running.plan.title : `${running.plan.title}: ${title}`;
}

/** What needs somebody first, then what runs, then the newest. */
function byUrgency(a: Operation, b: Operation): number {
  const urgency = (operation: Operation) => (isInterrupted(operation) ? 0 : isUnderWay(operation) ? 1 : 2);
  return urgency(a) - urgency(b) || b.startedAt - a.startedAt;
}
