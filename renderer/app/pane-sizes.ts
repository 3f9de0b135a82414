import { useCallback, useState } from 'react';
import { remember, remembered } from '../store/remembered.ts';

interface PaneSize {
  readonly size: number;
  readonly setSize: (size: number) => void;
}

/** The size of a pane in pixels, within its limits, kept in this browser. */
export function usePaneSize(name: string, start: number, least: number, most: number): PaneSize {
  const within = useCallback((size: number) => Math.min(Math.max(Math.round(size), least), most), [least, most]);
  const [size, setSize] = useState(() => {
    const stored = remembered().paneSizes[name];
    return stored === undefined ? start : within(stored);
  });
  const change = useCallback(
    (wanted: number) => {
      const next = within(wanted);
      remember({ paneSizes: { ...remembered().paneSizes, [name]: next } });
      setSize(next);
    },
    [name, within],
  );
  return { size, setSize: change };
}

/** Whether a pane is shown, kept in this browser. */
export function useShown(name: string, start: boolean): readonly [boolean, (shown: boolean) => void] {
  const [shown, setShown] = useState(() => remembered().shownPanes[name] ?? start);
  const change = useCallback(
    (wanted: boolean) => {
      remember({ shownPanes: { ...remembered().shownPanes, [name]: wanted } });
      setShown(wanted);
    },
    [name],
  );
  return [shown, change];
}
