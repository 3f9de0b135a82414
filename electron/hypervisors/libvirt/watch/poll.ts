/**
 * Polls a libvirt host: one cheap round trip tells which VMs changed, and only those are read again, in a second.
 *
 * Where the user may see the files in which libvirt keeps what it knows (root, of `qemu:///system`), it is enough that none
 * of them was written since; libvirt writes down there which jobs run, too. Otherwise a VM has changed where its outline
 * has: its name, its state (running, paused, shut off, other), whether it is persistent and saved, its definition and the
 * one for its next start as far as they are read, the names of its snapshots and which one is current, and whether a job runs
 * in it. A VM in which one runs is read each time until it ends.
 *
 * An outline does not see: another reason for the same state; a snapshot that was deleted and made again with the same name,
 * or redefined, between two polls; another definition inside saved memory; checkpoints; where a pool of the same UUID leads, and
 * whether it runs. Whoever polls reads everything now and then for these.
 * Images are polled at the same time, by the revisions of their files (see electron/images).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Inventory } from '../../../../shared/model/inventory.ts';
import { createInterner } from '../../../base/interned.ts';
import type { Frame } from '../../../hosts/commands/frames.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { readImages, type ImageReading } from '../../../images/scan/read-images.ts';
import type { PollOptions } from '../../driver.ts';
import { createAsk } from '../read/ask.ts';
import { changesScript, inventoryScript, type OutlineQuestion } from '../read/batch-script.ts';
import { isForMedia } from '../../../../shared/rules/disks.ts';
import { isAtWork } from '../read/jobs.ts';
import {
  digestOfDefinitions,
  sortAnswers,
  strayLines,
  uuidsIn,
  type KeptAnswers,
  type VmAnswers,
} from '../read/host-answers.ts';
import {
  imageQuestion,
  inventoryFrom,
  readVms,
  withoutVanished,
  type HostReading,
  type HostState,
  type ImageQuestion,
} from '../read/host-state.ts';
import { storagePools } from '../read/storage-pools.ts';

export interface HostPoll {
  readonly reading: HostReading;
  readonly hasChanged: boolean;
}

/** What changed since `before`. Throws what `readLibvirt` throws; `before` is then as good as it was. */
export async function pollHost(
  runner: CommandRunner,
  uri: string,
  before: HostReading,
  options: PollOptions,
): Promise<HostPoll> {
  const ask = createAsk(runner, uri, { ...options, priority: 'poll' });
  const readTheImages = (state: HostState, { requests, named, lookFor }: ImageQuestion): Promise<ImageReading> =>
    readImages(runner, requests, {
      priority: 'poll',
      folders: state.pools.folders,
      named,
      lookFor,
      memory: before.imageMemory,
      ...(options.signal && { signal: options.signal }),
    });
  const changedVms = options.changedVms ?? new Set<string>();
  const questions = questionsFor(before.state, changedVms);
  // Both are awaited whatever happens, so that a failure of one leaves nothing behind that nobody waits for.
  const [outlines, imagesNow] = await Promise.allSettled([
    ask('Looking for changes', (nonce) => changesScript(nonce, uri, questions)),
    readTheImages(before.state, before.question),
  ]);
  if (outlines.status === 'rejected') throw outlines.reason;
  if (imagesNow.status === 'rejected') throw imagesNow.reason;
  const told = (kind: string) => createInterner('cut')(outlines.value.find((frame) => frame.kind === kind)?.body ?? '');
  const [stamp, outline] = [told('stamp'), told('outline')];
  const isKnown = (['stamp', 'outline'] as const).some((kind) => told(kind) !== '' && told(kind) === questions[kind]);
  const changes = isKnown ? null : findChanges(outlines.value, before.state, changedVms);
  if (changes === null || changes.isSame) {
    const images = imagesNow.value;
    const hasChanged = !areImagesSame(before.images, images);
    const inventory = hasChanged
      ? inventoryFrom(runner.hostName, before.state, images, before.inventory)
      : { ...before.inventory, readAt: Date.now() / 1000 };
    // With a stamp that is known nobody looked at the outline.
    const state = { ...before.state, stamp, outline: outline === '' ? before.state.outline : outline };
    return { reading: { ...before, state, images: hasChanged ? images : before.images, inventory }, hasChanged };
  }
  // The outline is older than what is read now, which it may come to equal again without anything being read.
  const state = await readAgain({ ...before.state, stamp, outline: '' }, changes, async (only) =>
    ask('Reading what changed', (nonce) => inventoryScript(nonce, uri, only)),
  );
  // Asked again: what the records say must not be older than what the images are.
  const question = imageQuestion(state);
  const images = await readTheImages(state, question);
  const inventory = inventoryFrom(runner.hostName, state, images, before.inventory);
  const hasChanged = !isDeepStrictEqual({ ...inventory, readAt: 0 }, { ...before.inventory, readAt: 0 });
  return { reading: { ...before, state, question, images, inventory }, hasChanged };
}

function questionsFor(state: HostState, changedVms: ReadonlySet<string>): OutlineQuestion {
  const { vms, withSnapshots, stamp, outline } = state;
  const isEnough = changedVms.size === 0 && ![...vms.values()].some(({ answers }) => isAtWork(answers));
  return {
    disks: new Map(
      [...vms].map(([uuid, vm]) => {
        const disks = 'domain' in vm ? vm.domain.disks.filter((disk) => !isForMedia(disk)) : [];
        return [uuid, disks.map(({ target }) => target)];
      }),
    ),
    withSnapshots: [...vms.keys()].filter((uuid) => withSnapshots.has(uuid)),
    stamp: isEnough ? stamp : '',
    outline: isEnough ? outline : '',
  };
}

