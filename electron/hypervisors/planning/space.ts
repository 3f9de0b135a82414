/** The room that a change finds. */
import type { Plan, PlanNote } from '../../../shared/model/plan.ts';
import { folderOf } from '../../../shared/rules/folders.ts';
import { readableBytes } from '../../../shared/rules/units.ts';
import { note } from './notes.ts';
import type { PlanningContext } from './planning-context.ts';

/** Free bytes of the folder in which an image lies; null where it was not read. */
export function freeSpace(
  { inventory }: PlanningContext,
  imageId: string | null,
): { folder: string | null; freeBytes: number | null } {
  if (imageId === null) return { folder: null, freeBytes: null };
  const folder = folderOf(imageId);
  return { folder, freeBytes: inventory.filesystems.find((one) => one.folder === folder)?.freeBytes ?? null };
}

/**
 * A warning where a change may need more room than there is.
 *
 * @param say gives the sentences, from words for the bytes needed, the bytes free and where
 */
export function roomWarnings(
  { neededBytes, freeBytes, folder }: Plan['space'],
  code: string,
  say: (needed: string, free: string, where: string) => string,
): PlanNote[] {
  if (neededBytes === null || freeBytes === null || neededBytes <= freeBytes) return [];
  return [note(code, say(readableBytes(neededBytes), readableBytes(freeBytes), folder ?? 'the storage'))];
}
