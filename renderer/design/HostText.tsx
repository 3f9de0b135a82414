import { Fragment, memo, type ReactNode } from 'react';
import { classes } from './classes.ts';
import styles from './HostText.module.css';
import { visibleText } from '../../shared/rules/text/visible-text.ts';

const css = classes(styles);

/**
 * Text that came from a host: never markup, and what cannot be seen in it is marked. Isolated from what stands around.
 * With `lines` it is prose or output of several lines, whose spaces are layout; without, a name, whose spaces count.
 */
export const HostText = memo(function HostText({
  text,
  lines = false,
}: {
  readonly text: string;
  readonly lines?: boolean;
}) {
  if (!lines) return lineOf(text, 'mark');
  return text.split(/\r?\n/).map((line, index) => (
    <Fragment key={index}>
      {index > 0 && <br />}
      {lineOf(line, 'leave')}
    </Fragment>
  ));
});

function lineOf(text: string, spaces: 'mark' | 'leave'): ReactNode {
  return (
    <bdi className={css('text', spaces === 'leave' && 'prose')}>
      {visibleText(text, spaces).map((segment, index) => {
        if (segment.mark === null) return segment.text;
        // Read by its name: a reader would pass over a space, and not know LF from two letters.
        return (
          <span
            key={index}
            role="img"
            aria-label={segment.mark}
            className={css('mark', segment.isSpace && 'space')}
            title={segment.mark}
          >
            {segment.text}
          </span>
        );
      })}
    </bdi>
  );
}
