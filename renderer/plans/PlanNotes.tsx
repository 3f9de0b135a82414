import type { PlanNote } from '../../shared/model/plan.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './PlanReview.module.css';

const css = classes(styles);

/** Refusals or warnings, each with the names that its sentence leaves out. */
export function PlanNotes({ notes }: { readonly notes: readonly PlanNote[] }) {
  return (
    <ul className={css('notes')}>
      {notes.map((note, index) => (
        <li key={index}>
          <HostText text={note.message} lines />
          {note.untold && (
            <span className={css('names')}>
              {note.untold.map((name) => (
                <Chip key={name} title={visibleString(name)}>
                  <HostText text={name} />
                </Chip>
              ))}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
