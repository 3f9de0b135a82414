/** What a VM needs to start, or a snapshot to be reverted to, besides the chains of its disks, and is not there. Pure. */
import type { Image, Obstacle, Problem } from '../../../../../shared/model/inventory.ts';
import { brokenChain } from '../../../../../shared/rules/chains/broken-chains.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { isForMedia } from '../../../../../shared/rules/inventory/disks.ts';
import { shellLine } from '../../../../../shared/rules/text/shell-words.ts';
import type { WhatIsThere } from '../../../../images/scan/read-images.ts';
import type { DiskSource, DomainDisk } from '../definitions/domain-xml.ts';
import type { FileClaim } from '../definitions/file-claims.ts';
import type { HostResources, NeededResource } from '../definitions/host-resources.ts';
import { imageUses } from '../definitions/named-files.ts';
import { firmwareFiles, firmwareNeeds, needsOf, pathsNeededBy } from '../definitions/needs.ts';
import type { SnapshotRecord } from '../definitions/snapshot-xml.ts';
import type { VmRecords } from '../vm-records.ts';

export interface ObstacleContext {
  readonly images: ReadonlyMap<string, Image>;
  imageIdOf(source: DiskSource): string | null;
  /** The path by which a source is opened, as images spell it; null where it has none, or it is not known. */
  pathOf(source: DiskSource): string | null;
  /** What is at one of `pathsNeeded`; `hidden` where that is not known. */
  whatIsAt(path: string): WhatIsThere;
  readonly resources: HostResources;
}

/** Every path to look for, so that `startObstacles` and `revertObstacles` can tell. */
export function pathsNeeded(vm: VmRecords): readonly string[] {
  const memory = vm.snapshots.flatMap((record) => memoryFile(record) ?? []);
  // Records that need the same are given the same list (see `readVms`), and most of a VM's do.
  const needs = new Set(vm.snapshots.map((record) => record.needs));
  return [...pathsNeededBy(vm.files), ...[...needs].flatMap(pathsNeededBy), ...memory];
}

/** What is missing for the next start of a VM. Of its disks only media are among it: chains tell of the others. */
export function startObstacles(vm: VmRecords, context: ObstacleContext): readonly Obstacle[] {
  const { answers, domain, inactive } = vm;
  // What does not outlive its run never starts again.
  if (!answers.isPersistent) return [];
  const { isRunning } = answers;
  const by = isRunning ? 'nextStart' : answers.hasManagedSave ? 'savedMemory' : 'definition';
  const claims = vm.files.filter((claim) => claim.by === by);
  const whatHappens = isRunning ? 'libvirt will refuse its next start' : 'libvirt will refuse to start it';
  const edit = shellLine(['virsh', 'edit', answers.uuid]);
  const missing = [
    ...needsOf(claims, isGone(context)).map(({ remedy, canBeLeftOut, ...need }) => ({
      ...need,
      remedy: canBeLeftOut ? `${remedy}, or take it out of the definition: ${edit}` : sentence(remedy),
    })),
    ...(by === 'savedMemory'
      ? []
      : (isRunning ? (inactive?.disks ?? []) : domain.disks).flatMap((disk) =>
          mediumNeeds(disk, answers.uuid, context),
        )),
  ];
  const obstacles = missing.map(({ path, what, remedy }): Obstacle => ({
    path,
    message: `The VM needs ${path} (${what}), and nothing is there: ${whatHappens}.`,
    remedy,
  }));
  const rest =
    by === 'savedMemory'
      ? savedMemoryObstacles(vm, claims, context)
      : resourceObstacles((isRunning ? inactive : domain)?.resources ?? [], whatHappens, edit, context.resources);
  return [...new Map([...obstacles, ...rest].map((obstacle) => [obstacle.path, obstacle])).values()];
}

/**
 * What is missing for reverting to a snapshot, besides the images that hold its data: its memory, and what the definition in its
 * record needs. That definition is the one which libvirt starts. The snapshot's name is not in the sentences, so that those of
 * snapshots which lack the same are the same.
 */
