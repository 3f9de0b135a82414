import { classes } from './classes.ts';
import styles from './Skeleton.module.css';

const css = classes(styles);
const widths = [72, 54, 63, 41, 58, 47];

/** Grey lines where something is about to be. `label` says what, to those who hear the page. */
export function Skeleton({ lines, label }: { readonly lines: number; readonly label: string }) {
  return (
    <div role="status" aria-label={label} className={css('skeleton')}>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className={css('line')} style={{ width: `${widths[index % widths.length] ?? 50}%` }} />
      ))}
    </div>
  );
}
