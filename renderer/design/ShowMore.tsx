import { useState, type ReactNode } from 'react';
import { Button } from './Button.tsx';

/** The first of a long list, and the button below it that shows the rest; null where there is no rest. */
export function useFirst<Item>(
  items: readonly Item[],
  atOnce: number,
): { readonly shown: readonly Item[]; readonly more: ReactNode } {
  const [all, setAll] = useState(false);
  if (items.length <= atOnce) return { shown: items, more: null };
  const more = (
    <div>
      <Button
        size="small"
        tone="quiet"
        expanded={all}
        onPress={() => {
          setAll(!all);
        }}
      >
        {all ? 'Show less' : `Show all ${items.length}`}
      </Button>
    </div>
  );
  return { shown: all ? items : items.slice(0, atOnce), more };
}
