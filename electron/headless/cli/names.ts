/** From what a user types to the host, VM, snapshot or operation that is meant: exactly one, or an error. Pure. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../../shared/model/inventory.ts';
import { chainOfDisk, imagesById } from '../../../shared/rules/chains/chains.ts';
import { firstOf } from '../../../shared/rules/text/first-of.ts';
import { fileNameOf } from '../../../shared/rules/text/folders.ts';
import { unknownDependentsOfAny } from '../../../shared/rules/chains/dependents.ts';
import { subjectKey, unreadThings } from '../../../shared/rules/findings/unread.ts';
import type { UnreadFact } from '../../../shared/rules/findings/unread.ts';
import type { HostReading } from './client.ts';

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const mostCandidates = 20;

function notFound(what: string, candidates: readonly string[], advice: string): string {
  if (candidates.length === 0) return `${what} ${advice}`;
  return `${what} There is: ${firstOf(candidates, mostCandidates)}. ${advice}`;
}

function candidateData(candidates: readonly string[]): Record<string, string> {
  return { candidates: candidates.slice(0, 1000).join('\n') };
}

/** The host of that name (case does not count, as in the host book) or id. Throws `hostNotFound`. */
export function findHost(text: string, hosts: readonly Host[]): Host {
  const byId = hosts.find(({ id }) => id === text.toLowerCase());
  const named = hosts.filter(({ name }) => name.toLowerCase() === text.toLowerCase());
  const found = byId ?? named[0];
  if (found) return found;
  throw new SnaptreeError(
    'hostNotFound',
    notFound(
      `There is no host named “${text}” in the host book.`,
      hosts.map(({ name }) => name),
      hosts.length === 0 ? 'It is empty: see “snaptree hosts add --help”, or name a host with --uri.' : '',
    ).trimEnd(),
    { data: candidateData(hosts.map(({ name }) => name)) },
  );
}

/** A VM as it was typed: its own name or UUID, and the host where one was named in front of it. */
export interface VmWords {
  readonly host: Host | null;
  readonly vm: string;
}

/** `HOST/VM` where something before a slash is a host's name; else all of it is the VM's. */
export function splitVmWords(text: string, hosts: readonly Host[]): VmWords {
  for (let slash = text.indexOf('/'); slash >= 0; slash = text.indexOf('/', slash + 1)) {
    const name = text.slice(0, slash).toLowerCase();
    const host = hosts.find((candidate) => candidate.name.toLowerCase() === name || candidate.id === name);
    if (host) return { host, vm: text.slice(slash + 1) };
  }
  return { host: null, vm: text };
}

export interface FoundVm {
  readonly reading: HostReading;
  readonly vm: ReadableVm;
}

/**
 * The VM of that UUID or name on these hosts. Throws `vmNotFound`, `nameAmbiguous` with the candidates, and `vmUnreadable`.
 */
export function findVm(text: string, readings: readonly HostReading[]): FoundVm {
  const all = readings.flatMap((reading) => reading.inventory.vms.map((vm) => ({ reading, vm })));
  const matching = all.filter(({ vm }) => vm.name === text || vm.uuid.toLowerCase() === text.toLowerCase());
  const where = readings.map(({ host }) => host.name).join(', ');
  const [first, ...others] = matching;
  if (!first) {
    const close = all.filter(({ vm }) => vm.name?.toLowerCase() === text.toLowerCase());
    const similar = close.map(({ vm }) => vm.name ?? vm.uuid);
    const hint = similar.length > 0 ? ` Did you mean ${similar.join(' or ')}? Upper and lower case differ.` : '';
    throw new SnaptreeError(
      'vmNotFound',
      `There is no VM ${uuidPattern.test(text) ? 'with the UUID or name' : 'named'} “${text}” on ${where}.${hint} “snaptree inventory” lists what is there.`,
    );
  }
  if (others.length > 0) {
    const candidates = matching.map(({ reading, vm }) => `${reading.host.name}/${vm.uuid} (${vm.name ?? 'no name'})`);
    throw new SnaptreeError(
      'nameAmbiguous',
      `“${text}” names ${matching.length} VMs: ${candidates.slice(0, mostCandidates).join(', ')}. Nothing was done. Name one as HOST/UUID.`,
      { data: candidateData(candidates) },
    );
  }
  const { reading, vm } = first;
  if (!vm.readable) {
    throw new SnaptreeError(
      'vmUnreadable',
      `The VM ${vm.name ?? vm.uuid} on ${reading.host.name} could not be read: ${vm.reason}`,
    );
  }
  return { reading, vm };
}

