/** Every image of a host that matters: what VMs and snapshots name, their chains, and what lies beside them. */
import { isDeepStrictEqual } from 'node:util';
import type { Inventory, Problem, SavedMemory, UnknownDependents } from '../../../shared/model/inventory.ts';
import { shared } from '../../../shared/rules/inventory/structural-sharing.ts';
import { createInterner } from '../../base/interned.ts';
import { newNonce, parseFrames } from '../../hosts/commands/frames.ts';
import type { CommandRunner } from '../../hosts/commands/runner.ts';
import { assembleImages, type ImageRequest } from './assemble-images.ts';
import {
  canRemember,
  changesSince,
  forgetImages,
  hangsOtherwise,
  learnListings,
  linksOf,
  type ImageChanges,
} from './image-changes.ts';
import { imageDoubts, imageProblems } from './image-doubts.ts';
import {
  copyOf,
  emptyKnowledge,
  learn,
  noteAsked,
  openRequests,
  statusOf,
  type ImageKnowledge,
} from './image-knowledge.ts';
import { relevantKnowledge } from './image-relevance.ts';
import type { ImageMemory, RememberedImages } from './image-memory.ts';
import { parseImageReference } from '../image-reference.ts';
import { openImages, processesWithoutLock } from './open-files.ts';
import { listedSpaces, markOf, walkFromFrames, type Walk, type WalkedFolder, type WhatIsThere } from './walk-result.ts';
import { walkScript, type WalkRequest, type WalkTask } from './walk-script.ts';

export type { ImageRequest } from './assemble-images.ts';
export { createImageMemory, type ImageMemory } from './image-memory.ts';
export type { WhatIsThere } from './walk-result.ts';

export interface ImageReading {
  /** Ordered by id. */
  readonly images: Inventory['images'];
  readonly filesystems: Inventory['filesystems'];
  readonly problems: readonly Problem[];
  /** What could not be looked into; `unknownDependents` adds what the VMs leave open. */
  readonly unknownDependents: readonly UnknownDependents[];
  /** The id of the image that a request's reference led to; null where it led to none. */
  imageIdOf(reference: string): string | null;
  /** Who has which image open, in words, by the image's id; only of images that somebody has open as far as this user can tell. */
  readonly openBy: ReadonlyMap<string, readonly string[]>;
  /** Files in which libvirt saved the memory of guests, by the UUIDs of their VMs, the oldest first. */
  readonly savedMemory: ReadonlyMap<string, readonly SavedMemory[]>;
  /** What is at the paths that were to be looked for. */
  readonly lookedFor: ReadonlyMap<string, WhatIsThere>;
  /** The path by which a reference opens an image, as the model's `openedAs` has it; null where it is none. */
  openedAs(reference: string): string | null;
  /** A path behind all symbolic links, of one that was named; as it is where that is not known. */
  realPathOf(path: string): string;
}

export interface ImageReadOptions {
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
  /** Absolute paths of folders to look through besides those in which images lie: storage pools. */
  readonly folders?: readonly string[];
  /**
   * Absolute paths that are no images as far as anybody says, and may be one all the same: `imageIdOf` knows them as well, and
   * those that begin like an image are read like any other, with what they hang on. Of folders among them `realPathOf` tells where
   * they are.
   */
  readonly named?: readonly string[];
  /** Absolute paths of which `lookedFor` is to tell whether something is there. */
  readonly lookFor?: readonly string[];
  /**
   * Examine only what changed since the reading that filled it, told from the status of files (device, inode, size,
   * blocks, times). For showing, never for plans. Where nothing changed this is one script without qemu-img.
   */
  readonly memory?: ImageMemory;
}

/** Chains lead from folder to folder; the script follows them on the host, so that more than two rounds are rare. */
const maximumRounds = 12;
const timeoutSeconds = 300;
/** 20 000 images with a few internal snapshots each. */
const maximumOutputBytes = 256 * 1024 * 1024;

/** Reads the images at `requests` and all that belongs to them. Throws only what the runner throws. */
export async function readImages(
  runner: CommandRunner,
  requests: readonly ImageRequest[],
  options: ImageReadOptions,
): Promise<ImageReading> {
  const lookedFor = new Map<string, WhatIsThere>();
  const walk = createWalk(runner, options, lookedFor);
  const { memory } = options;
  const remembered = memory?.known ?? null;
  if (memory && remembered && isSameQuestion(remembered, requests, options)) {
    const changes = await lookForChanges(walk, remembered, options);
    if (changes.kind === 'none') {
      memory.known = { ...remembered, quiet: changes.quiet };
      return { ...remembered.reading, filesystems: changes.filesystems };
    }
    return readWhole(walk, requests, options, lookedFor, changes.first);
  }
  return readWhole(walk, requests, options, lookedFor, null);
}

