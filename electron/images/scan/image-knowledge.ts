/** What the walks over a host's images have found so far, and what they have not found yet. */
import { posix } from 'node:path';
import type { FileStatus } from './file-status.ts';
import type { OpenFiles } from './open-files.ts';
import { parseImageReference } from '../image-reference.ts';
import { parseQcow2Header } from '../qcow2/qcow2-header.ts';
import type { Walk, WalkedFolder, WalkedImage } from './walk-result.ts';
import type { WalkRequest } from './walk-script.ts';

export interface ImageKnowledge {
  /** By resolved path. */
  readonly images: Map<string, WalkedImage>;
  /** The same images as they look by other paths, from whose folders relative backing names lead elsewhere. */
  readonly otherViews: Map<string, WalkedImage>;
  /**
   * Of images that all use as raw, by resolved path: how they look by what they begin with, where that is another format.
   * A guest can have written that, so nothing that is found through it is taken for granted.
   */
  readonly headers: Map<string, WalkedImage>;
  readonly realPaths: Map<string, string>;
  /** Paths → the path with its folder resolved, where that is another: what hangs on the path is the same by both. */
  readonly spellings: Map<string, string>;
  readonly folders: Map<string, WalkedFolder>;
  /** By path, behind symbolic links. */
  readonly statuses: Map<string, FileStatus>;
  /** Paths that were asked for by themselves: asking again would give the same. */
  readonly asked: Map<string, 'raw' | 'as it is'>;
  /** Paths that somebody uses as an image of a format, and not as raw. */
  readonly formatted: Set<string>;
  /** Of these, paths that were asked for as what they are. */
  readonly askedFormatted: Set<string>;
  /** Files in which libvirt saved the memory of guests, with the UUIDs of their VMs, by resolved path. */
  readonly savedMemory: Map<string, string | null>;
  /** Images whose headers do not say everything; qemu-img is to be asked. */
  readonly unread: Set<string>;
  /** As last told; null where it never was. */
  openFiles: OpenFiles | null;
  foldersCut: boolean;
  hasQemuImg: boolean;
  hasStat: boolean;
}

export function emptyKnowledge(): ImageKnowledge {
  return {
    images: new Map(),
    otherViews: new Map(),
    headers: new Map(),
    realPaths: new Map(),
    spellings: new Map(),
    folders: new Map(),
    statuses: new Map(),
    asked: new Map(),
    formatted: new Set(),
    askedFormatted: new Set(),
    savedMemory: new Map(),
    unread: new Set(),
    openFiles: null,
    foldersCut: false,
    hasQemuImg: true,
    hasStat: true,
  };
}

export function copyOf(knowledge: ImageKnowledge): ImageKnowledge {
  return {
    ...knowledge,
    images: new Map(knowledge.images),
    otherViews: new Map(knowledge.otherViews),
    headers: new Map(knowledge.headers),
    realPaths: new Map(knowledge.realPaths),
    spellings: new Map(knowledge.spellings),
    folders: new Map(knowledge.folders),
    statuses: new Map(knowledge.statuses),
    asked: new Map(knowledge.asked),
    formatted: new Set(knowledge.formatted),
    askedFormatted: new Set(knowledge.askedFormatted),
    savedMemory: new Map(knowledge.savedMemory),
    unread: new Set(knowledge.unread),
  };
}

/** Takes in what a walk found. */
export function learn(knowledge: ImageKnowledge, walk: Walk): void {
  for (const [path, real] of walk.realPaths) knowledge.realPaths.set(path, real);
  for (const [path, spelled] of walk.spellings) knowledge.spellings.set(path, spelled);
  for (const [path, folder] of walk.folders) knowledge.folders.set(path, folder);
  for (const [path, status] of walk.statuses) knowledge.statuses.set(path, status);
  for (const { path, vmUuid } of walk.savedMemory) knowledge.savedMemory.set(path, vmUuid);
  const found = [...walk.images];
  for (const { path, bytes } of walk.headers) {
    const status = statusOf(knowledge, path);
    const info = bytes && status ? parseQcow2Header(bytes, status) : null;
    if (info) found.push({ id: path, path, kind: 'file', raw: false, info, failure: null, lacksFile: false });
    else knowledge.unread.add(path);
  }
  noteBackingFormats(knowledge, found);
  const formatted = usedWithFormat(knowledge);
  for (const image of found) learnImage(knowledge, image, formatted.has(image.id));
  knowledge.openFiles = walk.openFiles ?? knowledge.openFiles;
  knowledge.foldersCut ||= walk.foldersCut;
  knowledge.hasQemuImg &&= walk.hasQemuImg;
  knowledge.hasStat &&= walk.hasStat;
}

/**
 * Takes note of the formats in which images use their backing images. What a raw disk begins with says nothing about others,
 * unless somebody uses it with a format, which another of the images may say.
 */