interface Changes {
  readonly isSame: boolean;
  /** UUIDs of the VMs to read again: new ones, and those that are not what they were. */
  readonly toRead: readonly string[];
  readonly present: ReadonlySet<string>;
  readonly havePoolsChanged: boolean;
  readonly strayLines: readonly string[];
}

function findChanges(frames: readonly Frame[], before: HostState, changedNames: ReadonlySet<string>): Changes {
  const lists = new Map(
    frames.flatMap(({ kind, arguments: [uuid], body }) => (uuid === undefined ? [[kind, body]] : [])),
  );
  const list = (kind: string): readonly string[] => uuidsIn(lists.get(kind) ?? '');
  const uuids = list('vms');
  const withSnapshots = new Set(list('with-snapshots'));
  const states = new Map(
    ['running', 'paused', 'shutoff', 'other'].flatMap((state) => list(state).map((uuid) => [uuid, state] as const)),
  );
  const names = (lists.get('names') ?? '').split('\n').filter((name) => name !== '');
  // A name may have a line break of its own; then nothing can be said by its place.
  const nameOf = new Map(names.length === uuids.length ? uuids.map((uuid, index) => [uuid, names[index]]) : []);
  const outlines = new Map(sortAnswers(frames).vms.map((outline) => [outline.uuid, outline]));
  const isSame = (uuid: string): boolean => {
    const was = before.vms.get(uuid)?.answers;
    const now = outlines.get(uuid);
    if (was === undefined || now === undefined) return false;
    const had = before.withSnapshots.has(uuid);
    const nameNow = nameOf.get(uuid) ?? lineOf(was.name);
    return (
      nameNow === lineOf(was.name) &&
      !changedNames.has(nameNow) &&
      states.get(uuid) === stateGroup(was) &&
      withSnapshots.has(uuid) === had &&
      isOutlineSame(was, now) &&
      (!had || (now.current === was.current && now.listing === was.listing))
    );
  };
  const toRead = uuids.filter((uuid) => !isSame(uuid));
  const havePoolsChanged = !isDeepStrictEqual([...list('pools')].sort(), [...before.poolList].sort());
  const stray = strayLines(lists.get('vms') ?? '');
  const isListSame = uuids.length === before.vms.size && isDeepStrictEqual(stray, before.strayLines);
  return {
    isSame: toRead.length === 0 && isListSame && !havePoolsChanged,
    strayLines: stray,
    toRead,
    present: new Set(uuids),
    havePoolsChanged,
  };
}

/** For a VM whose state is the same. */
function isOutlineSame(was: KeptAnswers, now: VmAnswers): boolean {
  return (
    now.isPersistent === was.isPersistent &&
    now.hasManagedSave === was.hasManagedSave &&
    digestOfDefinitions(now) === was.definitions &&
    !isAtWork(was) &&
    !isAtWork({ ...now, state: was.state })
  );
}

function lineOf(text: string): string {
  return text.replace(/\n$/, '');
}

/** The group of `virsh list --state-…` that a VM with this `domstate` is in. */
function stateGroup({ state }: KeptAnswers): string {
  if (state.startsWith('running')) return 'running';
  if (state.startsWith('paused')) return 'paused';
  return state.startsWith('shut off') ? 'shutoff' : 'other';
}

async function readAgain(
  before: HostState,
  { toRead, present, havePoolsChanged, strayLines: stray }: Changes,
  read: (only: readonly string[]) => Promise<readonly Frame[]>,
): Promise<HostState> {
  const vms = new Map([...before.vms].filter(([uuid]) => present.has(uuid)));
  const withSnapshots = new Set([...before.withSnapshots].filter((uuid) => present.has(uuid)));
  if (toRead.length === 0 && !havePoolsChanged) return { ...before, strayLines: stray, vms, withSnapshots };
  const answers = await withoutVanished(sortAnswers(await read(toRead)), async (uuids) =>
    sortAnswers(await read(uuids)),
  );
  const intern = createInterner('cut');
  const stillThere = new Set(uuidsIn(answers.list));
  for (const uuid of toRead) vms.delete(uuid);
  for (const [uuid, vm] of await readVms(answers.vms, before.vms)) {
    // Removed between the two round trips.
    if (stillThere.has(uuid)) vms.set(uuid, vm);
    else vms.delete(uuid);
    if (answers.withSnapshots.has(uuid)) withSnapshots.add(uuid);
    else withSnapshots.delete(uuid);
  }
  return {
    ...before,
    strayLines: stray,
    vms,
    withSnapshots,
    poolList: intern(uuidsIn(answers.poolList)),
    pools: intern(storagePools(answers)),
    volumes: new Map([...before.volumes, ...intern(answers.volumes)]),
  };
}

/** Free space always moves a little; less than this part of a file system is no change worth showing. */
const freeSpaceThatCounts = 0.01;

function areImagesSame(before: ImageReading, now: ImageReading): boolean {
  return (
    isDeepStrictEqual(before.images, now.images) &&
    isDeepStrictEqual(before.problems, now.problems) &&
    isDeepStrictEqual(before.unknownDependents, now.unknownDependents) &&
    isDeepStrictEqual(before.lookedFor, now.lookedFor) &&
    isDeepStrictEqual(before.openBy, now.openBy) &&
    areFilesystemsSame(before.filesystems, now.filesystems)
  );
}

function areFilesystemsSame(before: Inventory['filesystems'], now: Inventory['filesystems']): boolean {
  return (
    before.length === now.length &&
    now.every(({ folder, freeBytes, totalBytes }, index) => {
      const was = before[index];
      if (was?.folder !== folder || was.totalBytes !== totalBytes) return false;
      return Math.abs(was.freeBytes - freeBytes) < totalBytes * freeSpaceThatCounts;
    })
  );
}
