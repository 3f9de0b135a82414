/** What the walks found, in the words of the model: each image once, whatever it is called. Pure. */
import type { Image, ImageParent } from '../../../shared/model/inventory.ts';
import { identityOf } from './file-status.ts';
import { backingPath, dataFilePath, statusOf, usedWithFormat, type ImageKnowledge } from './image-knowledge.ts';
import { parseImageReference } from '../image-reference.ts';
import { defaultClusterBytes } from '../../../shared/rules/chains/image-growth.ts';
import type { WalkedImage } from './walk-result.ts';

/** What was asked for. */
export interface ImageRequest {
  /** As the hypervisor names it: an absolute path, or a name on the network. */
  readonly reference: string;
  /** The format in which it is used, where that is recorded. */
  readonly format: string | null;
}

export interface AssembledImages {
  /** Ordered by id. */
  readonly images: readonly Image[];
  /** How each image that has a path was read, by its id. */
  readonly views: ReadonlyMap<string, WalkedImage>;
  /**
   * Images whose backing image depends on the name by which they are opened: the other name, and the image (null: not
   * known) that it leads to.
   */
  readonly ambiguous: readonly { readonly path: string; readonly parentId: string | null }[];
  /** Images that all use as raw, whose headers lead to something that could not be followed. */
  readonly openHeaders: readonly string[];
  /** The same by the ids of the images instead of their resolved paths. */
  byId<Value>(byPath: ReadonlyMap<string, Value>): ReadonlyMap<string, Value>;
  readonly imageIdOf: (reference: string) => string | null;
  /** The path by which that reference opens an image, as `openedAs` and `parentsByPath` of the model spell it; null: no path. */
  readonly openedAs: (reference: string) => string | null;
}

/**
 * Every image that is known and of interest, with hard links and other names of one device brought together.
 *
 * @param all everything that was found, also what is of no interest by itself; see `relevantKnowledge`
 */
export function assembleImages(
  requests: readonly ImageRequest[],
  knowledge: ImageKnowledge,
  all: ImageKnowledge = knowledge,
): AssembledImages {
  const requested = new Set<string>();
  for (const { reference } of requests) {
    const target = parseImageReference(reference, null);
    if (target.kind === 'path') requested.add(spelled(target.path, knowledge));
  }
  const groups = groupsOf(knowledge);
  /** Of images by another path than their id. */
  const canonical = new Map<string, string>();
  const byIdentity = new Map<string, string>();
  for (const group of groups) {
    const id = canonicalId(group, requested, knowledge);
    for (const member of group) if (member !== id) canonical.set(member, id);
    const status = statusOf(knowledge, id);
    if (status) byIdentity.set(identityOf(status), id);
  }
  const resolve = (path: string): string | null => {
    const real = knowledge.realPaths.get(path) ?? path;
    const known = canonical.get(real);
    if (known !== undefined) return known;
    if (knowledge.images.has(real)) return real;
    const status = statusOf(knowledge, path);
    return (status && byIdentity.get(identityOf(status))) ?? null;
  };
  const opened = openedPaths(requested, knowledge);
  const linked = linkedPaths(knowledge);
  const formatted = usedWithFormat(knowledge);
  const images = new Map<string, Image>();
  const views = new Map<string, WalkedImage>();
  const openHeaders: string[] = [];
  const ambiguous: { path: string; parentId: string | null }[] = [];
  for (const group of groups) {
    const [first = ''] = group;
    const id = canonical.get(first) ?? first;
    const ofGroup = viewsOf(group, knowledge);
    const isThere = (view: WalkedImage): boolean => isParentThere(view, knowledge);
    const view = bestView(ofGroup, requested, formatted, isThere);
    if (!view) continue;
    const parent = parentOf(view, resolve, knowledge);
    const status = statusOf(knowledge, id);
    const others = [...group, ...(status ? (linked.get(identityOf(status)) ?? []) : [])];
    const parentsByPath: ParentByPath[] = [];
    for (const other of view.raw ? [] : ofGroup) {
      if (other === view || other.raw || !other.info) continue;
      const otherParent = parentOf(other, resolve, knowledge);
      if (isSameParent(otherParent, parent)) continue;
      if (opened.has(other.path)) parentsByPath.push({ path: other.path, parent: otherParent });
      else if (otherParent && otherParent.imageId !== parent?.imageId) {
        ambiguous.push({ path: other.path, parentId: otherParent.imageId });
      }
    }
    const { header, isOpen } = view.raw ? headerOf(group, all, resolve, knowledge) : noHeader;
    if (isOpen) openHeaders.push(id);
    images.set(id, {
      ...imageOf(id, view, knowledge.hasQemuImg),
      parent,
      ...(parentsByPath.length > 0 && { parentsByPath }),
      ...(header && { header }),
      ...dataFileOf(view, resolve),
      otherPaths: [...new Set(others)].filter((path) => path !== id).sort(),
      modifiedAt: status?.modifiedAt ?? null,
    });
    views.set(id, view);
  }
  addNetworkImages(images, requests);
  // What the functions below hold is kept for as long as a host is known.
  const onNetwork = new Set([...images.values()].filter(({ kind }) => kind === 'network').map(({ id }) => id));
  return {
    images: withoutNeedlessPaths([...images.values()]).sort((a, b) => (a.id < b.id ? -1 : 1)),
    views,
    ambiguous,
    openHeaders,
    byId: (byPath) => new Map([...byPath].map(([path, value]) => [canonical.get(path) ?? path, value])),
    imageIdOf(reference) {
      const target = parseImageReference(reference, null);
      if (target.kind === 'network') return onNetwork.has(reference) ? reference : null;
      return target.kind === 'path' ? resolve(target.path) : null;
    },
    openedAs(reference) {
      const target = parseImageReference(reference, null);
      return target.kind === 'path' ? spelled(target.path, knowledge) : null;
    },
  };
}

