import { useCallback, useState } from 'react';

interface PaneSize {
  readonly size: number;
  readonly setSize: (size: number) => void;
}

/** The size of a pane in pixels, within its limits, kept in this browser. */
export function usePaneSize(name: string, start: number, least: number, most: number): PaneSize {
  const key = `snaptree.pane.${name}`;
  const within = useCallback((size: number) => Math.min(Math.max(Math.round(size), least), most), [least, most]);
  const [size, setSize] = useState(() => {
    const stored = Number(localStorage.getItem(key));
    return Number.isFinite(stored) && stored > 0 ? within(stored) : start;
  });
  const remember = useCallback(
    (wanted: number) => {
      const next = within(wanted);
      localStorage.setItem(key, String(next));
      setSize(next);
    },
    [key, within],
  );
  return { size, setSize: remember };
}

/** Whether a pane is shown, kept in this browser. */
export function useShown(name: string, start: boolean): readonly [boolean, (shown: boolean) => void] {
  const key = `snaptree.shown.${name}`;
  const [shown, setShown] = useState(() => {
    const stored = localStorage.getItem(key);
    return stored === null ? start : stored === 'true';
  });
  const remember = useCallback(
    (wanted: boolean) => {
      localStorage.setItem(key, String(wanted));
      setShown(wanted);
    },
    [key],
  );
  return [shown, remember];
}
