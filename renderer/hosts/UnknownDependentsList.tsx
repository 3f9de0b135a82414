import type { UnknownDependents } from '../../shared/model/inventory.ts';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import styles from './HostPane.module.css';

const css = classes(styles);
const shownAtOnce = 3;

/** What could not be looked into: for all that is known it depends on images, so some plans are refused. */
export function UnknownDependentsList({ unknown }: { readonly unknown: readonly UnknownDependents[] }) {
  const { shown, more } = useFirst(unknown, shownAtOnce);
  if (unknown.length === 0) return null;
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
      {more}
    </Callout>
  );
}
