/**
 * Polls a libvirt host: one cheap round trip tells which VMs changed, and only those are read again, in a second.
 *
 * Where the user may see the files in which libvirt keeps what it knows (root, of `qemu:///system`), it is enough that none
 * of them was written since; libvirt writes down there which jobs run, too. Otherwise a VM has changed where its outline
 * has: its name, its state (running, paused, shut off, other), whether it is persistent and saved, its definition and the
 * one for its next start as far as they are read, the names of its snapshots and which one is current, and whether a job runs
 * in it, whether it has checkpoints, and where the volumes lead that it names. A VM in which one runs is read each time until it
 * ends. Snapshots of the same names are told apart, of who sees libvirt's files, by whether their records were written, and
 * of others by what is in the images: an internal one that was deleted and made again is another one there.
 *
 * An outline does not see another reason for the same state. Without libvirt's files it does not see either: a disk-only snapshot
 * that was deleted and made again with the same name and overlays; one that was redefined; another definition inside saved
 * memory. Whoever polls reads everything now and then for these.
 * Images are polled at the same time, by the revisions of their files (see electron/images).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Inventory } from '../../../../shared/model/inventory.ts';
import { createInterner } from '../../../base/interned.ts';
import type { Frame } from '../../../hosts/commands/frames.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { readImages, type ImageReading } from '../../../images/scan/read-images.ts';
import type { PollOptions } from '../../driver.ts';
import { definitionsWaitForHolders } from '../capabilities.ts';
import { createAsk } from '../read/script/ask.ts';
import { changesScript, inventoryScript, type OutlineQuestion } from '../read/script/batch-script.ts';
import { isForMedia } from '../../../../shared/rules/inventory/disks.ts';
import { isAtWork } from '../read/jobs.ts';
import { sortAnswers, uuidsIn } from '../read/host-answers.ts';
import {
  imageQuestion,
  inventoryFrom,
  referenceOf,
  readVms,
  vmsNaming,
  withoutVanished,
  type HostReading,
  type HostState,
  type ImageQuestion,
} from '../read/host-state.ts';
import { sourceKey } from '../read/definitions/named-files.ts';
import { storagePools } from '../read/storage-pools.ts';
import { findChanges, type Changes } from './outlines.ts';

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
  // Of what is known the host says nothing.
  const written = outlines.value.some(({ kind }) => kind === 'written') ? told('written') : before.state.written;
  const isKnown = (['stamp', 'outline'] as const).some((kind) => told(kind) !== '' && told(kind) === questions[kind]);
  const withOtherData =
    stamp !== '' && stamp === questions.stamp ? [] : [...withOtherSnapshots(before, imagesNow.value)];
  const changes = withFurther(
    isKnown ? nothingChanged(before.state) : findChanges(outlines.value, before.state, changedVms),
    withOtherData,
  );
  if (changes.isSame) {
    const images = imagesNow.value;
    const hasChanged = !areImagesSame(before.images, images);
    const inventory = hasChanged
      ? inventoryFrom(runner.hostName, before.state, images, before.inventory)
      : { ...before.inventory, readAt: Date.now() / 1000 };
    // With a stamp that is known nobody looked at the outline.
    const state = {
      ...before.state,
      stamp,
      written,
      outline: outline === '' ? before.state.outline : outline,
    };
    return { reading: { ...before, state, images: hasChanged ? images : before.images, inventory }, hasChanged };
  }
  // The outline is older than what is read now, which it may come to equal again without anything being read.
  const state = await readAgain({ ...before.state, stamp, written, outline: '' }, changes, async (only) =>
    ask('Reading what changed', (nonce) => inventoryScript(nonce, uri, only)),
  );
  // Asked again: what the records say must not be older than what the images are.
  const question = imageQuestion(state);
  const images = await readTheImages(state, question);
  const inventory = inventoryFrom(runner.hostName, state, images, before.inventory);
  const hasChanged =
    !areFilesystemsSame(before.inventory.filesystems, inventory.filesystems) ||
    !isDeepStrictEqual(withoutMoving(inventory), withoutMoving(before.inventory));
  return { reading: { ...before, state, question, images, inventory }, hasChanged };
}

function questionsFor(state: HostState, changedVms: ReadonlySet<string>): OutlineQuestion {
  const { versions, vms, withSnapshots, stamp, outline, poolList, volumes, knowsCheckpoints } = state;
  const isEnough = changedVms.size === 0 && ![...vms.values()].some(({ answers }) => isAtWork(answers));
  return {
    disks: new Map(
      [...vms].map(([uuid, vm]) => {
        const disks = 'domain' in vm ? vm.domain.disks.filter((disk) => !isForMedia(disk)) : [];
        return [uuid, disks.map(({ target }) => target)];
      }),
    ),
    withSnapshots: [...vms.keys()].filter((uuid) => withSnapshots.has(uuid)),
    pools: poolList,
    volumes: [...volumes.keys()],
    knowsCheckpoints,
    definitionsWait: definitionsWaitForHolders(versions.libvirt),
    stamp: isEnough ? stamp : '',
    outline: isEnough ? outline : '',
  };
}

function nothingChanged({ vms, strayLines }: HostState): Changes {
  return { isSame: true, toRead: [], present: new Set(vms.keys()), haveResourcesChanged: false, strayLines };
}

function withFurther(changes: Changes, uuids: readonly string[]): Changes {
  const further = uuids.filter((uuid) => changes.present.has(uuid) && !changes.toRead.includes(uuid));
  if (further.length === 0) return changes;
  return { ...changes, isSame: false, toRead: [...changes.toRead, ...further] };
}

/** VMs that name an image in which other internal snapshots are than there were: their records may be others as well. */
function withOtherSnapshots({ state, images: before }: HostReading, now: ImageReading): ReadonlySet<string> {
  const then = new Map(before.images.map(({ id, internalSnapshots }) => [id, internalSnapshots]));
  const others = new Set(
    now.images.flatMap(({ id, internalSnapshots }) => {
      const had = then.get(id);
      return had === undefined || isDeepStrictEqual(had, internalSnapshots) ? [] : [id];
    }),
  );
  if (others.size === 0) return others;
  return vmsNaming(state, (source) => {
    const reference = referenceOf(source, state.volumes);
    return reference !== null && others.has(now.imageIdOf(reference) ?? '');
  });
}

async function readAgain(
  before: HostState,
  { toRead, present, haveResourcesChanged, strayLines: stray }: Changes,
  read: (only: readonly string[]) => Promise<readonly Frame[]>,
): Promise<HostState> {
  const vms = new Map([...before.vms].filter(([uuid]) => present.has(uuid)));
  const withSnapshots = new Set([...before.withSnapshots].filter((uuid) => present.has(uuid)));
  if (toRead.length === 0 && !haveResourcesChanged) return { ...before, strayLines: stray, vms, withSnapshots };
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
  const named = new Set(
    [...vms.values()].flatMap((vm) => ('files' in vm ? vm.files.map(({ source }) => sourceKey(source)) : [])),
  );
  return {
    ...before,
    strayLines: stray,
    vms,
    withSnapshots,
    poolList: intern(uuidsIn(answers.poolList)),
    pools: intern(storagePools(answers)),
    resources: intern(answers.resources),
    volumes: new Map([...before.volumes, ...intern(answers.volumes)].filter(([key]) => named.has(`volume ${key}`))),
  };
}

/** What of an inventory does not change by itself. */
function withoutMoving(inventory: Inventory): Inventory {
  return { ...inventory, readAt: 0, filesystems: [] };
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
