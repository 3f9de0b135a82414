/** Every image of a host that matters: what VMs and snapshots name, their chains, and what lies beside them. */
import type { Inventory, Problem, UnknownDependents } from '../../../shared/model/inventory.ts';
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
import { copyOf, emptyKnowledge, learn, noteAsked, openRequests, type ImageKnowledge } from './image-knowledge.ts';
import { relevantKnowledge } from './image-relevance.ts';
import type { ImageMemory, RememberedImages } from './image-memory.ts';
import { parseImageReference } from '../image-reference.ts';
import { walkFromFrames, type Walk, type WhatIsThere } from './walk-result.ts';
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
  /** What is at the paths that were to be looked for. */
  readonly lookedFor: ReadonlyMap<string, WhatIsThere>;
  /** The path by which a reference opens an image, as the model's `openedAs` has it; null where it is none. */
  openedAs(reference: string): string | null;
}

export interface ImageReadOptions {
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
  /** Absolute paths of folders to look through besides those in which images lie: storage pools. */
  readonly folders?: readonly string[];
  /** Absolute paths that are no images as far as anybody says, and may be one all the same: `imageIdOf` knows them as well. */
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
  const wanted = wantedPaths(requests);
  const folders = [...new Set(options.folders ?? [])].filter((folder) => folder.startsWith('/')).sort();
  const lookedFor = new Map<string, WhatIsThere>();
  const walk = createWalk(runner, options, lookedFor);
  const named = [...new Set(options.named ?? [])];
  const remembered = options.memory?.known ?? null;
  let found: { knowledge: ImageKnowledge; busy: ReadonlySet<string> } | null = null;
  if (remembered && isAbout(remembered, wanted, folders)) found = await readChanges(walk, remembered, wanted, named);
  const hasPaths = (options.lookFor ?? []).length > 0;
  found ??= { knowledge: await readAll(walk, wanted, folders, named, hasPaths), busy: new Set() };
  const { knowledge, busy } = found;
  if (options.memory) options.memory.known = canRemember(knowledge) ? { wanted, folders, knowledge, busy } : null;

  const relevant = relevantKnowledge(
    knowledge,
    wanted.map(({ path }) => path),
    folders,
  );
  const assembled = assembleImages(requests, relevant, knowledge);
  return {
    images: [...assembled.images],
    filesystems: [...relevant.folders.values()].flatMap(({ path, space }) =>
      space ? [{ folder: path, ...space }] : [],
    ),
    problems: imageProblems(relevant),
    unknownDependents: imageDoubts(relevant, assembled),
    lookedFor,
    imageIdOf: (reference) => assembled.imageIdOf(reference),
    openedAs: (reference) => assembled.openedAs(reference),
  };
}

type RunWalk = (task: Partial<WalkTask>) => Promise<Walk>;

const nothing: WalkTask = {
  requests: [],
  alone: true,
  folders: [],
  skippedFolders: [],
  listedFolders: [],
  links: [],
  candidates: [],
  lookedFor: [],
};

/** @param lookedFor takes what the first walk finds at the paths that are to be looked for */
function createWalk(
  runner: CommandRunner,
  { priority, signal, lookFor = [] }: ImageReadOptions,
  lookedFor: Map<string, WhatIsThere>,
): RunWalk {
  let paths = [...new Set(lookFor)];
  return async (task) => {
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
    const walk = walkFromFrames(parseFrames(stdout, nonce, title), nonce);
    for (const [path, what] of walk.lookedFor) lookedFor.set(path, what);
    return walk;
  };
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
  if (wanted.length === 0 && folders.length === 0 && !hasPaths) return knowledge;
  noteUses(knowledge, wanted);
  // What the folders do not show is asked for by itself in a second round.
  learn(knowledge, await walk({ requests: wanted, alone: false, folders, links: named }));
  await readOpen(walk, knowledge, wanted);
  return knowledge;
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

/**
 * Brings what is remembered up to date; null where everything is to be read anew. What changed lately is examined in the
 * round that finds out what changed, so that running VMs do not cost a second one.
 */
async function readChanges(
  walk: RunWalk,
  { knowledge: before, wanted: wantedBefore, busy }: RememberedImages,
  wanted: readonly WalkRequest[],
  named: readonly string[],
): Promise<{ knowledge: ImageKnowledge; busy: ReadonlySet<string> } | null> {
  const knowledge = copyOf(before);
  noteUses(knowledge, wanted);
  const skippedFolders = [...knowledge.folders.keys()];
  const links = linksOf(knowledge);
  const first = await walk({
    listedFolders: skippedFolders,
    links: [...links, ...named],
    skippedFolders,
    ...examination(before, busy, wantedBefore),
  });
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
