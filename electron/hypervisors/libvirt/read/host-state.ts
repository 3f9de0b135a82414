/** All that was read of a libvirt host, kept so that a poll can replace parts of it, and the inventory that it makes. */
import { setImmediate } from 'node:timers/promises';
import type { Inventory, Problem, UnknownDependents, Vm } from '../../../../shared/model/inventory.ts';
import { createInterner } from '../../../base/interned.ts';
import { folderOf } from '../../../../shared/rules/text/folders.ts';
import { sharedInventory } from '../../../../shared/rules/inventory/inventory-delta.ts';
import { shared } from '../../../../shared/rules/inventory/structural-sharing.ts';
import type { ImageMemory } from '../../../images/scan/image-memory.ts';
import type { ImageReading, ImageRequest } from '../../../images/scan/read-images.ts';
import { unknownDependents } from '../../../images/unknown-dependents.ts';
import { assembleVm, type AssembleContext } from './assemble.ts';
import { libvirtCapabilities } from '../capabilities.ts';
import { unknownLayers } from './defined-chains.ts';
import type { DiskSource } from './definitions/domain-xml.ts';
import { pathsNeeded } from './obstacles/obstacles.ts';
import { parseVersions, strayLines, uuidsIn, virshError, type HostAnswers, type VmAnswers } from './host-answers.ts';
import type { HostResources } from './definitions/host-resources.ts';
import { storagePools, type StoragePools } from './storage-pools.ts';
import { imageUses, type FileUse, type NamedFile } from './definitions/named-files.ts';
import { sealedDoubts, strangePaths } from './sealed-doubts.ts';
import { volumeDoubts } from './volume-doubts.ts';
import { readVm, type UnreadableVm, type VmRecords } from './vm-records.ts';