/** Whether exactly the same is asked as the last time. */
function isSameQuestion(
  before: RememberedImages,
  requests: readonly ImageRequest[],
  options: ImageReadOptions,
): boolean {
  return (
    requests.length === before.requests.length &&
    requests.every(({ reference, format }, index) => {
      const was = before.requests[index];
      return was?.reference === reference && was.format === format;
    }) &&
    isSameList(before.named, options.named ?? []) &&
    isSameList(before.lookFor, options.lookFor ?? []) &&
    isSameList(before.folders, foldersOf(options))
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

function foldersOf({ folders }: ImageReadOptions): readonly string[] {
  return [...new Set(folders ?? [])].filter((folder) => folder.startsWith('/')).sort();
}

/**
 * Asks whether anything changed. The answer to the same question is compared as text before it is taken apart, so that
 * whatever could be told from it is told by that.
 */
async function lookForChanges(
  walk: RunWalk,
  remembered: RememberedImages,
  { named }: ImageReadOptions,
): Promise<
  | { readonly kind: 'none'; readonly quiet: NonNullable<RememberedImages['quiet']>; readonly filesystems: Filesystems }
  | { readonly kind: 'some'; readonly first: Walk }
> {
  const { knowledge, busy, quiet, reading } = remembered;
  const task = quiet?.task ?? changesTask(remembered, named ?? []);
  const answer = await walk.answer(task);
  const mark = answer.mark();
  if (mark === quiet?.mark) {
    const filesystems = filesystemsNow(reading, answer.spaces());
    if (filesystems) return { kind: 'none', quiet, filesystems };
  }
  const first = answer.walk();
  const changes = busy.size > 0 || first.locked ? 'everything' : changesSince(knowledge, first, linksOf(knowledge));
  const isQuiet =
    changes !== 'everything' &&
    changes.size === 0 &&
    isDeepStrictEqual(first.lookedFor, reading.lookedFor) &&
    isDeepStrictEqual(first.openFiles?.locks, knowledge.openFiles?.locks) &&
    isDeepStrictEqual(openImages({ ...knowledge, openFiles: first.openFiles }), openImages(knowledge)) &&
    (named ?? []).every((path) => knowledge.statuses.get(path)?.revision === first.statuses.get(path)?.revision);
  const filesystems = isQuiet ? filesystemsNow(reading, answer.spaces()) : null;
  return filesystems ? { kind: 'none', quiet: { task, mark }, filesystems } : { kind: 'some', first };
}

type Filesystems = ImageReading['filesystems'];

/** Null where that is not known of all of them. */
function filesystemsNow(
  { filesystems }: ImageReading,
  spaces: ReadonlyMap<string, WalkedFolder['space']>,
): Filesystems | null {
  const now = filesystems.flatMap(({ folder }) => {
    const space = spaces.get(folder);
    return space ? [{ folder, ...space }] : [];
  });
  return now.length === filesystems.length ? now : null;
}

async function readWhole(
  walk: RunWalk,
  requests: readonly ImageRequest[],
  options: ImageReadOptions,
  lookedFor: ReadonlyMap<string, WhatIsThere>,
  first: Walk | null,
): Promise<ImageReading> {
  const wanted = wantedPaths(requests);
  const folders = foldersOf(options);
  const named = [...new Set(options.named ?? [])];
  const remembered = options.memory?.known ?? null;
  let found: { knowledge: ImageKnowledge; busy: ReadonlySet<string> } | null = null;
  if (remembered && isAbout(remembered, wanted, folders)) {
    found = await readChanges(walk, remembered, wanted, named, first);
  }
  const hasPaths = (options.lookFor ?? []).length > 0;
  found ??= { knowledge: await readAll(walk, wanted, folders, named, hasPaths), busy: new Set() };
  const { knowledge, busy } = options.memory ? createInterner('cut')(found) : found;

  const relevant = relevantKnowledge(knowledge, [...wanted.map(({ path }) => path), ...named], folders);
  const assembled = assembleImages(requests, relevant, knowledge);
  const reading: ImageReading = {
    images: shared(remembered?.reading.images, [...assembled.images]),
    filesystems: [...relevant.folders.values()].flatMap(({ path, space }) =>
      space ? [{ folder: path, ...space }] : [],
    ),
    problems: imageProblems(relevant),
    unknownDependents: imageDoubts(relevant, assembled),
    openBy: createInterner('cut')(assembled.byId(openImages(relevant))),
    savedMemory: createInterner('cut')(savedMemoryOf(relevant)),
    lookedFor: createInterner('cut')(lookedFor),
    imageIdOf: assembled.imageIdOf,
    openedAs: assembled.openedAs,
    realPathOf: (path) => knowledge.realPaths.get(path) ?? path,
  };
  if (options.memory) {
    options.memory.known = canRemember(knowledge)
      ? {
          requests: [...requests],
          named: [...(options.named ?? [])],
          lookFor: [...(options.lookFor ?? [])],
          wanted,
          folders,
          knowledge,
          busy,
          reading,
          quiet: null,
        }
      : null;
  }
  return reading;
}

function savedMemoryOf(knowledge: ImageKnowledge): ReadonlyMap<string, readonly SavedMemory[]> {
  const found = new Map<string, SavedMemory[]>();
  for (const [file, vmUuid] of knowledge.savedMemory) {
    if (vmUuid === null) continue;
    const status = statusOf(knowledge, file);
    const saved = { file, savedAt: status?.modifiedAt ?? null, allocatedBytes: status?.allocatedBytes ?? null };
    found.set(vmUuid, [...(found.get(vmUuid) ?? []), saved]);
  }
  for (const all of found.values())
    all.sort((a, b) => (a.savedAt ?? 0) - (b.savedAt ?? 0) || (a.file < b.file ? -1 : 1));
  return found;
}

/** What a walk printed. */
interface Answer {
  walk(): Walk;
  /** The same for all answers from which the same is to be told, but for the free space. */
  mark(): string;
  /** Of the folders that were only listed. */
  spaces(): ReadonlyMap<string, WalkedFolder['space']>;
}

interface RunWalk {
  (task: Partial<WalkTask>): Promise<Walk>;
  answer(task: Partial<WalkTask>): Promise<Answer>;
}

const nothing: WalkTask = {
  requests: [],
  alone: true,
  folders: [],
  skippedFolders: [],
  listedFolders: [],
  links: [],
  named: [],
  candidates: [],
  lookedFor: [],
  openFiles: null,
};

/** @param lookedFor takes what the first walk finds at the paths that are to be looked for */
function createWalk(
  runner: CommandRunner,
  { priority, signal, lookFor = [] }: ImageReadOptions,
  lookedFor: Map<string, WhatIsThere>,
): RunWalk {
  let paths = [...new Set(lookFor)];
  const answer = async (task: Partial<WalkTask>): Promise<Answer> => {
    const nonce = newNonce();
    const title = `Reading disk images on ${runner.hostName}`;
    const script = walkScript(nonce, { ...nothing, ...task, lookedFor: paths });
    paths = [];
    const { stdout } = await runner.runScript({
      script,
      title,
      timeoutSeconds,
      maximumOutputBytes,
      priority,
      ...(signal && { signal }),
    });
    const frames = parseFrames(stdout, nonce, title);
    return {
      walk() {
        const walk = walkFromFrames(frames, nonce);
        for (const [path, what] of walk.lookedFor) lookedFor.set(path, what);
        return walk;
      },
      mark: () => markOf(frames, nonce),
      spaces: () => listedSpaces(frames),
    };
  };
  return Object.assign(async (task: Partial<WalkTask>) => (await answer(task)).walk(), { answer });
}

function wantedPaths(requests: readonly ImageRequest[]): readonly WalkRequest[] {
  const rawByPath = new Map<string, boolean>();
  for (const { reference, format } of requests) {
    const target = parseImageReference(reference, null);
    if (target.kind !== 'path') continue;
    rawByPath.set(target.path, format === 'raw' && rawByPath.get(target.path) !== false);
  }
  return [...rawByPath].map(([path, raw]) => ({ path, raw }));
}

async function readAll(
  walk: RunWalk,
  wanted: readonly WalkRequest[],
  folders: readonly string[],
  named: readonly string[],
  hasPaths: boolean,
): Promise<ImageKnowledge> {
  const knowledge = emptyKnowledge();
  if (wanted.length === 0 && folders.length === 0 && named.length === 0 && !hasPaths) return knowledge;
  noteUses(knowledge, wanted);
  // What the folders do not show is asked for by itself in a second round.
  learn(
    knowledge,
    await walk({
      requests: wanted,
      alone: false,
      folders,
      links: named,
      named: withoutWanted(named, wanted),
      openFiles: { processes: 'all' },
    }),
  );
  await readOpen(walk, knowledge, wanted);
  return knowledge;
}

/** What is asked for as an image is asked for in the format in which it is used. */
function withoutWanted(named: readonly string[], wanted: readonly WalkRequest[]): readonly string[] {
  const asked = new Set(wanted.map(({ path }) => path));
  return named.filter((path) => !asked.has(path));
}

function noteUses(knowledge: ImageKnowledge, wanted: readonly WalkRequest[]): void {
  for (const { path, raw } of wanted) if (!raw) knowledge.formatted.add(path);
}

/** Asks for what is not known yet until there is nothing left to ask. */
async function readOpen(walk: RunWalk, knowledge: ImageKnowledge, wanted: readonly WalkRequest[]): Promise<void> {
  for (let round = 1; round < maximumRounds; round++) {
    const requests = openRequests(knowledge, wanted);
    if (requests.length === 0) return;
    learn(knowledge, await walk({ requests, skippedFolders: [...knowledge.folders.keys()] }));
    noteAsked(knowledge, requests);
  }
}

/** Whether what is remembered was read for the same question; more may be asked now, but nothing less. */
function isAbout(remembered: RememberedImages, wanted: readonly WalkRequest[], folders: readonly string[]): boolean {
  const now = new Map(wanted.map(({ path, raw }) => [path, raw]));
  return (
    remembered.folders.join('\0') === folders.join('\0') &&
    remembered.wanted.every(({ path, raw }) => now.get(path) === raw)
  );
}

/** How to find out what changed. */
function changesTask({ knowledge, wanted, busy }: RememberedImages, named: readonly string[]): Partial<WalkTask> {
  const folders = [...knowledge.folders.keys()];
  return {
    listedFolders: folders,
    links: [...linksOf(knowledge), ...new Set(named)],
    // A change of those that are known shows in their status.
    named: withoutWanted([...new Set(named)], wanted).filter(
      (path) => !knowledge.images.has(knowledge.realPaths.get(path) ?? path),
    ),
    skippedFolders: folders,
    openFiles: { processes: processesWithoutLock(knowledge) },
    ...examination(knowledge, busy, wanted),
  };
}

/**
 * Brings what is remembered up to date, by a first look at what changed where there was one already; null where everything is to be read anew. What changed lately is examined in the
 * round that finds out what changed, so that running VMs do not cost a second one.
 */
async function readChanges(
  walk: RunWalk,
  remembered: RememberedImages,
  wanted: readonly WalkRequest[],
  named: readonly string[],
  begun: Walk | null,
): Promise<{ knowledge: ImageKnowledge; busy: ReadonlySet<string> } | null> {
  const { knowledge: before, wanted: wantedBefore, busy } = remembered;
  const knowledge = copyOf(before);
  noteUses(knowledge, wanted);
  const skippedFolders = [...knowledge.folders.keys()];
  const links = linksOf(knowledge);
  const first = begun ?? (await walk(changesTask(remembered, named)));
  const changes: ImageChanges = first.locked ? 'everything' : changesSince(before, first, links);
  if (changes === 'everything') return null;
  const changed = new Set([...changes, ...busy]);
  forgetImages(knowledge, changed);
  learnListings(knowledge, first);
  learn(knowledge, first);
  const rest = new Set([...changes].filter((path) => !busy.has(path)));
  if (rest.size > 0) {
    const second = await walk({ skippedFolders, ...examination(before, rest, wantedBefore) });
    if (second.locked) return null;
    learn(knowledge, second);
  }
  await readOpen(walk, knowledge, wanted);
  return hangsOtherwise(before, knowledge, changed) ? null : { knowledge, busy: changes };
}

/** How to examine changed images again: by the names by which they are known, and others if they are images at all. */
function examination(
  { images, realPaths, otherViews }: ImageKnowledge,
  changed: ReadonlySet<string>,
  wanted: readonly WalkRequest[],
): Pick<WalkTask, 'requests' | 'candidates'> {
  const requests = wanted.filter(({ path }) => changed.has(realPaths.get(path) ?? path));
  const requested = new Set(requests.map(({ path }) => path));
  for (const { id, path } of [...images.values(), ...otherViews.values()]) {
    if (path === id || !changed.has(id) || requested.has(path)) continue;
    requested.add(path);
    requests.push({ path, raw: images.get(id)?.raw ?? false });
  }
  const candidates = [...changed].filter((path) => !requested.has(path));
  return { requests, candidates };
}
