/** Every image of a host that matters: what VMs and snapshots name, their chains, and what lies beside them. */
import { posix } from 'node:path';
import type { Image, ImageParent, Inventory, Problem, UnknownDependents } from '../../shared/model/inventory.ts';
import type { CommandRunner } from '../hosts/runner.ts';
import { newNonce, parseFrames } from '../hosts/frames.ts';
import type { ImageMemory } from './image-memory.ts';
import { parseImageReference } from './image-reference.ts';
import { walkFromFrames, type WalkedFolder, type WalkedImage } from './walk-result.ts';
import { maximumFilesPerFolder, walkScript, type WalkRequest } from './walk-script.ts';

export interface ImageRequest {
  /** As the hypervisor names it: an absolute path, or a name on the network. */
  readonly reference: string;
  /** The format in which it is used, where that is recorded. */
  readonly format: string | null;
}

export interface ImageReading {
  /** Ordered by id. */
  readonly images: Inventory['images'];
  readonly filesystems: Inventory['filesystems'];
  readonly problems: readonly Problem[];
  /** What could not be looked into; `unknownDependents` adds what the VMs leave open. */
  readonly unknownDependents: readonly UnknownDependents[];
  /** The id of the image that a request's reference led to; null where it led to none. */
  imageIdOf(reference: string): string | null;
}

export interface ImageReadOptions {
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
  /** Absolute paths of folders to look through besides those in which images lie: storage pools. */
  readonly folders?: readonly string[];
  /** Examine only what changed since the reading that filled it. For showing, never for plans. */
  readonly memory?: ImageMemory;
}

/** Chains lead from folder to folder; the script follows them on the host, so that more than two rounds are rare. */
const maximumRounds = 12;
const timeoutSeconds = 300;

/** Reads the images at `requests` and all that belongs to them. Throws only what the runner throws. */
export async function readImages(
  runner: CommandRunner,
  requests: readonly ImageRequest[],
  options: ImageReadOptions,
): Promise<ImageReading> {
  const knowledge: Knowledge = { images: new Map(), realPaths: new Map(), folders: new Map(), readAsRaw: new Set() };
  let hasQemuImg = true;
  let open = firstRequests(requests);
  for (let round = 0; open.length > 0 && round < maximumRounds; round++) {
    const nonce = newNonce();
    const title = `Reading disk images on ${runner.hostName}`;
    const script = walkScript(nonce, open, [...knowledge.folders.keys()]);
    const { stdout } = await runner.runScript({
      script,
      title,
      timeoutSeconds,
      priority: options.priority,
      ...(options.signal && { signal: options.signal }),
    });
    const walk = walkFromFrames(parseFrames(stdout, nonce, title));
    hasQemuImg &&= walk.hasQemuImg;
    for (const [id, image] of walk.images) {
      // An image met again keeps what is known of it, unless it was asked for as raw.
      if (!knowledge.images.has(id) || image.info?.format === 'raw') knowledge.images.set(id, image);
    }
    for (const [path, real] of walk.realPaths) knowledge.realPaths.set(path, real);
    for (const [path, folder] of walk.folders)
      knowledge.folders.set(path, { ...knowledge.folders.get(path), ...folder });
    for (const { path, raw } of open) {
      // A path without an answer is not asked for again.
      if (!knowledge.realPaths.has(path)) knowledge.realPaths.set(path, path);
      if (raw) knowledge.readAsRaw.add(knowledge.realPaths.get(path) ?? path);
    }
    open = furtherRequests(knowledge);
  }
  return assemble(requests, knowledge, hasQemuImg);
}

interface Knowledge {
  readonly images: Map<string, WalkedImage>;
  readonly realPaths: Map<string, string>;
  readonly folders: Map<string, WalkedFolder>;
  readonly readAsRaw: Set<string>;
}

function firstRequests(requests: readonly ImageRequest[]): readonly WalkRequest[] {
  const rawByPath = new Map<string, boolean>();
  for (const { reference, format } of requests) {
    const target = parseImageReference(reference, null);
    if (target.kind !== 'path') continue;
    rawByPath.set(target.path, format === 'raw' && rawByPath.get(target.path) !== false);
  }
  return [...rawByPath].map(([path, raw]) => ({ path, raw }));
}

/** Backing images that the script did not follow, and those that it took for something other than the raw they are. */
function furtherRequests({ images, realPaths, readAsRaw }: Knowledge): readonly WalkRequest[] {
  const further = new Map<string, boolean>();
  for (const image of images.values()) {
    const path = backingPath(image);
    if (path === null) continue;
    const raw = image.info?.backing?.format === 'raw';
    const id = realPaths.get(path);
    if (id === undefined) further.set(path, raw);
    else if (raw && !readAsRaw.has(id) && (images.get(id)?.info?.format ?? 'raw') !== 'raw') further.set(path, true);
  }
  return [...further].map(([path, raw]) => ({ path, raw }));
}

