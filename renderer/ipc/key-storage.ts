/**
 * Where the page keeps the key that lets it in, as long as the browser lets it: for every tab, else for this tab, else until
 * the page is left. All three are of this origin, and so of this port, alone.
 */

/** What still has the key: any page of this browser, this tab after a reload, or only the page as it is. */
export type Keeping = 'browser' | 'tab' | 'page';

export interface KeyStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  /** Where what was last read or written is. */
  keeping(): Keeping;
}

/** The browser's stores. To ask for one may throw, as its use may; it may be missing, too. */
export type BrowserStores = Partial<Pick<Window, 'localStorage' | 'sessionStorage'>>;

/** @param browser the window */
export function openKeyStorage(browser: BrowserStores): KeyStorage {
  const inPage = new Map<string, string>();
  // What could not be written to the browser's store stands in the tab's, and is newer than what may be left there.
  const stores: readonly (readonly [Keeping, () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined])[] =
    [
      ['tab', () => browser.sessionStorage],
      ['browser', () => browser.localStorage],
    ];
  let keeping: Keeping = 'page';
  return {
    getItem(name) {
      for (const [place, store] of stores) {
        const value = attempt(() => store()?.getItem(name)) ?? null;
        if (value === null) continue;
        keeping = place;
        return value;
      }
      return inPage.get(name) ?? null;
    },
    setItem(name, value) {
      inPage.set(name, value);
      keeping = 'page';
      for (const [place, store] of stores.toReversed()) {
        const kept = attempt(() => {
          store()?.setItem(name, value);
          return store()?.getItem(name);
        });
        if (kept !== value) continue;
        keeping = place;
        if (place === 'browser') attempt(() => browser.sessionStorage?.removeItem(name));
        return;
      }
    },
    keeping: () => keeping,
  };
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch {
    // A browser that is set to keep nothing throws; so does one without room.
    return undefined;
  }
}