function noteBackingFormats(knowledge: ImageKnowledge, found: readonly WalkedImage[]): void {
  const raw = new Set([...knowledge.images.values(), ...found].flatMap((image) => (image.raw ? [image.id] : [])));
  let open = [...found, ...knowledge.headers.values()].filter(
    (image) => (image.info?.backing?.format ?? 'raw') !== 'raw',
  );
  for (let before = -1; before !== open.length;) {
    before = open.length;
    const formatted = usedWithFormat(knowledge);
    open = open.filter((image) => {
      if (!image.raw && raw.has(image.id) && !formatted.has(image.id)) return true;
      const backing = backingPath(image);
      if (backing !== null) knowledge.formatted.add(backing);
      return false;
    });
  }
}

/**
 * The resolved paths of what somebody uses as an image of a format. Who uses it as raw at the same time sees other data in
 * it, but cannot make its backing image go away.
 */
export function usedWithFormat({ formatted, realPaths }: ImageKnowledge): ReadonlySet<string> {
  return new Set([...formatted].map((path) => realPaths.get(path) ?? path));
}

function learnImage(knowledge: ImageKnowledge, image: WalkedImage, hasFormat: boolean): void {
  const known = knowledge.images.get(image.id);
  if (known && known.raw !== image.raw) {
    const [asRaw, asItBegins] = image.raw ? [image, known] : [known, image];
    // What is only used as raw is raw, whatever a guest wrote into it.
    knowledge.images.set(image.id, hasFormat ? asItBegins : asRaw);
    if (hasFormat || (asItBegins.info?.format ?? 'raw') === 'raw') knowledge.headers.delete(image.id);
    else knowledge.headers.set(image.id, asItBegins);
    return;
  }
  if (!known || image.raw || known.path === image.path) knowledge.images.set(image.id, image);
  else knowledge.otherViews.set(image.path, image);
}

/** Takes note of what was asked for: a path without an answer is not asked for again. */
export function noteAsked(knowledge: ImageKnowledge, requests: readonly WalkRequest[]): void {
  for (const { path, raw } of requests) {
    if (!knowledge.realPaths.has(path)) knowledge.realPaths.set(path, path);
    if (!raw) knowledge.askedFormatted.add(path);
    if (raw || !knowledge.asked.has(path)) knowledge.asked.set(path, raw ? 'raw' : 'as it is');
  }
}

/**
 * What to ask for next: paths of `wanted` and backing images of which nothing is known, or which were read as raw and have a
 * format, or the other way round.
 */
export function openRequests(knowledge: ImageKnowledge, wanted: readonly WalkRequest[]): readonly WalkRequest[] {
  const { images, otherViews, realPaths, asked, askedFormatted, unread } = knowledge;
  const formatted = usedWithFormat(knowledge);
  const backings = [...images.values(), ...otherViews.values(), ...knowledge.headers.values()].flatMap(
    (image): readonly WalkRequest[] => {
      const backing = backingPath(image);
      const data = dataFilePath(image);
      return [
        ...(backing === null ? [] : [{ path: backing, raw: image.info?.backing?.format === 'raw' }]),
        ...(data === null ? [] : [{ path: data, raw: true }]),
      ];
    },
  );
  const open = new Map<string, boolean>();
  const unreadRequests = [...unread].map((path): WalkRequest => ({ path, raw: false }));
  for (const { path, raw } of [...wanted, ...backings, ...unreadRequests]) {
    const id = realPaths.get(path) ?? path;
    const image = images.get(id);
    if (image && formatted.has(id)) {
      if (image.raw && !askedFormatted.has(path)) open.set(path, false);
      continue;
    }
    const isOpen = image ? raw && !image.raw && (image.info?.format ?? 'raw') !== 'raw' : !asked.has(path);
    if (isOpen && !(asked.get(path) === 'raw')) open.set(path, raw || open.get(path) === true);
  }
  return [...open].map(([path, raw]) => ({ path, raw }));
}

/** The absolute path of an image's backing image, or null where it has none that is a path. */
export function backingPath({ info, path }: WalkedImage): string | null {
  const backing = info?.backing;
  if (!backing) return null;
  const folder = posix.dirname(path);
  for (const reference of [backing.resolved, backing.recorded]) {
    const target = reference === null ? null : parseImageReference(reference, folder);
    if (target?.kind === 'path') return target.path;
  }
  return null;
}

/** The absolute path of the file that holds an image's data; null where the image holds it itself, or it is no path. */
export function dataFilePath({ info, path }: WalkedImage): string | null {
  if (info?.dataFile === undefined) return null;
  const target = parseImageReference(info.dataFile, posix.dirname(path));
  return target.kind === 'path' ? target.path : null;
}

/** The status of what is at a resolved path; undefined where it is not known. */
export function statusOf({ folders, statuses, images }: ImageKnowledge, id: string): FileStatus | undefined {
  const entry = folders.get(id.slice(0, id.lastIndexOf('/')) || '/')?.entries?.get(id);
  if (entry && entry.type !== 'link') return entry;
  return statuses.get(id) ?? statuses.get(images.get(id)?.path ?? id);
}
