import { memo, useRef } from 'react';
import { classes } from './classes.ts';
import styles from './Splitter.module.css';

const css = classes(styles);
const keyStep = 24;

/** The line between two panes: drag it, or focus it and use the arrow keys, Home and End. */
export const Splitter = memo(function Splitter({
  label,
  orientation,
  size,
  least,
  most,
  grows,
  onResize,
}: {
  readonly label: string;
  /** Of the line itself. */
  readonly orientation: 'vertical' | 'horizontal';
  /** Of the pane that it sizes, in pixels. */
  readonly size: number;
  readonly least: number;
  readonly most: number;
  /** Whether the pane grows when the line goes right or down, or when it goes left or up. */
  readonly grows: 'forward' | 'backward';
  readonly onResize: (size: number) => void;
}) {
  const drag = useRef<{ readonly from: number; readonly size: number } | null>(null);
  const sign = grows === 'forward' ? 1 : -1;
  const vertical = orientation === 'vertical';
  return (
    <div
      role="separator"
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={size}
      aria-valuemin={least}
      aria-valuemax={most}
      tabIndex={0}
      className={css('splitter', orientation)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { from: vertical ? event.clientX : event.clientY, size };
      }}
      onPointerMove={(event) => {
        if (!drag.current) return;
        const at = vertical ? event.clientX : event.clientY;
        onResize(drag.current.size + sign * (at - drag.current.from));
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onKeyDown={(event) => {
        const forward = vertical ? 'ArrowRight' : 'ArrowDown';
        const backward = vertical ? 'ArrowLeft' : 'ArrowUp';
        if (event.key === forward) onResize(size + sign * keyStep);
        else if (event.key === backward) onResize(size - sign * keyStep);
        else if (event.key === 'Home') onResize(least);
        else if (event.key === 'End') onResize(most);
        else return;
        event.preventDefault();
      }}
    />
  );
});
