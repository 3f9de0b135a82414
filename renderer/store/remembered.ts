/**
 * What this window remembers from one time to the next: one entry of the browser's store, with a version. It outlives the
 * version that wrote it, and anybody may edit it: whatever is in it, the window starts, with what of it can be used.
 */
import { z } from 'zod';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const id = z.string().max(1000).nullable();
const noSelection = { hostId: null, vmUuid: null, snapshotId: null };

/** A part that cannot be used is as if it had never been remembered; the others stay. */
const contentSchema = z.object({
  theme: z.enum(themes).catch('system'),
  selection: z.object({ hostId: id, vmUuid: id, snapshotId: id }).catch(noSelection),
  /** In pixels, by the pane's name. */
  paneSizes: z.record(z.string(), z.number().positive()).catch({}),
  /** Whether a pane is shown, by its name. */
  shownPanes: z.record(z.string(), z.boolean()).catch({}),
});

export type Remembered = z.output<typeof contentSchema>;

const storageKey = 'snaptree.window';
const presentVersion = 2;
const entrySchema = z.looseObject({ version: z.int().positive() });
const nothing = contentSchema.parse({});

/** Version 1 had an entry for each thing, and said no version. */
const version1 = {
  theme: 'snaptree.theme',
  selection: 'snaptree.selection',
  paneSizes: {
    navigation: 'snaptree.pane.navigation',
    operations: 'snaptree.pane.operations',
    details: 'snaptree.pane.details',
  },
  shownPanes: { details: 'snaptree.shown.details' },
} as const;

/** `localStorage`; every use of it may throw, where the browser keeps nothing for this page or has no room. */
export type WindowStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const ofThisPage: WindowStorage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => {
    localStorage.setItem(key, value);
  },
  removeItem: (key) => {
    localStorage.removeItem(key);
  },
};

/** What is remembered, by this window or another one of this browser. Never throws. */
export function remembered(storage: WindowStorage = ofThisPage): Remembered {
  return read(storage).content;
}

/** Remembers parts, as well as the browser lets it; what a newer Snaptree wrote stays as it is. Never throws. */
export function remember(parts: Partial<Remembered>, storage: WindowStorage = ofThisPage): void {
  const { content, version } = read(storage);
  if (version > presentVersion) return;
  try {
    storage.setItem(storageKey, JSON.stringify({ version: presentVersion, ...content, ...parts }));
    if (version === presentVersion) return;
    const { theme, selection, paneSizes, shownPanes } = version1;
    const old = [theme, selection, ...Object.values(paneSizes), ...Object.values(shownPanes)];
    for (const key of old) storage.removeItem(key);
  } catch {
    // The window works without.
  }
}

function read(storage: WindowStorage): { readonly content: Remembered; readonly version: number } {
  const text = itemOf(storage, storageKey);
  if (text === null) return { content: contentSchema.parse(contentOfVersion1(storage)), version: 1 };
  const entry = entrySchema.safeParse(parsedJson(text));
  if (!entry.success) return { content: nothing, version: presentVersion };
  const { version } = entry.data;
  return { content: version > presentVersion ? nothing : contentSchema.parse(entry.data), version };
}

function contentOfVersion1(storage: WindowStorage): unknown {
  const present = (keys: Readonly<Record<string, string>>) =>
    Object.entries(keys).flatMap(([name, key]): [string, string][] => {
      const text = itemOf(storage, key);
      return text === null ? [] : [[name, text]];
    });
  return {
    theme: itemOf(storage, version1.theme),
    selection: parsedJson(itemOf(storage, version1.selection)),
    paneSizes: Object.fromEntries(present(version1.paneSizes).map(([name, text]) => [name, Number(text)])),
    shownPanes: Object.fromEntries(present(version1.shownPanes).map(([name, text]) => [name, text === 'true'])),
  };
}

function itemOf(storage: WindowStorage, key: string): string | null {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

function parsedJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
