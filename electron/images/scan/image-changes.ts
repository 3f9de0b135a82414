/** What changed on a host since its images were examined, told from the status of files. Pure. */
import type { FileStatus } from './file-status.ts';
import { backingPath, dataFilePath, statusOf, type ImageKnowledge } from './image-knowledge.ts';
import type { Walk, WalkedFolder } from './walk-result.ts';

/** Resolved paths of files to examine again; or `everything`, where the change is not one of single files. */
export type ImageChanges = 'everything' | ReadonlySet<string>;

/**
 * Paths whose status behind symbolic links says whether they changed, since no listing of a folder does: links, block
 * devices, and names of what lies in folders that could not be listed.
 */
export function linksOf(knowledge: ImageKnowledge): readonly string[] {
  const links = new Set<string>();
  for (const [path, real] of knowledge.realPaths) {
    const entry = knowledge.folders.get(real.slice(0, real.lastIndexOf('/')) || '/')?.entries?.get(real);
    if (path !== real || !entry) links.add(path);
  }
  for (const { id, kind } of knowledge.images.values()) {
    // With the folder of what is missing other images may come.
    const folder = id.slice(0, id.lastIndexOf('/')) || '/';
    if (kind === 'absent' && !knowledge.folders.has(folder)) links.add(folder);
  }
  for (const { entries } of knowledge.folders.values()) {
    for (const [path, { type }] of entries ?? []) if (type === 'link') links.add(path);
  }
  return [...links];
}

/** Compares what is remembered with what a walk listed. */
export function changesSince(knowledge: ImageKnowledge, walk: Walk, links: readonly string[]): ImageChanges {
  if (!walk.hasStat || walk.hasQemuImg !== knowledge.hasQemuImg) return 'everything';
  const changed = new Set<string>();
  for (const folder of knowledge.folders.values()) {
    const now = walk.listings.get(folder.path);
    const inFolder = now ? changesInFolder(folder, now, knowledge) : 'everything';
    if (inFolder === 'everything') return 'everything';
    for (const path of inFolder) {
      // A backing image somewhere else may have been reached by this image alone.
      if (!now?.entries?.has(path) && knowledge.images.has(path)) return 'everything';
      changed.add(path);
    }
  }
  for (const path of links) {
    const before = knowledge.statuses.get(path);
    const now = walk.statuses.get(path);
    if (!before && !now) continue;
    if (!before || !now || !isSameFile(before, now)) return 'everything';
    if (now.type !== 'folder' && before.revision !== now.revision) changed.add(knowledge.realPaths.get(path) ?? path);
  }
  return changed;
}

/** Whether images hang on other ones than before, so that what was looked through for them may be of no interest now. */
export function hangsOtherwise(before: ImageKnowledge, after: ImageKnowledge, changed: ReadonlySet<string>): boolean {
  return [...changed].some((id) => {
    const image = before.images.get(id);
    const now = after.images.get(id);
    if (image !== undefined && (now === undefined || backingPath(image) !== backingPath(now))) return true;
    if (image && now && dataFilePath(image) !== dataFilePath(now)) return true;
    const [header, headerNow] = [before.headers.get(id), after.headers.get(id)];
    return (header ? backingPath(header) : null) !== (headerNow ? backingPath(headerNow) : null);
  });
}

/** Takes in the status of files as a walk listed them. */
export function learnListings(knowledge: ImageKnowledge, walk: Walk): void {
  for (const [path, { entries, space }] of walk.listings) {
    const known = knowledge.folders.get(path);
    if (known) knowledge.folders.set(path, { ...known, entries, space });
  }
  for (const [path, status] of walk.statuses) knowledge.statuses.set(path, status);
}

/** Forgets how images look; what is at their paths is then to be asked again. */
export function forgetImages(knowledge: ImageKnowledge, ids: ReadonlySet<string>): void {
  if (ids.size === 0) return;
  for (const id of ids) {
    knowledge.images.delete(id);
    knowledge.headers.delete(id);
    knowledge.unread.delete(id);
    knowledge.savedMemory.delete(id);
    knowledge.asked.delete(id);
    knowledge.askedFormatted.delete(id);
  }
  for (const [path, { id }] of knowledge.otherViews) if (ids.has(id)) knowledge.otherViews.delete(path);
  for (const [path, real] of knowledge.realPaths) {
    if (!ids.has(real)) continue;
    knowledge.realPaths.delete(path);
    knowledge.asked.delete(path);
    knowledge.askedFormatted.delete(path);
  }
}

/** Whether a memory can tell changes at all: every folder must have been listed with the status of its files. */
export function canRemember(knowledge: ImageKnowledge): boolean {
  if (!knowledge.hasStat || !knowledge.hasQemuImg || knowledge.foldersCut) return false;
  const whole = [...knowledge.folders.values()].every(({ listed, entries }) => !listed || entries !== null);
  return whole && [...knowledge.images.values()].every(({ id, kind }) => kind !== 'file' || statusOf(knowledge, id));
}

function changesInFolder(before: WalkedFolder, now: WalkedFolder, { images }: ImageKnowledge): ImageChanges {
  if (before.listed !== now.listed) return 'everything';
  if (!before.listed) return new Set();
  if (!before.entries || !now.entries) return 'everything';
  const changed = new Set<string>();
  for (const path of new Set([...before.entries.keys(), ...now.entries.keys()])) {
    const old = before.entries.get(path);
    const status = now.entries.get(path);
    if (old && status && old.type === 'folder' && isSameFile(old, status)) continue;
    if (old?.revision === status?.revision) continue;
    if (old?.type === 'folder' || status?.type === 'folder') return 'everything';
    if (old?.type === 'link' || status?.type === 'link') return 'everything';
    changed.add(path);
  }
  // What was left out in the folder can only be counted again as a whole; what is used as raw is looked at by itself.
  const isLeftOut = before.cut || before.closed.some((path) => images.get(path)?.raw !== true);
  return changed.size > 0 && isLeftOut ? 'everything' : changed;
}

function isSameFile(a: FileStatus, b: FileStatus): boolean {
  return a.device === b.device && a.inode === b.inode && a.mode === b.mode && a.blockDevice === b.blockDevice;
}