type ParentByPath = NonNullable<Image['parentsByPath']>[number];

/** The path by which what `path` leads to was examined. */
function spelled(path: string, { spellings }: ImageKnowledge): string {
  return spellings.get(path) ?? path;
}

/** The paths by which somebody opens an image: those of the requests, and those to which references lead from there. */
function openedPaths(requested: ReadonlySet<string>, knowledge: ImageKnowledge): ReadonlySet<string> {
  const opened = new Set(requested);
  for (const view of [...knowledge.images.values(), ...knowledge.otherViews.values()]) {
    const path = backingPath(view);
    if (path !== null) opened.add(spelled(path, knowledge));
  }
  return opened;
}

function isSameParent(a: ImageParent | null, b: ImageParent | null): boolean {
  return a?.imageId === b?.imageId && a?.openedAs === b?.openedAs;
}

function isParentThere(view: WalkedImage, { images, realPaths }: ImageKnowledge): boolean {
  const path = backingPath(view);
  return path === null || images.get(realPaths.get(path) ?? path)?.kind !== 'absent';
}

/** Leaves the path away by which a backing image is opened where all paths of that image lead to the same. */
function withoutNeedlessPaths(images: readonly Image[]): Image[] {
  const several = new Set(images.flatMap(({ id, parentsByPath }) => (parentsByPath ? [id] : [])));
  const slim = (parent: ImageParent | null): ImageParent | null => {
    if (parent?.openedAs === undefined || (parent.imageId !== null && several.has(parent.imageId))) return parent;
    const { openedAs: _, ...rest } = parent;
    return rest;
  };
  return images.map((image) => ({
    ...image,
    parent: slim(image.parent),
    ...(image.parentsByPath && {
      parentsByPath: image.parentsByPath.map(({ path, parent }) => ({ path, parent: slim(parent) })),
    }),
  }));
}

/** What an image that all use as raw begins with, and where that would lead. */
function headerOf(
  group: readonly string[],
  all: ImageKnowledge,
  resolve: (path: string) => string | null,
  relevant: ImageKnowledge,
): { readonly header: Image['header'] | null; readonly isOpen: boolean } {
  const header = group.map((id) => all.headers.get(id)).find((found) => found !== undefined);
  if (!header?.info) return noHeader;
  const mayDependOn: string[] = [];
  const seen = new Set<string>([header.id]);
  let isOpen = isOpenEnd(header);
  for (let path = backingPath(header); path !== null;) {
    const real = all.realPaths.get(path) ?? path;
    if (seen.has(real)) break;
    seen.add(real);
    const id = resolve(path);
    if (id !== null && relevant.images.has(real)) mayDependOn.push(id);
    const next = all.headers.get(real) ?? all.images.get(real);
    isOpen ||= next !== undefined && isOpenEnd(next);
    path = next ? backingPath(next) : null;
  }
  const reference = header.info.backing?.recorded ?? null;
  return { header: { format: header.info.format, reference, mayDependOn }, isOpen };
}

const noHeader = { header: null, isOpen: false };

/** Whether it cannot be told on what an image hangs. */
function isOpenEnd(image: WalkedImage): boolean {
  if (!image.info) return image.kind === 'file' || image.kind === 'block';
  const { backing } = image.info;
  if (!backing || backingPath(image) !== null) return false;
  return parseImageReference(backing.recorded, null).kind !== 'network';
}

/** The resolved paths of images that are one and the same, in groups. */
function groupsOf(knowledge: ImageKnowledge): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const id of [...knowledge.images.keys()].sort()) {
    const status = statusOf(knowledge, id);
    const key = status ? identityOf(status) : `path ${id}`;
    const group = groups.get(key);
    if (group) group.push(id);
    else groups.set(key, [id]);
  }
  return [...groups.values()];
}

