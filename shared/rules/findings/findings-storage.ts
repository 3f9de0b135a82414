/** Findings about the room on storage. */
import type { Inventory } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { finding, onlyVmOf, vmsInWords } from './findings-context.ts';
import type { FindingContext } from './findings-context.ts';
import { folderOf } from '../text/folders.ts';
import { mergeGrowth } from '../chains/image-growth.ts';
import { readableBytes } from '../text/units.ts';

export interface FileSystem {
  /** Sorted; at least one. */
  readonly folders: readonly string[];
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of its size, by which the free room of a file system may change between two looks at it. */
const drift = 0.001;

/**
 * The file systems that folders lie on. Folders with exactly the same size and nearly the same free bytes are taken to
 * be on one file system: `df` does not say more, and VMs write while it looks. All folders are named, so that none is
 * lost where that is wrong, and the least free bytes count.
 */
export function fileSystems(folders: Inventory['filesystems']): readonly FileSystem[] {
  const found: { folders: string[]; freeBytes: number; totalBytes: number }[] = [];
  const byRoom = [...folders].sort((a, b) => a.totalBytes - b.totalBytes || a.freeBytes - b.freeBytes);
  for (const { folder, freeBytes, totalBytes } of byRoom) {
    const last = found.at(-1);
    if (last?.totalBytes === totalBytes && freeBytes - last.freeBytes <= totalBytes * drift) last.folders.push(folder);
    else found.push({ folders: [folder], freeBytes, totalBytes });
  }
  return found
    .map((system) => ({ ...system, folders: [...new Set(system.folders)].sort() }))
    .sort((a, b) => ((a.folders[0] ?? '') < (b.folders[0] ?? '') ? -1 : 1));
}

/** How short of room a file system is. `critical` below half of what should be free. */
export interface StorageShortage {
  readonly severity: 'critical' | 'warning';
  readonly message: string;
}

/** What is to be said of a file system of which less than `minimumFreePercent` is free; null where enough is. */
export function storageShortage(
  { folders, freeBytes, totalBytes }: FileSystem,
  minimumFreePercent: number,
): StorageShortage | null {
  if (totalBytes === 0 || freeBytes * 100 >= totalBytes * minimumFreePercent) return null;
  const percent = (Math.floor((freeBytes / totalBytes) * 1000) / 10).toFixed(1);
  const [folder = '', ...others] = folders;
  const also = others.length > 0 ? ` (also ${others.join(', ')})` : '';
  return {
    severity: freeBytes * 200 < totalBytes * minimumFreePercent ? 'critical' : 'warning',
    message: `The file system of ${folder}${also} has ${readableBytes(freeBytes)} free of ${readableBytes(totalBytes)}, ${percent} %; it should be ${minimumFreePercent} %.`,
  };
}

export function storageFindings(context: FindingContext): readonly Finding[] {
  return fileSystems(context.inventory.filesystems).flatMap((system): readonly Finding[] => {
    const shortage = storageShortage(system, context.thresholds.minimumFreePercent);
    if (!shortage) return [];
    return [
      finding(context, {
        code: 'storageNearlyFull',
        path: system.folders[0] ?? '',
        ...shortage,
        remedy:
          'Make room before it is full: VMs are paused, and merges fail, when it is. Move away images that no VM needs, or add storage. Deleting external snapshots that nobody will go back to makes room; deleting internal ones makes no image smaller.',
      }),
    ];
  });
}

/**
 * Overlays whose commit into their base may need more room than the base's file system has, by the rule of plans (`mergeGrowth`).
 * Not counted are zeroes that images only note, which a merge below the active layer of a VM that runs writes out: by these nearly
 * every overlay might need all of its disk.
 */
export function mergeFindings(context: FindingContext): readonly Finding[] {
  const free = new Map(context.inventory.filesystems.map(({ folder, freeBytes }) => [folder, freeBytes]));
  return context.inventory.images.flatMap((overlay): readonly Finding[] => {
    if (overlay.parent?.relation !== 'backing' || overlay.parent.imageId === null) return [];
    const base = context.images.get(overlay.parent.imageId);
    if (base?.kind !== 'file' || base.status !== 'ok') return [];
    const growth = overlay.allocatedBytes === null ? null : mergeGrowth([overlay], base, 'data').atMostBytes;
    const freeBytes = free.get(folderOf(base.id));
    if (growth === null || freeBytes === undefined || growth <= freeBytes) return [];
    const vms = context.dependents.get(overlay.id)?.vms ?? [];
    return [
      finding(context, {
        code: 'mergeWouldNotFit',
        severity: 'warning',
        vm: onlyVmOf(overlay.id, context),
        path: overlay.id,
        message: `Merging the overlay ${overlay.id} (${vmsInWords(vms)}; ${readableBytes(overlay.allocatedBytes ?? 0)} allocated) into ${base.id} may take up to ${readableBytes(growth)} (${growth} bytes), and its file system has ${readableBytes(freeBytes)} (${freeBytes} bytes) free.`,
        remedy: 'Make room on that file system before you delete the snapshot.',
      }),
    ];
  });
}
