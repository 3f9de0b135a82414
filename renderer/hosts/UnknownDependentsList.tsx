import { useState } from 'react';
import type { UnknownDependents } from '../../shared/model/inventory.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './HostPane.module.css';

const css = classes(styles);
const shownAtOnce = 3;

/** What could not be looked into: for all that is known it depends on images, so some plans are refused. */
export function UnknownDependentsList({ unknown }: { readonly unknown: readonly UnknownDependents[] }) {
  const [all, setAll] = useState(false);
  if (unknown.length === 0) return null;
  const shown = all ? unknown : unknown.slice(0, shownAtOnce);
  return (
    <Callout tone="warning" title="Who depends on the images here is not fully known">
      <p>Changes that would harm a dependent image are refused while this is so.</p>
      <ul className={css('unknown')}>
        {shown.map(({ what, reason }) => (
          <li key={`${what}: ${reason}`}>
            <code>
              <HostText text={what} />
            </code>
            : <HostText text={reason} />
          </li>
        ))}
      </ul>
      {unknown.length > shownAtOnce && (
        <Button
          size="small"
          tone="quiet"
          expanded={all}
          onPress={() => {
            setAll(!all);
          }}
        >
          {all ? 'Show less' : `Show all ${unknown.length}`}
        </Button>
      )}
    </Callout>
  );
}
