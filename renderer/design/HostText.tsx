import { Fragment } from 'react';
import { classes } from './classes.ts';
import styles from './HostText.module.css';
import { visibleText } from './visible-text.ts';

const css = classes(styles);

/** Text that came from a host: never markup, and what cannot be seen in it is marked. Isolated from what stands around. */
export function HostText({ text, lines = false }: { readonly text: string; readonly lines?: boolean }) {
  if (lines) {
    return text.split(/\r?\n/).map((line, index) => (
      <Fragment key={index}>
        {index > 0 && <br />}
        <HostText text={line} />
      </Fragment>
    ));
  }
  return (
    <bdi className={css('text')}>
      {visibleText(text).map((segment, index) =>
        segment.mark === null ? (
          segment.text
        ) : (
          <span key={index} className={css('mark')} title={segment.mark}>
            {segment.text}
          </span>
        ),
      )}
    </bdi>
  );
}
