import { ChevronDown, ChevronRight } from 'lucide-react';
import { useState } from 'react';
import type { BatchItem } from '../../shared/model/batch.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import { useStore } from '../store/store.ts';
import styles from './BatchItems.module.css';
import { byMessage, type ItemGroup } from './batch-entries.ts';
import { OperationCard } from './OperationCard.tsx';
import { batchItemAppearance } from './operation-words.ts';

const css = classes(styles);
const shownAtOnce = 50;

/** Those that somebody has to look at, or may want to watch. */
const isOpenFirst: ReadonlySet<BatchItem['state']> = new Set(['failed', 'interrupted', 'notRun', 'running']);

/** The changes of a batch that are in one state. */
export function BatchItems({ group: { state, items } }: { readonly group: ItemGroup }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? isOpenFirst.has(state);
  const { word, icon: Icon, tone, spins } = batchItemAppearance(state);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <section className={css('group')}>
      <h3 className={css('heading')}>
        <button
          type="button"
          className={css('toggle')}
          aria-expanded={open}
          onClick={() => {
            setChosen(!open);
          }}
        >
          <Chevron size={14} aria-hidden />
          <Icon size={14} aria-hidden className={`${css('icon', tone)} ${css(spins && 'spinning')}`} />
          {items.length} {word}
        </button>
      </h3>
      {open && (state === 'notRun' ? <LeftOut items={items} /> : <Items items={items} />)}
    </section>
  );
}

function Items({ items }: { readonly items: readonly BatchItem[] }) {
  const { shown, more } = useFirst(items, shownAtOnce);
  return (
    <>
      <ol className={css('items')}>
        {shown.map((item) => (
          <Item key={item.index} item={item} />
        ))}
      </ol>
      {more}
    </>
  );
}

/** Each reason once, with what was left out for it. */
function LeftOut({ items }: { readonly items: readonly BatchItem[] }) {
  return (
    <ul className={css('reasons')}>
      {byMessage(items).map(({ message, items: about }) => (
        <li key={message}>
          {message !== null && (
            <p>
              <HostText text={message} lines />
            </p>
          )}
          <Items items={about.map((item) => ({ ...item, message: null }))} />
        </li>
      ))}
    </ul>
  );
}

/** A change: the card of its operation, or what it is where none was begun or none is kept. */
function Item({ item }: { readonly item: BatchItem }) {
  const operation = useStore((state) => (item.operationId === null ? undefined : state.operations[item.operationId]));
  if (operation) {
    return (
      <li>
        <OperationCard operation={operation} isOneOfMany />
      </li>
    );
  }
  return (
    <li className={css('item')}>
      <HostText text={item.title} />
      <span className={css('quiet')}>
        {' '}
        · <HostText text={item.vmName} /> on <HostText text={item.hostName} />
      </span>
      {item.message !== null && (
        <p>
          <HostText text={item.message} lines />
        </p>
      )}
    </li>
  );
}
