/** The moments besides its snapshots at which a guest can go on: memory of it that was saved. Pure. */
import type { Image, ReadableVm } from '../../model/inventory.ts';
import { writableDisks } from '../inventory/disks.ts';

export interface RestorePoint {
  /** The path of the memory; null: it is where libvirt keeps it for the next start (a managed save). */
  readonly file: string | null;
  /** Seconds since 1970; null where that is not known. */
  readonly savedAt: number | null;
  /** What it takes on storage; null where that is not known. */
  readonly allocatedBytes: number | null;
  /** Null where, as far as is known, the guest can go on from it. */
  readonly worn: 'running' | 'writtenSince' | null;
}

/**
 * In the order in which they were saved, the managed save last. A guest that goes on from memory knows its disks as they were then, and
 * writes on from there: what was written to since is not for it any more.
 *
 * @param images of the host, by id
 */
export function restorePointsOf(
  vm: Pick<ReadableVm, 'state' | 'disks' | 'savedMemory' | 'hasManagedSave'>,
  images: ReadonlyMap<string, Image>,
): readonly RestorePoint[] {
  const isOff = vm.state === 'shutoff';
  const written = writableDisks(vm.disks).map(
    ({ imageId }) => (imageId === null ? null : images.get(imageId)?.modifiedAt) ?? 0,
  );
  const files = (vm.savedMemory ?? []).map(({ file, savedAt, allocatedBytes }): RestorePoint => {
    const isWritten = savedAt !== null && written.some((at) => at > savedAt);
    return { file, savedAt, allocatedBytes, worn: isWritten ? 'writtenSince' : isOff ? null : 'running' };
  });
  const managed: RestorePoint = { file: null, savedAt: null, allocatedBytes: null, worn: isOff ? null : 'running' };
  return vm.hasManagedSave ? [...files, managed] : files;
}

/** Tells it from the others of its VM: of a managed save there is one at most. */
export function pointKey({ file }: Pick<RestorePoint, 'file'>): string {
  return `memory:${file ?? ''}`;
}

/** Short: the name of its file. */
export function nameOfPoint({ file }: Pick<RestorePoint, 'file'>): string {
  return file === null ? 'Managed save' : file.slice(file.lastIndexOf('/') + 1);
}

/** What it is good for now. */
export function wordsOfPoint({ file, worn }: RestorePoint): string {
  if (worn === 'writtenSince') return 'Saved memory that fits the disks no more: they were written to since';
  if (file === null)
    return worn === null
      ? 'Saved memory: the next start goes on from it'
      : 'Saved memory that fits the disks no more: discard it before the next start';
  return worn === null
    ? 'Saved memory: the guest goes on from it by Restore, as long as the disks stay as they are'
    : 'Saved memory, of no use while the VM runs: its disks are written to';
}
