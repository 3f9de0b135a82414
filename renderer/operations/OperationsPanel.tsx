import { ChevronDown, ChevronUp } from 'lucide-react';
import { useMemo } from 'react';
import type { Batch } from '../../shared/model/batch.ts';
import type { Operation } from '../../shared/model/operation.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { batchCounts, isBatchUnderWay } from '../../shared/rules/operations/batch-words.ts';
import { isInterrupted, isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { useStore } from '../store/store.ts';
import { entriesOf } from './batch-entries.ts';
import { BatchCard } from './BatchCard.tsx';
import { OperationCard } from './OperationCard.tsx';
import { UnreadableCard } from './UnreadableCard.tsx';
import styles from './OperationsPanel.module.css';

const css = classes(styles);

/** The bar at the bottom with what runs, and above it, when opened, every operation with its steps. */
export function OperationsPanel({ open: isOpen, onToggle }: { readonly open: boolean; readonly onToggle: () => void }) {
  const operations = useStore((state) => state.operations);
  const batches = useStore((state) => state.batches);
  const entries = useMemo(() => entriesOf(operations, batches), [operations, batches]);
  const all = useMemo(() => Object.values(operations), [operations]);
  const unreadable = useStore((state) => state.unreadableOperations);
  const running = all.filter(isUnderWay);
  const interrupted = all.filter(isInterrupted).length;
  const cutOff = Object.values(batches).filter(({ state }) => state === 'interrupted').length;
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
          {cutOff > 0 && <Chip tone="warning">{count(cutOff, 'batch', 'batches')} interrupted</Chip>}
          {open > 0 && <Chip tone="warning">{open} with an unusable journal</Chip>}
          <span className={css('latest')}>
            {latestLine(
              Object.values(batches).find(isBatchUnderWay),
              running[0],
              all.length,
              Object.keys(batches).length,
            )}
          </span>
        </button>
      </h2>
      {isOpen && (
        <div className={css('list')}>
          {entries.length + unreadable.length === 0 && (
            <p className={css('empty')}>Nothing has been run in this session.</p>
          )}
          {unreadable.map((operation) => (
            <UnreadableCard key={operation.id} operation={operation} />
          ))}
          {entries.map((entry) =>
            entry.kind === 'batch' ? (
              <BatchCard key={entry.batch.id} batch={entry.batch} />
            ) : (
              <OperationCard key={entry.operation.id} operation={entry.operation} />
            ),
          )}
        </div>
      )}
    </section>
  );
}

function latestLine(batch: Batch | undefined, running: Operation | undefined, all: number, batches: number): string {
  if (batch) return `${batch.title}: ${batchCounts(batch)}`;
  if (!running) {
    const counts = [
      ...(batches > 0 ? [count(batches, 'batch', 'batches')] : []),
      ...(all > 0 ? [count(all, 'operation')] : []),
    ];
    return counts.length === 0 ? 'none yet' : counts.join(', ');
  }
  const step = running.steps.find((candidate) => candidate.state === 'running');
  const title = step && running.plan.steps[step.index]?.title;
  return title === undefined ? running.plan.title : `${running.plan.title}: ${title}`;
}
