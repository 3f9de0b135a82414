/** The folders of a host by the file system that they are on. Pure. */
import type { Inventory } from '../../shared/model/inventory.ts';

type Filesystem = Inventory['filesystems'][number];

export interface StorageGroup {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** In alphabetical order. */
  readonly folders: readonly string[];
}

/**
 * Folders with the same free and total bytes as one row: they are on one file system, as far as can be told from a
 * host that names folders and not devices. The fullest first.
 */
export function storageGroups(filesystems: readonly Filesystem[]): readonly StorageGroup[] {
  const groups = Map.groupBy(filesystems, ({ freeBytes, totalBytes }) => `${freeBytes} ${totalBytes}`);
  return [...groups.values()]
    .flatMap((members) => {
      const [first] = members;
      if (!first) return [];
      const folders = members.map(({ folder }) => folder).sort();
      return [{ freeBytes: first.freeBytes, totalBytes: first.totalBytes, folders }];
    })
    .sort((a, b) => usedShare(b) - usedShare(a) || ((a.folders[0] ?? '') < (b.folders[0] ?? '') ? -1 : 1));
}

/** 0 to 1; 0 for a file system of no size. */
export function usedShare({ freeBytes, totalBytes }: Pick<StorageGroup, 'freeBytes' | 'totalBytes'>): number {
  return totalBytes === 0 ? 0 : 1 - freeBytes / totalBytes;
}