export function revertObstacles(
  record: SnapshotRecord,
  all: readonly SnapshotRecord[],
  context: ObstacleContext,
): readonly Obstacle[] {
  const holders = new Set(record.disks.filter(({ kind }) => kind !== 'none').map(({ target }) => target));
  const others = (record.domain?.disks ?? []).filter(({ target }) => !holders.has(target));
  const needs = needsOf(record.needs, isGone(context)).map(({ path, what, remedy }): Obstacle => ({
    path,
    message: `With the definition of that time the VM needs ${path} (${what}), and nothing is there.`,
    remedy: sentence(remedy),
  }));
  const obstacles = [
    ...memoryObstacles(record, all, context),
    ...others.flatMap((disk) => recordedDiskObstacles(disk, record, context)),
    ...needs,
  ];
  return [...new Map(obstacles.map((obstacle) => [obstacle.path, obstacle])).values()];
}

/** libvirt replaces a memory file that is there without a word, as where a script always names the same (seen on 7.0, 9.0 and 11.3). */
function memoryObstacles(
  record: SnapshotRecord,
  all: readonly SnapshotRecord[],
  context: ObstacleContext,
): readonly Obstacle[] {
  const path = memoryFile(record);
  if (path === null) return [];
  const remedy = 'Put the file back from a backup to let the guest go on from there.';
  if (context.whatIsAt(path) === 'nothing')
    return [{ path, message: `Its memory should be in ${path}, and nothing is there.`, remedy }];
  const later = all.find(
    (other) => other !== record && memoryFile(other) === path && (other.createdAt ?? 0) >= (record.createdAt ?? 0),
  );
  if (!later) return [];
  const message = `Its memory was in ${path}, which was replaced when “${later.name}” was taken.`;
  return [{ path, message, remedy }];
}

/** Read-only disks, media, and disks that are left out of the snapshot. */
function recordedDiskObstacles(
  disk: DomainDisk,
  { memory }: SnapshotRecord,
  context: ObstacleContext,
): readonly Obstacle[] {
  if (!(memory.kind === 'none' ? disk.isMandatory : disk.isMandatoryForMemory)) return [];
  const { source, target } = disk;
  const imageId = context.imageIdOf(source);
  if (imageId === null) return source.kind === 'volume' ? [volumeObstacle(source, target)] : [];
  const chain = chainFrom(imageId, context.images, context.pathOf(source) ?? imageId);
  const broken = brokenChain(chain, context.images);
  if (broken?.isCertain !== true) return [];
  const isTop = broken.at === imageId;
  return [
    {
      path: broken.at,
      message: isTop
        ? `With the definition of that time the VM has ${imageId} as ${target}, and nothing is there.`
        : `With the definition of that time the VM has ${imageId} as ${target}, and its chain ${broken.words}`,
      remedy: isForMedia(disk)
        ? 'Put the medium back where it was; it can be ejected after the revert.'
        : isTop
          ? 'Put the image back from a backup.'
          : broken.remedy,
    },
  ];
}

/** libvirt asks the pool before it changes a disk, and after the end of the VM that runs, with memory or without (9.0 and 11.3). */
function volumeObstacle({ pool, volume }: Extract<DiskSource, { kind: 'volume' }>, target: string): Obstacle {
  return {
    path: `${pool}/${volume}`,
    message: `With the definition of that time the VM has the volume “${volume}” of the pool “${pool}” as ${target}, and libvirt does not give its path.`,
    remedy: 'Define and start the pool (virsh pool-define, pool-start), and look whether the volume is in it.',
    stopsRevert: true,
  };
}

/**
 * The variables of the firmware that are gone, where that alone stops no start: libvirt makes new ones. A VM that never
 * started has none yet, and nothing is wrong then.
 */
export function firmwareProblems(vm: VmRecords, context: ObstacleContext): readonly Problem[] {
  const { isRunning } = vm.answers;
  const claims = vm.files.filter(({ by }) => by === (isRunning ? 'nextStart' : 'definition'));
  if ((!isRunning && vm.snapshots.length === 0) || firmwareNeeds(claims, isGone(context)).length > 0) return [];
  const gone = firmwareFiles(claims, 'nvram').filter(isGone(context));
  const isTemplateKnown = firmwareFiles(claims, 'nvramTemplate').length > 0;
  const next = isTemplateKnown
    ? 'libvirt makes new ones at the next start'
    : 'the VM starts only where libvirt knows a template for its firmware, with new ones';
  return gone.map((path) => ({
    severity: 'warning',
    message: `The variables of the firmware, ${path}, are gone: ${next}, without the boot entries and keys that were in them.`,
  }));
}

