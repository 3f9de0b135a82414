import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remember, remembered, type WindowStorage } from './remembered.ts';

function storageOf(entries: Readonly<Record<string, string>> = {}) {
  const items = new Map(Object.entries(entries));
  const storage: WindowStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
  return { items, storage };
}

const key = 'snaptree.window';
const nothing = {
  theme: 'system',
  selection: { hostId: null, vmUuid: null, snapshotId: null },
  paneSizes: {},
  shownPanes: {},
};

describe('what the window remembers', () => {
  it('is there the next time, and a part leaves the others', () => {
    const { storage } = storageOf();
    remember({ theme: 'dark' }, storage);
    remember({ paneSizes: { details: 300 } }, storage);
    expect(remembered(storage)).toEqual({ ...nothing, theme: 'dark', paneSizes: { details: 300 } });
  });

  it('is taken over from the entries that had no version', () => {
    const { items, storage } = storageOf({
      'snaptree.theme': 'light',
      'snaptree.selection': '{"hostId":"a","vmUuid":"b","snapshotId":null}',
      'snaptree.pane.navigation': '280',
      'snaptree.shown.details': 'false',
      'snaptree.key': 'let in',
    });
    const taken = {
      theme: 'light',
      selection: { hostId: 'a', vmUuid: 'b', snapshotId: null },
      paneSizes: { navigation: 280 },
      shownPanes: { details: false },
    };
    expect(remembered(storage)).toEqual(taken);
    remember({ theme: 'dark' }, storage);
    expect(remembered(storage)).toEqual({ ...taken, theme: 'dark' });
    expect([...items.keys()].sort()).toEqual(['snaptree.key', key]);
  });

  it('is nothing where a newer Snaptree wrote it, and that stays', () => {
    const text = '{"version":3,"theme":"dark","rooms":[]}';
    const { items, storage } = storageOf({ [key]: text });
    expect(remembered(storage)).toEqual(nothing);
    remember({ theme: 'light' }, storage);
    expect(items.get(key)).toBe(text);
  });

  it('loses the part that is damaged, and no other', () => {
    const entry = {
      version: 2,
      theme: 'dark',
      selection: 7,
      paneSizes: { details: 'wide' },
      shownPanes: { details: true },
    };
    const { storage } = storageOf({ [key]: JSON.stringify(entry) });
    expect(remembered(storage)).toEqual({ ...nothing, theme: 'dark', shownPanes: { details: true } });
  });

  it('stops nothing, whatever is in the store', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        fc.constantFrom(key, 'snaptree.selection', 'snaptree.theme', 'snaptree.pane.details'),
        (text, where) => {
          const { storage } = storageOf({ [where]: text });
          expect(Object.keys(remembered(storage)).sort()).toEqual(Object.keys(nothing).sort());
          remember({ theme: 'dark' }, storage);
          expect(remembered(storage).selection).toHaveProperty('hostId');
        },
      ),
    );
  });

  it('stops nothing where the browser keeps nothing', () => {
    const refuse = () => {
      throw new Error('SecurityError');
    };
    const storage = { getItem: refuse, setItem: refuse, removeItem: refuse };
    expect(remembered(storage)).toEqual(nothing);
    expect(() => {
      remember({ theme: 'dark' }, storage);
    }).not.toThrow();
  });
});
