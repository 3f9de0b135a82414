/**
 * What a VM needs to start, or a snapshot to be reverted to, besides the chains of its disks, and is not there. Pure.
 *
 * Without each of these libvirt 7.0, 9.0 and 11.3 really refuse the start: see obstacles.integration.test.ts. Nothing is said of
 * what libvirt makes itself (logs, sockets, the state of an emulated TPM), nor of devices that it looks for by other
 * means than a path.
 */
import { posix } from 'node:path';
import type { Image, Obstacle, Problem } from '../../../../shared/model/inventory.ts';
import { isForMedia } from '../../../../shared/rules/disks.ts';
import { shellLine } from '../../../../shared/rules/shell-words.ts';
import type { WhatIsThere } from '../../../images/scan/read-images.ts';
import type { DiskSource, DomainDisk } from './domain-xml.ts';
import type { FileClaim } from './file-claims.ts';
import { imageUses, type FileUse } from './named-files.ts';
import type { SnapshotRecord } from './snapshot-xml.ts';
import type { VmRecords } from './vm-records.ts';

export interface ObstacleContext {
  readonly images: ReadonlyMap<string, Image>;
  imageIdOf(source: DiskSource): string | null;
  /** What is at one of `pathsNeeded`; `hidden` where that is not known. */
  whatIsAt(path: string): WhatIsThere;
}

const needs: ReadonlyMap<FileUse, string> = new Map([
  ['loader', 'its firmware'],
  ['kernel', 'its kernel'],
  ['initrd', 'its initial RAM disk'],
  ['deviceTree', 'its device tree'],
  ['acpiTable', 'its ACPI table'],
  ['rom', 'the ROM of a device'],
  ['emulator', 'its emulator'],
  ['filesystem', 'a folder that it shares'],
  ['hostDevice', 'a device of the host'],
  ['tpm', 'a device of the host'],
  ['characterDevice', 'a device of the host'],
]);

/** Of these, paths outside of `/dev` are made by QEMU or libvirt, or are no paths of the host. */
const devices: ReadonlySet<FileUse> = new Set(['hostDevice', 'tpm', 'characterDevice']);

/** Folders that libvirt makes itself. */
const ofLibvirt = /^\/(?:var\/)?(?:run|lib|cache|log)\/libvirt\//;

interface Need {
  readonly path: string;
  readonly what: string;
  readonly remedy: string;
}

