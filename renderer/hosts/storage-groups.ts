/** The file systems of a host as its page lists them. Pure. */
import type { Inventory } from '../../shared/model/inventory.ts';
import { fileSystems, type FileSystem } from '../../shared/rules/findings/findings-storage.ts';

/** The fullest first. */
export function storageGroups(filesystems: Inventory['filesystems']): readonly FileSystem[] {
  return fileSystems(filesystems).toSorted((a, b) => usedShare(b) - usedShare(a));
}

/** 0 to 1; 0 for a file system of no size. */
export function usedShare({ freeBytes, totalBytes }: Pick<FileSystem, 'freeBytes' | 'totalBytes'>): number {
  return totalBytes === 0 ? 0 : 1 - freeBytes / totalBytes;
}