/** Of networks, filters and secrets that libvirt does not list to this user, or that are not active. */
function resourceObstacles(
  needed: readonly NeededResource[],
  whatHappens: string,
  edit: string,
  { networks, activeNetworks, filters, secrets }: HostResources,
): readonly Obstacle[] {
  const kinds = {
    network: {
      listed: networks,
      what: (name: string) => `virtual network “${name}”`,
      define: 'Define and start it (virsh net-define, net-start)',
    },
    filter: {
      listed: filters,
      what: (name: string) => `network filter “${name}”`,
      define: 'Define it (virsh nwfilter-define)',
    },
    secret: {
      listed: secrets,
      what: (name: string) => `secret ${name}`,
      define: 'Define it and set its value (virsh secret-define, secret-set-value)',
    },
  };
  return needed.flatMap(({ kind, name }): Obstacle[] => {
    const { listed, what, define } = kinds[kind];
    if (listed === null) return [];
    if (kind === 'network' && (activeNetworks === null || activeNetworks.has(name))) return [];
    const obstacle = (why: string, remedy: string): Obstacle[] => [
      { path: `${kind} ${name}`, message: `The VM needs the ${what(name)}, ${why}: ${whatHappens}.`, remedy },
    ];
    if (!listed.has(name)) {
      const by = kind === 'secret' ? 'of that UUID' : 'of that name';
      return obstacle(`and libvirt lists none ${by}`, `${define}, or take it out of the definition: ${edit}`);
    }
    if (kind !== 'network') return [];
    const start = shellLine(['virsh', 'net-start', `--network=${name}`]);
    return obstacle('which is not active', `Start the network: ${start}`);
  });
}

/** A command at the end has no full stop, which would be taken for a part of it. */
function sentence(remedy: string): string {
  return remedy.includes(': mkdir ') ? remedy : `${remedy}.`;
}

function isGone(context: ObstacleContext): (path: string) => boolean {
  return (path) => context.whatIsAt(path) === 'nothing';
}

function memoryFile({ memory }: SnapshotRecord): string | null {
  return memory.kind === 'external' && memory.file.startsWith('/') ? memory.file : null;
}

function mediumNeeds(disk: DomainDisk, uuid: string, context: ObstacleContext) {
  const imageId = context.imageIdOf(disk.source);
  const image = imageId === null ? undefined : context.images.get(imageId);
  if (!isForMedia(disk) || !disk.isMandatory || image?.status !== 'missing') return [];
  const eject = shellLine(['virsh', 'change-media', uuid, disk.target, '--eject', '--config']);
  const what = `the medium in the drive ${disk.target}`;
  return [{ path: image.id, what, remedy: `Put it back, or take it out of the drive: ${eject}` }];
}

/** Images that only the saved memory of a VM names: its disks tell of the others. */
function savedMemoryObstacles(
  { answers, domain }: VmRecords,
  claims: readonly FileClaim[],
  context: ObstacleContext,
): readonly Obstacle[] {
  const ofDisks = new Set(domain.disks.map(({ source }) => context.imageIdOf(source)));
  const giveUp = shellLine(['virsh', 'managedsave-remove', answers.uuid]);
  return claims.flatMap(({ use, source }): Obstacle[] => {
    const imageId = imageUses.has(use) ? context.imageIdOf(source) : null;
    if (imageId === null || ofDisks.has(imageId) || context.images.get(imageId)?.status !== 'missing') return [];
    return [
      {
        path: imageId,
        message: `The saved memory of the VM names ${imageId}, and nothing is there: libvirt will refuse to start it.`,
        remedy: `Put the image back; or give the saved memory up, which loses what was not written to disk: ${giveUp}`,
      },
    ];
  });
}