/** Every path to look for, so that `startObstacles` and `revertObstacles` can tell. */
export function pathsNeeded(vm: VmRecords): readonly string[] {
  const firmware = vm.files.filter(({ use }) => use === 'nvram' || use === 'nvramTemplate').map(pathOf);
  const memory = vm.snapshots.map((record) => memoryFile(record));
  return [...vm.files.flatMap((claim) => needOf(claim, '')).map(({ path }) => path), ...firmware, ...memory].filter(
    (path) => path !== null,
  );
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
  const missing = [
    ...claims
      .flatMap((claim) => needOf(claim, answers.uuid))
      .filter(({ path }) => context.whatIsAt(path) === 'nothing'),
    ...firmwareNeeds(claims, context),
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
  const saved = by === 'savedMemory' ? savedMemoryObstacles(vm, claims, context) : [];
  return [...new Map([...obstacles, ...saved].map((obstacle) => [obstacle.path, obstacle])).values()];
}

/**
 * What is missing for reverting to a snapshot, besides the images that hold its data: its memory, and what the definition in its
 * record has in drives and on disks that are no part of the snapshot. That definition is the one which libvirt starts.
 */
export function revertObstacles(record: SnapshotRecord, context: ObstacleContext): readonly Obstacle[] {
  const holders = new Set(record.disks.filter(({ kind }) => kind !== 'none').map(({ target }) => target));
  const others = (record.domain?.disks ?? []).filter(({ target }) => !holders.has(target));
  return [
    ...memoryObstacles(record, context),
    ...others.flatMap((disk) => recordedDiskObstacles(disk, record, context)),
  ];
}

function memoryObstacles(record: SnapshotRecord, context: ObstacleContext): readonly Obstacle[] {
  const path = memoryFile(record);
  if (path === null || context.whatIsAt(path) !== 'nothing') return [];
  return [
    {
      path,
      message: `The memory of the snapshot “${record.name}” should be in ${path}, and nothing is there: it cannot be reverted to.`,
      remedy: 'Put the file back from a backup, or remove the record alone (metadata only).',
    },
  ];
}

function recordedDiskObstacles(
  disk: DomainDisk,
  record: SnapshotRecord,
  context: ObstacleContext,
): readonly Obstacle[] {
  const imageId = context.imageIdOf(disk.source);
  const image = imageId === null ? undefined : context.images.get(imageId);
  if (!disk.isMandatory || image?.status !== 'missing') return [];
  return [
    {
      path: image.id,
      message: `In the snapshot “${record.name}” the VM has ${image.id} as ${disk.target}, and nothing is there: it does not start with the definition of that time.`,
      remedy: isForMedia(disk)
        ? 'Put the medium back where it was; it can be ejected after the revert.'
        : 'Put the image back from a backup.',
    },
  ];
}

/**
 * The variables of the firmware that are gone, where that alone stops no start: libvirt makes new ones. A VM that never
 * started has none yet, and nothing is wrong then.
 */
export function firmwareProblems(vm: VmRecords, context: ObstacleContext): readonly Problem[] {
  const { isRunning } = vm.answers;
  const claims = vm.files.filter(({ by }) => by === (isRunning ? 'nextStart' : 'definition'));
  if ((!isRunning && vm.snapshots.length === 0) || firmwareNeeds(claims, context).length > 0) return [];
  const gone = firmwareFiles(claims, 'nvram').filter((path) => context.whatIsAt(path) === 'nothing');
  const isTemplateKnown = firmwareFiles(claims, 'nvramTemplate').length > 0;
  const next = isTemplateKnown
    ? 'libvirt makes new ones at the next start'
    : 'the VM starts only where libvirt knows a template for its firmware, with new ones';
  return gone.map((path) => ({
    severity: 'warning',
    message: `The variables of the firmware, ${path}, are gone: ${next}, without the boot entries and keys that were in them.`,
  }));
}

function pathOf({ source }: Pick<FileClaim, 'source'>): string | null {
  return source.kind === 'image' && source.reference.startsWith('/') ? source.reference : null;
}

function memoryFile({ memory }: SnapshotRecord): string | null {
  return memory.kind === 'external' && memory.file.startsWith('/') ? memory.file : null;
}

/** What a claim needs to be there; nothing where that cannot be told from a path. */
function needOf(claim: FileClaim, uuid: string): readonly Need[] {
  const path = pathOf(claim);
  const what = needs.get(claim.use);
  if (path === null || what === undefined) return [];
  const edit = shellLine(['virsh', 'edit', uuid]);
  if (path.startsWith('/dev/')) {
    // Terminals come with the VM.
    if (path.startsWith('/dev/pts/')) return [];
    return [{ path, what, remedy: `Bring the device back, or take it out of the definition: ${edit}` }];
  }
  if (devices.has(claim.use)) {
    const folder = posix.dirname(path);
    if (claim.use !== 'characterDevice' || ofLibvirt.test(path)) return [];
    const make = shellLine(['mkdir', '-p', '--', folder]);
    return [{ path: folder, what: `the folder of ${path}`, remedy: `Make the folder: ${make}` }];
  }
  if (claim.use === 'filesystem') {
    const make = shellLine(['mkdir', '-p', '--', path]);
    return [{ path, what, remedy: `Mount or restore the folder; or make an empty one: ${make}` }];
  }
  return [{ path, what, remedy: `Put the file back, or take it out of the definition: ${edit}` }];
}

function firmwareFiles(claims: readonly FileClaim[], use: FileUse): readonly string[] {
  return claims.filter((claim) => claim.use === use).flatMap((claim) => pathOf(claim) ?? []);
}

/** Variables of the firmware that are gone together with the template from which libvirt would make new ones. */
function firmwareNeeds(claims: readonly FileClaim[], context: ObstacleContext): readonly Need[] {
  const isGone = (path: string): boolean => context.whatIsAt(path) === 'nothing';
  if (!firmwareFiles(claims, 'nvram').some(isGone)) return [];
  return firmwareFiles(claims, 'nvramTemplate')
    .filter(isGone)
    .map((path) => ({
      path,
      what: 'the template for the variables of its firmware, which are gone',
      remedy: `Put the variables back from a backup, or the template: the package of the firmware holds it.`,
    }));
}

function mediumNeeds(disk: DomainDisk, uuid: string, context: ObstacleContext): readonly Need[] {
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
