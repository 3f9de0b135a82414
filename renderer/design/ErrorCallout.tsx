import type { ReactNode } from 'react';
import type { SnaptreeErrorData } from '../../shared/errors.ts';
import { Callout } from './Callout.tsx';
import { titleFor, untoldFacts } from './error-words.ts';
import { HostText } from './HostText.tsx';
import { classes } from './classes.ts';
import styles from './ErrorCallout.module.css';

const css = classes(styles);

/** An error of the catalogue: what happened and what to do, and of the facts what the message does not say itself. */
export function ErrorCallout({
  error,
  actions,
  live = true,
}: {
  readonly error: Pick<SnaptreeErrorData, 'code' | 'message' | 'retryable'> & {
    readonly data: Readonly<Record<string, string>>;
    readonly untold?: readonly string[] | undefined;
  };
  readonly actions?: ReactNode;
  readonly live?: boolean;
}) {
  const facts = untoldFacts(error);
  return (
    <Callout tone="danger" title={titleFor(error.code)} actions={actions} live={live}>
      <p>
        <HostText text={error.message} lines />
      </p>
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