/** The absolute path of an image's backing image, or null where it has none that is a path. */
function backingPath(image: WalkedImage): string | null {
  const backing = image.info?.backing;
  if (!backing) return null;
  const folder = posix.dirname(image.path);
  for (const reference of [backing.resolved, backing.recorded]) {
    const target = reference === null ? null : parseImageReference(reference, folder);
    if (target?.kind === 'path') return target.path;
  }
  return null;
}

function assemble(requests: readonly ImageRequest[], knowledge: Knowledge, hasQemuImg: boolean): ImageReading {
  const images = new Map<string, Image>();
  for (const walked of knowledge.images.values()) images.set(walked.id, imageOf(walked, knowledge, hasQemuImg));
  const addNetworkImage = (reference: string, format: string | null) => {
    if (!images.has(reference)) images.set(reference, networkImage(reference, format));
  };
  for (const { reference, format } of requests) {
    if (parseImageReference(reference, null).kind === 'network') addNetworkImage(reference, format);
  }
  for (const { parent } of [...images.values()]) {
    if (parent?.imageId === parent?.reference && parent && !images.has(parent.reference)) {
      addNetworkImage(parent.reference, parent.format);
    }
  }
  return {
    images: [...images.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    filesystems: [...knowledge.folders.values()].flatMap(({ path, space }) =>
      space ? [{ folder: path, ...space }] : [],
    ),
    problems: [...problemsOf(knowledge), ...(hasQemuImg ? [] : [noQemuImg])],
    unknownDependents: [],
    imageIdOf(reference) {
      const target = parseImageReference(reference, null);
      if (target.kind === 'network') return reference;
      if (target.kind === 'unresolved') return null;
      const id = knowledge.realPaths.get(target.path);
      return id !== undefined && images.has(id) ? id : null;
    },
  };
}

const noQemuImg: Problem = {
  severity: 'error',
  message:
    'The command qemu-img is not there, so no image could be examined: chains and dependents are not known. Install it (Debian: qemu-utils, Fedora and its kin: qemu-img).',
};

function imageOf(walked: WalkedImage, knowledge: Knowledge, hasQemuImg: boolean): Image {
  const { id, kind, info } = walked;
  const { status, problem } = statusOf(walked, hasQemuImg);
  return {
    id,
    kind: kind === 'block' ? 'block' : 'file',
    status,
    problem,
    format: info?.format ?? null,
    virtualBytes: info?.virtualBytes ?? null,
    // A block device is as large as it is, however little of it is used.
    allocatedBytes: (kind === 'block' ? info?.virtualBytes : info?.allocatedBytes) ?? null,
    parent: parentOf(walked, knowledge),
    internalSnapshots: [...(info?.internalSnapshots ?? [])],
    fill: null,
    corrupt: info?.corrupt ?? null,
    otherPaths: [],
    modifiedAt: null,
  };
}

function statusOf(
  { id, kind, info, failure }: WalkedImage,
  hasQemuImg: boolean,
): { status: Image['status']; problem: string | null } {
  if (info) return { status: 'ok', problem: null };
  if (kind === 'other') {
    return { status: 'unreadable', problem: `${id} is neither a file nor a block device, so it cannot hold a disk.` };
  }
  if (kind === 'absent' && (failure === null || failure.includes('No such file or directory'))) {
    return { status: 'missing', problem: `There is nothing at ${id}.` };
  }
  if (failure !== null) return { status: 'unreadable', problem: failure };
  const reason = hasQemuImg ? 'It was not examined.' : 'It was not examined, since qemu-img is not on the host.';
  return { status: 'unreadable', problem: reason };
}

function parentOf(walked: WalkedImage, { images, realPaths }: Knowledge): ImageParent | null {
  const backing = walked.info?.backing;
  if (!backing) return null;
  const path = backingPath(walked);
  const reference = backing.recorded;
  if (path !== null) {
    const id = realPaths.get(path) ?? path;
    return { relation: 'backing', reference, imageId: images.has(id) ? id : null, format: backing.format };
  }
  const isNetwork = parseImageReference(reference, null).kind === 'network';
  return { relation: 'backing', reference, imageId: isNetwork ? reference : null, format: backing.format };
}

function networkImage(reference: string, format: string | null): Image {
  return {
    id: reference,
    kind: 'network',
    status: 'unreadable',
    problem: 'Images on the network are not examined.',
    format,
    virtualBytes: null,
    allocatedBytes: null,
    parent: null,
    internalSnapshots: [],
    fill: null,
    corrupt: null,
    otherPaths: [],
    modifiedAt: null,
  };
}

function problemsOf({ folders }: Knowledge): readonly Problem[] {
  return [...folders.values()].flatMap(({ path, listed, cut, closedFiles }) => {
    const messages: string[] = [];
    if (!listed) messages.push(`The folder ${path} cannot be listed by this user`);
    if (cut)
      messages.push(`The folder ${path} holds more than ${maximumFilesPerFolder} files; the rest was not looked at`);
    if (closedFiles > 0) messages.push(`${closedFiles} files in ${path} cannot be opened by this user`);
    return messages.map((message): Problem => ({
      severity: 'warning',
      message: `${message}: overlays there that no VM names would not be seen.`,
    }));
  });
}
