import { useState } from 'react';
import type { PlannedBatchItem } from '../../shared/model/batch.ts';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import { PlanNotes } from '../plans/PlanNotes.tsx';
import { PlanSteps } from '../plans/PlanSteps.tsx';
import styles from './BatchReview.module.css';
import { byVm } from './folded-notes.ts';

const css = classes(styles);
const vmsAtOnce = 30;

/** The changes that will be made, those of one VM together and in their order, each to be opened to its steps. */
export function PlannedItems({ items }: { readonly items: readonly PlannedBatchItem[] }) {
  const { shown, more } = useFirst(byVm(items), vmsAtOnce);
  return (
    <>
      <ul className={css('vms')}>
        {shown.map((ofVm) => {
          const [first] = ofVm;
          return (
            first && (
              <li key={first.index} className={css('vm')}>
                <h4 className={css('vmName')}>
                  <HostText text={first.vmName} />
                  <span className={css('quiet')}>
                    {' '}
                    on <HostText text={first.hostName} />
                    {ofVm.length > 1 && `, ${ofVm.length} changes one after the other`}
                  </span>
                </h4>
                <ol className={css('items')}>
                  {ofVm.map((item) => (
                    <Item key={item.index} item={item} />
                  ))}
                </ol>
              </li>
            )
          );
        })}
      </ul>
      {more}
    </>
  );
}

function Item({ item: { title, plan, after } }: { readonly item: PlannedBatchItem }) {
  const [open, setOpen] = useState(false);
  if (!plan) return null;
  return (
    <li>
      <details
        className={css('item')}
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
        }}
      >
        <summary>
          <HostText text={title} />{' '}
          <span className={css('quiet')}>
            · {count(plan.steps.length, 'step')}
            {plan.expectedPause !== null && ', with a pause'}
          </span>{' '}
          {plan.warnings.length > 0 && <Chip tone="warning">{count(plan.warnings.length, 'warning')}</Chip>}
        </summary>
        {open && (
          <div className={css('itemBody')}>
            {after !== null && (
              <p className={css('quiet')}>
                What it would take now. It is planned again when the change before it is done.
              </p>
            )}
            {plan.warnings.length > 0 && <PlanNotes notes={plan.warnings} />}
            {plan.expectedPause !== null && (
              <p>
                <HostText text={plan.expectedPause} />
              </p>
            )}
            <PlanSteps plan={plan} />
          </div>
        )}
      </details>
    </li>
  );
}
