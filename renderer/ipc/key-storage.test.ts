import { describe, expect, it } from 'vitest';
import { openKeyStorage, type BrowserStores } from './key-storage.ts';

class Store implements Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  readonly values = new Map<string, string>();
  hasRoom = true;
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => {
    if (!this.hasRoom) throw new DOMException('full', 'QuotaExceededError');
    this.values.set(name, value);
  };
  removeItem = (name: string) => void this.values.delete(name);
}

const window = (stores: Partial<Record<keyof BrowserStores, Store>>) => stores as unknown as BrowserStores;
const refusing = {
  get localStorage(): Storage {
    throw new DOMException('denied', 'SecurityError');
  },
  get sessionStorage(): Storage {
    throw new DOMException('denied', 'SecurityError');
  },
};

describe('openKeyStorage', () => {
  it('keeps it for every tab where the browser does', () => {
    const [localStorage, sessionStorage] = [new Store(), new Store()];
    const storage = openKeyStorage(window({ localStorage, sessionStorage }));
    storage.setItem('key', 'a');
    expect(storage.keeping()).toBe('browser');
    expect([localStorage.values.get('key'), sessionStorage.values.size]).toEqual(['a', 0]);
    const next = openKeyStorage(window({ localStorage, sessionStorage: new Store() }));
    expect([next.getItem('key'), next.keeping()]).toEqual(['a', 'browser']);
  });

  it('keeps it for the tab where the browser has no room, and believes that rather than what is left there', () => {
    const [localStorage, sessionStorage] = [new Store(), new Store()];
    localStorage.setItem('key', 'of an earlier run');
    localStorage.hasRoom = false;
    const storage = openKeyStorage(window({ localStorage, sessionStorage }));
    storage.setItem('key', 'a');
    expect(storage.keeping()).toBe('tab');
    const reloaded = openKeyStorage(window({ localStorage, sessionStorage }));
    expect([reloaded.getItem('key'), reloaded.keeping()]).toEqual(['a', 'tab']);
    // When there is room again, the tab keeps nothing of its own.
    localStorage.hasRoom = true;
    reloaded.setItem('key', 'b');
    expect([reloaded.keeping(), sessionStorage.values.size]).toEqual(['browser', 0]);
  });

  it.each([
    ['refuses both stores', refusing],
    ['has neither', {}],
    [
      'forgets at once',
      {
        localStorage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
        sessionStorage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
      } as unknown as BrowserStores,
    ],
  ])('keeps it in the page where the browser %s', (_, browser) => {
    const storage = openKeyStorage(browser);
    expect(storage.getItem('key')).toBeNull();
    storage.setItem('key', 'a');
    expect([storage.getItem('key'), storage.keeping()]).toEqual(['a', 'page']);
    expect(openKeyStorage(browser).getItem('key')).toBeNull();
  });
});