/** The name that VMs use, so that a link made by something else does not give the image another id; else the first. */
function canonicalId(group: readonly string[], requested: ReadonlySet<string>, knowledge: ImageKnowledge): string {
  const [first = ''] = group;
  if (group.length < 2) return first;
  const named = new Set([...requested].map((path) => knowledge.realPaths.get(path) ?? path));
  return group.find((id) => named.has(id)) ?? first;
}

/** Paths of files in the folders that were looked through, by what they lead to; only of files with several. */
function linkedPaths({ folders }: ImageKnowledge): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const { entries } of folders.values()) {
    for (const [path, status] of entries ?? []) {
      if (status.type !== 'file' || status.links < 2) continue;
      const key = identityOf(status);
      const known = paths.get(key);
      if (known) known.push(path);
      else paths.set(key, [path]);
    }
  }
  return paths;
}

function viewsOf(group: readonly string[], { images, otherViews }: ImageKnowledge): readonly WalkedImage[] {
  const ids = new Set(group);
  const main = group.flatMap((id) => images.get(id) ?? []);
  if (otherViews.size === 0) return main;
  return [...main, ...[...otherViews.values()].filter(({ id }) => ids.has(id))];
}

/** The reading that says most of an image: as VMs use it, before how it looks to whoever comes across it. */
function bestView(
  views: readonly WalkedImage[],
  requested: ReadonlySet<string>,
  formatted: ReadonlySet<string>,
  isParentThere: (view: WalkedImage) => boolean,
): WalkedImage | undefined {
  const rank = (view: WalkedImage): number => {
    if (!view.info) return 40;
    const isUsed = requested.has(view.path) || (formatted.has(view.id) && !view.raw);
    const use = isUsed ? (view.raw ? 10 : 0) : view.raw ? 20 : 30;
    return use + (isParentThere(view) ? 0 : 2) + (view.path === view.id ? 0 : 1);
  };
  return views.toSorted((a, b) => rank(a) - rank(b))[0];
}

function imageOf(
  id: string,
  view: WalkedImage,
  hasQemuImg: boolean,
): Omit<Image, 'parent' | 'otherPaths' | 'modifiedAt'> {
  const { kind, info } = view;
  const { status, problem } = readability(view, hasQemuImg);
  return {
    id,
    kind: kind === 'block' ? 'block' : 'file',
    status,
    problem,
    ...(status === 'unreadable' && view.lacksFile && { lacksFile: true }),
    format: info?.format ?? null,
    virtualBytes: info?.virtualBytes ?? null,
    // A block device is as large as it is, however little of it is used.
    allocatedBytes: (kind === 'block' ? info?.virtualBytes : info?.allocatedBytes) ?? null,
    internalSnapshots: [...(info?.internalSnapshots ?? [])],
    fill: null,
    corrupt: info?.corrupt ?? null,
    ...(info?.encryption && { encryption: info.encryption }),
    ...(info?.clusterBytes && info.clusterBytes !== defaultClusterBytes && { clusterBytes: info.clusterBytes }),
    ...(info && info.bitmaps.length > 0 && { bitmaps: [...info.bitmaps] }),
  };
}

function readability(
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

function parentOf(
  view: WalkedImage,
  resolve: (path: string) => string | null,
  knowledge: ImageKnowledge,
): ImageParent | null {
  const backing = view.info?.backing;
  if (!backing) return null;
  const { recorded: reference, format } = backing;
  const unrecorded = format !== null && !backing.isFormatRecorded && { formatRecorded: false as const };
  const path = backingPath(view);
  if (path !== null) {
    const imageId = resolve(path);
    const openedAs = spelled(path, knowledge);
    return {
      relation: 'backing',
      reference,
      imageId,
      format,
      ...unrecorded,
      ...(openedAs !== imageId && { openedAs }),
    };
  }
  const isNetwork = parseImageReference(reference, null).kind === 'network';
  return { relation: 'backing', reference, imageId: isNetwork ? reference : null, format, ...unrecorded };
}

function dataFileOf(view: WalkedImage, resolve: (path: string) => string | null): Pick<Image, 'dataFile'> {
  const reference = view.info?.dataFile;
  if (reference === undefined) return {};
  const path = dataFilePath(view);
  return { dataFile: { reference, imageId: path === null ? null : resolve(path) } };
}

function addNetworkImages(images: Map<string, Image>, requests: readonly ImageRequest[]): void {
  const add = (reference: string, format: string | null) => {
    const known = images.get(reference);
    if (!known) images.set(reference, networkImage(reference, format));
    // Who uses it as raw says nothing of what others see in it.
    else if (known.kind === 'network' && known.format === 'raw') images.set(reference, { ...known, format });
  };
  for (const { reference, format } of requests) {
    if (parseImageReference(reference, null).kind === 'network') add(reference, format);
  }
  for (const { parent } of [...images.values()]) {
    if (
      parent?.imageId === parent?.reference &&
      parent &&
      (images.get(parent.reference)?.kind ?? 'network') === 'network'
    ) {
      add(parent.reference, parent.format);
    }
  }
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