export interface HostState {
  readonly versions: ReturnType<typeof parseVersions>;
  /** See `HostAnswers.stamp`. */
  readonly stamp: string;
  /** See `HostAnswers.written`. */
  readonly written: string;
  readonly knowsCheckpoints: boolean;
  /** A checksum over what a poll compares, while it says the same as this state; empty where there is none. */
  readonly outline: string;
  /** What stood in the list of VMs and is none. */
  readonly strayLines: readonly string[];
  readonly poolList: readonly string[];
  readonly pools: StoragePools;
  readonly resources: HostResources;
  /** By UUID. */
  readonly vms: ReadonlyMap<string, VmRecords | UnreadableVm>;
  /** What virsh said of volumes, by `POOL/VOLUME`. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly withSnapshots: ReadonlySet<string>;
}

export interface ImageQuestion {
  readonly requests: readonly ImageRequest[];
  readonly named: readonly string[];
  readonly lookFor: readonly string[];
}

/** A state with its images. */
export interface HostReading {
  readonly state: HostState;
  /** What was asked of the images, for the state. */
  readonly question: ImageQuestion;
  readonly images: ImageReading;
  readonly imageMemory: ImageMemory;
  readonly inventory: Inventory;
}

/** Longest time in milliseconds that other work of the process waits while a host's answers are taken apart. */
const sliceMilliseconds = 12;

type Vms = ReadonlyMap<string, VmRecords | UnreadableVm>;

/**
 * Takes VMs apart one by one, and lets others have their turn in between. Those that are as they were `before` are the same
 * objects.
 */
export async function readVms(vms: readonly VmAnswers[], before?: Vms): Promise<Map<string, VmRecords | UnreadableVm>> {
  const result = new Map<string, VmRecords | UnreadableVm>();
  let sliceBegan = performance.now();
  for (const answers of vms) {
    const was = before?.get(answers.uuid);
    const now = shared(was, readVm(answers));
    // Alone, since VMs have little in common, and an interner for all of them would be large.
    const vm = now === was ? now : createInterner('cut')(now);
    result.set(vm.answers.uuid, vm);
    if (performance.now() - sliceBegan < sliceMilliseconds) continue;
    await setImmediate();
    sliceBegan = performance.now();
  }
  return result;
}

/** Machines of tests come and go all the time: so many times in a row, one that is listed can be gone when it is read. */
const maximumRounds = 3;

/**
 * What is to be believed of VMs that vanished while they were read: `again` is asked for them, and those that it does not
 * list either are left out. What is listed each time and never found stays as it is.
 */
export async function withoutVanished(
  answers: HostAnswers,
  again: (uuids: readonly string[]) => Promise<HostAnswers>,
): Promise<HostAnswers> {
  let result = answers;
  for (let round = 0; round < maximumRounds; round += 1) {
    // virsh's words where it does not find a VM by its UUID.
    const vanished = result.vms.filter(({ domain }) => domain.startsWith('error: failed to get domain '));
    if (vanished.length === 0) break;
    result = replaced(result, new Set(vanished.map(({ uuid }) => uuid)), await again(vanished.map(({ uuid }) => uuid)));
  }
  return result;
}

function replaced(answers: HostAnswers, uuids: ReadonlySet<string>, now: HostAnswers): HostAnswers {
  const present = new Set(uuidsIn(now.list));
  return {
    ...answers,
    vms: [
      ...answers.vms.filter(({ uuid }) => !uuids.has(uuid)),
      ...now.vms.filter(({ uuid }) => uuids.has(uuid) && present.has(uuid)),
    ],
    withSnapshots: new Set([
      ...[...answers.withSnapshots].filter((uuid) => !uuids.has(uuid)),
      ...[...now.withSnapshots].filter((uuid) => uuids.has(uuid)),
    ]),
    volumes: new Map([...answers.volumes, ...now.volumes]),
  };
}

export async function hostStateFrom(answers: HostAnswers, before?: HostState): Promise<HostState> {
  const vms = await readVms(answers.vms, before?.vms);
  const rest = createInterner('cut')({
    versions: parseVersions(answers.versions),
    stamp: answers.stamp,
    written: answers.written,
    knowsCheckpoints: answers.knowsCheckpoints,
    outline: '',
    strayLines: strayLines(answers.list),
    poolList: uuidsIn(answers.poolList),
    pools: storagePools(answers),
    resources: answers.resources,
    volumes: answers.volumes,
    withSnapshots: answers.withSnapshots,
  });
  return { ...rest, vms };
}

/** What a source names, as the images are asked for it; null where it names no image, or it is not known which. */
export function referenceOf(source: DiskSource, volumes: HostState['volumes']): string | null {
  if (source.kind === 'image') return source.reference;
  if (source.kind !== 'volume') return null;
  const path = volumes.get(`${source.pool}/${source.volume}`) ?? '';
  return virshError(path) === null ? path.replace(/\n$/, '') : null;
}

/** UUIDs of the VMs whose definitions or records name something that `isMeant`. */
export function vmsNaming({ vms }: HostState, isMeant: (source: NamedFile['source']) => boolean): ReadonlySet<string> {
  return new Set(
    [...vms].flatMap(([uuid, vm]) => ('files' in vm && vm.files.some(({ source }) => isMeant(source)) ? [uuid] : [])),
  );
}

/** Every image that VMs and snapshots name, each once for each format in which it is used. */
function imageRequests({ vms, volumes }: HostState): readonly ImageRequest[] {
  const requests = new Map<string, ImageRequest>();
  for (const vm of vms.values()) {
    if (!('domain' in vm)) continue;
    for (const { use, source, format } of vm.files) {
      if (!imageUses.has(use)) continue;
      const reference = referenceOf(source, volumes);
      if (reference !== null) requests.set(JSON.stringify([reference, format]), { reference, format });
    }
  }
  return [...requests.values()];
}

/** Uses whose paths are sockets and programs, of which every VM has some: they are compared by their names alone. */
const usesWithoutImage: ReadonlySet<FileUse> = new Set(['emulator', 'characterDevice', 'socket']);

/** Absolute paths that VMs name for something else than a disk, and that may be an image all the same. */
function namedPaths({ vms, volumes }: HostState): readonly string[] {
  const paths = new Set<string>();
  for (const vm of vms.values()) {
    if (!('domain' in vm)) continue;
    for (const { use, source } of vm.files) {
      const reference = imageUses.has(use) || usesWithoutImage.has(use) ? null : referenceOf(source, volumes);
      // What the kernel shows of a device is no image.
      if (reference?.startsWith('/') && !reference.startsWith('/sys/')) paths.add(reference);
    }
  }
  return [...paths];
}

/** Paths of what VMs need to start and snapshots to be reverted to, besides images, and of what may be an image unseen. */
function pathsToLookFor({ vms }: HostState): readonly string[] {
  return [
    ...new Set([...vms.values()].flatMap((vm) => ('domain' in vm ? [...pathsNeeded(vm), ...strangePaths(vm)] : []))),
  ];
}

export function imageQuestion(state: HostState): ImageQuestion {
  return { requests: imageRequests(state), named: namedPaths(state), lookFor: pathsToLookFor(state) };
}

/** A list that holds something else than VMs may hold fewer VMs than there are. */
function unlistedVms({ strayLines: [first] }: HostState): readonly UnknownDependents[] {
  if (first === undefined) return [];
  const reason = `The list of VMs holds a line that is no VM, so VMs may be missing here: “${first.slice(0, 200)}”.`;
  return [{ what: 'The list of VMs', reason, subject: { kind: 'host', part: 'vmList' }, imageIds: null }];
}

/**
 * The inventory of a state and its images. Parts that equal those of the inventory `before` are the same objects, and what
 * is new is as small as can be.
 */
export function inventoryFrom(
  hostName: string,
  state: HostState,
  images: ImageReading,
  before: Inventory | null,
): Inventory {
  const inventory = sharedInventory(before, assembledInventory(hostName, state, images));
  const known = new Set(before?.vms);
  return { ...inventory, vms: inventory.vms.map((vm) => (known.has(vm) ? vm : createInterner('own')(vm))) };
}

function assembledInventory(hostName: string, state: HostState, images: ImageReading): Inventory {
  const context: AssembleContext = {
    images: new Map(images.images.map((image) => [image.id, image])),
    imageIdOf(source) {
      const reference = referenceOf(source, state.volumes);
      return reference === null ? null : images.imageIdOf(reference);
    },
    foldersWithImages: foldersAbove(images.images.flatMap(({ id, otherPaths }) => [id, ...otherPaths])),
    savedMemory: images.savedMemory,
    realPathOf: (path) => images.realPathOf(path),
    whatIsAt: (path) => images.lookedFor.get(path) ?? 'hidden',
    resources: state.resources,
    pathOf(source) {
      const reference = referenceOf(source, state.volumes);
      return reference === null ? null : images.openedAs(reference);
    },
  };
  const vms = [...state.vms.values()]
    .map((vm) => ('domain' in vm ? assembleVm(vm, context) : unreadable(vm)))
    .sort((a, b) => compare(a.name ?? '', b.name ?? '') || compare(a.uuid, b.uuid));
  const readable = [...state.vms.values()].filter((vm): vm is VmRecords => 'domain' in vm);
  const { libvirt, emulator } = state.versions;
  return {
    hypervisor: { kind: 'libvirt', version: libvirt, emulator, capabilities: libvirtCapabilities(libvirt) },
    hostName,
    readAt: Date.now() / 1000,
    vms,
    images: images.images,
    filesystems: images.filesystems,
    unknownDependents: unknownDependents(vms, images, [
      ...unlistedVms(state),
      ...state.pools.unknown,
      ...unknownLayers(readable, context),
      ...volumeDoubts(readable, state, context),
      ...sealedDoubts(readable, context),
    ]),
    problems: [
      ...images.problems,
      ...unlistedVms(state).map(({ reason, subject }): Problem => ({
        severity: 'error',
        message: reason,
        ...(subject && { subject }),
      })),
    ],
  };
}

/** Every folder in which one of these paths lies, however deep. */
function foldersAbove(paths: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    // An image on the network lies in none.
    if (!path.startsWith('/')) continue;
    for (let folder = folderOf(path); !folders.has(folder); folder = folderOf(folder)) folders.add(folder);
  }
  return folders;
}

function unreadable({ answers, reason }: UnreadableVm): Vm {
  const name = virshError(answers.name) === null ? answers.name.replace(/\n$/, '') : null;
  return { readable: false, uuid: answers.uuid, name, reason };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