/** The snapshot of that id or name. Throws `snapshotNotFound`, `nameAmbiguous`. */
export function findSnapshot(text: string, vm: ReadableVm): Snapshot {
  const byId = vm.snapshots.filter(({ id }) => id === text);
  const matching = byId.length > 0 ? byId : vm.snapshots.filter(({ name }) => name === text);
  const [first, ...others] = matching;
  if (first && others.length === 0) return first;
  if (first) {
    throw new SnaptreeError('nameAmbiguous', `“${text}” names ${matching.length} snapshots of ${vm.name}.`, {
      data: candidateData(matching.map(({ id }) => id)),
    });
  }
  throw new SnaptreeError(
    'snapshotNotFound',
    notFound(
      `The VM ${vm.name} has no snapshot named “${text}”.`,
      vm.snapshots.map(({ name }) => name),
      '',
    ).trimEnd(),
    { data: candidateData(vm.snapshots.map(({ name }) => name)) },
  );
}

/** One image of a disk's chain, with every path by which it is known. */
interface NamedImage {
  readonly id: string;
  readonly paths: readonly string[];
}

interface NamedChain {
  readonly target: string;
  /** From the active layer down. */
  readonly images: readonly NamedImage[];
}

/** The chains of a VM's disks, or that of the disk that was named. Throws `fileNotFound`. */
function chainsToMerge(vm: ReadableVm, all: readonly Image[], target: string | undefined): readonly NamedChain[] {
  const images = imagesById(all);
  const chains = vm.disks.flatMap((disk): NamedChain[] => {
    const chain = chainOfDisk(disk, images);
    if (chain === null || chain.images.length === 0) return [];
    const named = chain.images.map(({ id, otherPaths }, index) => {
      const openedAs = chain.paths[index];
      return { id, paths: [id, ...otherPaths, ...(openedAs === undefined ? [] : [openedAs])] };
    });
    return [{ target: disk.target, images: named }];
  });
  const wanted = target === undefined ? chains : chains.filter((chain) => chain.target === target);
  if (wanted.length > 0) return wanted;
  const targets = chains.map((chain) => chain.target);
  const what = target === undefined ? `The VM ${vm.name} has no disk` : `The VM ${vm.name} has no disk ${target}`;
  throw new SnaptreeError('fileNotFound', notFound(`${what} with a chain of images.`, targets, '').trimEnd(), {
    data: candidateData(targets),
  });
}

/** The image of that path, or else of that file name, in these chains. Throws `fileNotFound`, `nameAmbiguous`. */
function imageInChains(text: string, chains: readonly NamedChain[], vmName: string): string {
  const all = chains.flatMap(({ images }) => images);
  const idsWhere = (holds: (image: NamedImage) => boolean) => [...new Set(all.filter(holds).map(({ id }) => id))];
  const byPath = idsWhere(({ paths }) => paths.includes(text));
  const matching =
    byPath.length > 0 ? byPath : idsWhere(({ paths }) => paths.some((path) => fileNameOf(path) === text));
  const [first, ...others] = matching;
  if (first === undefined) {
    const ids = idsWhere(() => true);
    throw new SnaptreeError(
      'fileNotFound',
      notFound(
        `No chain of ${vmName}${chains.length === 1 ? ` (disk ${chains[0]?.target ?? ''})` : ''} holds an image “${text}”.`,
        ids,
        'Name one by its path or its file name.',
      ),
      { data: candidateData(ids) },
    );
  }
  if (others.length > 0) {
    throw new SnaptreeError(
      'nameAmbiguous',
      `“${text}” names ${matching.length} images of ${vmName}: ${firstOf(matching, mostCandidates)}. Nothing was done. Name one by its path.`,
      { data: candidateData(matching) },
    );
  }
  return first;
}

/** The only one of these chains. Throws `nameAmbiguous` with the disks where there are several. */
function onlyChain(chains: readonly NamedChain[], what: string): NamedChain {
  const [first, ...others] = chains;
  if (first && others.length === 0) return first;
  const targets = chains.map(({ target }) => target);
  throw new SnaptreeError(
    'nameAmbiguous',
    `${what}: ${firstOf(targets, mostCandidates)}. Nothing was done. Name the disk with --disk.`,
    { data: candidateData(targets) },
  );
}

/** What names images of a VM, as it was typed. */
interface CommitWords {
  readonly base: string;
  /** Left out: the active layer. */
  readonly top?: string | undefined;
  readonly disk?: string | undefined;
}

/**
 * The disk and the two ends of a merge down. Whether anything can be merged between them is for the plan to say. Throws
 * `fileNotFound`, `nameAmbiguous`.
 */
