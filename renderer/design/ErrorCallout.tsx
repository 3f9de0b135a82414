import type { ReactNode } from 'react';
import type { SnaptreeErrorData } from '../../shared/errors.ts';
import { Callout } from './Callout.tsx';
import { remedyFor, titleFor } from './error-words.ts';
import { HostText } from './HostText.tsx';
import { classes } from './classes.ts';
import styles from './ErrorCallout.module.css';

const css = classes(styles);

/** An error of the catalogue: what happened, what to do, and the host's own words where there are any. */
export function ErrorCallout({
  error,
  actions,
  live = true,
}: {
  readonly error: Pick<SnaptreeErrorData, 'code' | 'message' | 'retryable'> & {
    readonly data: Readonly<Record<string, string>>;
  };
  readonly actions?: ReactNode;
  readonly live?: boolean;
}) {
  const facts = Object.entries(error.data).filter(([, value]) => value.trim() !== '');
  const remedy = remedyFor(error.code);
  return (
    <Callout tone="danger" title={titleFor(error.code)} actions={actions} live={live}>
      <p>
        <HostText text={error.message} lines />
      </p>
      {remedy !== null && <p className={css('remedy')}>{remedy}</p>}
      {facts.length > 0 && (
        <dl className={css('facts')}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <HostText text={value} lines />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Callout>
  );
}
