/** From what a user types to the host, VM, snapshot or operation that is meant: exactly one, or an error. Pure. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../../shared/model/inventory.ts';
import { firstOf } from '../../../shared/rules/first-of.ts';
import { unknownDependentsOfAny } from '../../../shared/rules/dependents.ts';
import { subjectKey, unreadThings } from '../../../shared/rules/unread.ts';
import type { UnreadFact } from '../../../shared/rules/unread.ts';
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

/** The one of `all` whose id is or begins with `text` (at least four characters). Throws `operationNotFound`, `nameAmbiguous`. */
export function findOperation<Each extends { readonly id: string }>(text: string, all: readonly Each[]): Each {
  const wanted = text.toLowerCase();
  const matching = all.filter(({ id }) => id === wanted || (wanted.length >= 4 && id.startsWith(wanted)));
  const [first, ...others] = matching;
  if (!first) {
    throw new SnaptreeError(
      'operationNotFound',
      `There is no operation with the id “${text}”. “snaptree operations” lists them; the first four characters of an id will do.`,
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