export function findCommitRange(
  { base, top, disk }: CommitWords,
  vm: ReadableVm,
  images: readonly Image[],
): { readonly target: string; readonly topId: string; readonly baseId: string } {
  const chains = chainsToMerge(vm, images, disk);
  const baseId = imageInChains(base, chains, vm.name);
  const topId = top === undefined ? null : imageInChains(top, chains, vm.name);
  const holding = chains.filter((chain) => holds(chain, baseId) && (topId === null || holds(chain, topId)));
  if (holding.length === 0) {
    throw new SnaptreeError(
      'fileNotFound',
      `${baseId} and ${topId ?? ''} are not in one chain of ${vm.name}. “snaptree chain” shows which images are under which disk.`,
    );
  }
  const chain = onlyChain(holding, 'Several disks have these images in their chains');
  return { target: chain.target, topId: topId ?? chain.images[0]?.id ?? '', baseId };
}

/** The disk of a merge up, and the image that its active layer hangs on then. Throws as `findCommitRange`. */
export function findPullRange(
  { base, disk }: { readonly base: string; readonly disk?: string | undefined },
  vm: ReadableVm,
  images: readonly Image[],
): { readonly target: string; readonly baseId: string } {
  const chains = chainsToMerge(vm, images, disk);
  const baseId = imageInChains(base, chains, vm.name);
  const holding = chains.filter((chain) => holds(chain, baseId));
  return { target: onlyChain(holding, 'Several disks have this image in their chains').target, baseId };
}

/** The disk whose active layer shall stand alone: the one that was named, or the only one with more than one image. */
export function findDiskToFlatten(disk: string | undefined, vm: ReadableVm, images: readonly Image[]): string {
  const chains = chainsToMerge(vm, images, disk);
  const long = chains.filter((chain) => chain.images.length > 1);
  return onlyChain(long.length > 0 ? long : chains, 'Several disks have such a chain').target;
}

function holds({ images }: NamedChain, imageId: string): boolean {
  return images.some(({ id }) => id === imageId);
}

/** The one of `all` whose id is or begins with `text` (at least four characters). Throws `operationNotFound`, `nameAmbiguous`. */
export function findOperation<Each extends { readonly id: string }>(
  text: string,
  all: readonly Each[],
  one: 'operation' | 'batch' = 'operation',
): Each {
  const wanted = text.toLowerCase();
  const matching = all.filter(({ id }) => id === wanted || (wanted.length >= 4 && id.startsWith(wanted)));
  const [first, ...others] = matching;
  if (!first) {
    throw new SnaptreeError(
      'operationNotFound',
      `There is no ${one} with the id “${text}”. “snaptree ${one === 'batch' ? 'batches' : 'operations'}” lists them; the first four characters of an id will do.`,
    );
  }
  if (others.length === 0) return first;
  const candidates = matching.map(({ id }) => id);
  throw new SnaptreeError('nameAmbiguous', `“${text}” begins ${matching.length} ids: ${candidates.join(', ')}.`, {
    data: candidateData(candidates),
  });
}

/** What of a host could not be read, each thing once. What nothing speaks for is no lack of what was read. */
export function unreadOf({ inventory }: HostReading): readonly UnreadFact[] {
  const images = inventory.images.filter(({ status }) => status === 'unreadable');
  const doubts = inventory.unknownDependents.filter(({ likelihood }) => likelihood !== 'remote');
  return unreadThings([...unreadableVms(inventory), ...images.map(unreadImage)], doubts, inventory.problems);
}

/**
 * As `unreadOf`, as far as it can concern these images: what they are, and who depends on them.
 *
 * @param ends where chains of them end without anybody knowing what lies below
 */
export function unreadAbout(
  { inventory }: HostReading,
  imageIds: readonly string[],
  ends: readonly UnreadFact[],
): readonly UnreadFact[] {
  const images = inventory.images.filter(({ id, status }) => status === 'unreadable' && imageIds.includes(id));
  const facts = [...unreadableVms(inventory), ...images.map(unreadImage)];
  const told = new Set(facts.map(({ subject }) => subject && subjectKey(subject)));
  const further = ends.filter(({ subject }) => !subject || !told.has(subjectKey(subject)));
  return unreadThings([...facts, ...further], unknownDependentsOfAny(inventory, imageIds), []);
}

/** What of it the documents hold. */
export function unreadWords(facts: readonly UnreadFact[], hostName: string): UnreadWords[] {
  return facts.map(({ what, reason }) => ({ hostName, what, reason }));
}

interface UnreadWords {
  readonly hostName: string;
  readonly what: string;
  readonly reason: string;
}

function unreadableVms({ vms }: Inventory): readonly UnreadFact[] {
  return vms.flatMap((vm): UnreadFact[] =>
    vm.readable
      ? []
      : [{ what: `VM ${vm.name ?? vm.uuid}`, reason: vm.reason, subject: { kind: 'vm', uuid: vm.uuid } }],
  );
}

function unreadImage({ id, problem }: Image): UnreadFact {
  const reason = problem ?? 'It could not be examined.';
  return { what: `image ${id}`, reason, subject: { kind: 'image', id, part: 'whole' } };
}
