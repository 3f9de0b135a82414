import { useState } from 'react';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './BatchReview.module.css';
import type { FoldedNote } from './folded-notes.ts';

const css = classes(styles);

/** Notes of many changes: each kind once, with the changes that it is about to be opened. */
export function FoldedNotes({ notes }: { readonly notes: readonly FoldedNote[] }) {
  return (
    <ul className={css('notes')}>
      {notes.map((note) => (
        <Folded key={note.code} note={note} />
      ))}
    </ul>
  );
}

function Folded({ note: { sayings, items } }: { readonly note: FoldedNote }) {
  const [open, setOpen] = useState(false);
  const [first] = sayings;
  const [item] = items;
  if (!first || !item) return null;
  if (items.length === 1) {
    return (
      <li>
        <HostText text={first.message} lines />
        <span className={css('about')}>
          <HostText text={item.title} />, <HostText text={item.vmName} /> on <HostText text={item.hostName} />
        </span>
      </li>
    );
  }
  return (
    <li>
      <HostText text={first.message} lines />
      <details
        className={css('about')}
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
        }}
      >
        <summary>
          {sayings.length === 1
            ? `The same of ${count(items.length, 'change')}`
            : `And the like: ${count(items.length, 'change')} in all`}
        </summary>
        {open && (
          <ul className={css('sayings')}>
            {sayings.map(({ message, items: about }) => (
              <li key={message}>
                {sayings.length > 1 && <HostText text={message} lines />}
                <ul className={css('names')}>
                  {about.map((each) => (
                    <li key={each.index}>
                      <HostText text={each.title} />
                      <span className={css('quiet')}>
                        , <HostText text={each.vmName} /> on <HostText text={each.hostName} />
                      </span>
                    </li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        )}
      </details>
    </li>
  );
}
