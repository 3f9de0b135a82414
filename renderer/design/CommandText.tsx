import { classes } from './classes.ts';
import styles from './CommandText.module.css';
import { HostText } from './HostText.tsx';

const css = classes(styles);

/** A command as `shellText` writes it. A script of many lines scrolls; `what` names it then, for those who hear the page. */
export function CommandText({ text, what }: { readonly text: string; readonly what: string }) {
  if (!text.includes('\n')) {
    return (
      <code className={css('command')}>
        <HostText text={text} />
      </code>
    );
  }
  return (
    // It may scroll, so the keyboard must get to it.
    <code className={css('command', 'script')} tabIndex={0} role="region" aria-label={what}>
      <HostText text={text} lines />
    </code>
  );
}
