/** Records of VMs and facts about images, put together in the words of the model. Pure. */
import type {
  Disk,
  Image,
  Problem,
  ReadableVm,
  SavedMemory,
  Snapshot,
  SnapshotDisk,
  VmState,
} from '../../../../shared/model/inventory.ts';
import { isForMedia } from '../../../../shared/rules/inventory/disks.ts';
import { renamedData, wordsOfRenamed } from '../../../../shared/rules/snapshots/renamed-data.ts';
import { lostDataOf } from '../../../../shared/rules/snapshots/snapshot-lacks.ts';
import { chainBesideImages, problemsOfDefinedChains } from './defined-chains.ts';
import { firmwareFiles } from './definitions/needs.ts';
import { sourceText, type DiskSource, type DomainDisk } from './definitions/domain-xml.ts';
import { blockJobOf, vmJobOf } from './jobs.ts';
import { formatObstacles } from './obstacles/format-obstacles.ts';
import type { SnapshotRecord, SnapshotRecordDisk } from './definitions/snapshot-xml.ts';
import { namedFolders, usesBesides } from './image-uses.ts';
import { firmwareProblems, revertObstacles, startObstacles, type ObstacleContext } from './obstacles/obstacles.ts';
import type { VmRecords } from './vm-records.ts';

export interface AssembleContext extends ObstacleContext {
  readonly images: ReadonlyMap<string, Image>;
  /** The image behind a source; null where there is none, or it is not known. */
  imageIdOf(source: DiskSource): string | null;
  /** Folders in which images lie, however deep. */
  readonly foldersWithImages: ReadonlySet<string>;
  /** Files with saved memory, by the UUIDs of the VMs. */
  readonly savedMemory: ReadonlyMap<string, readonly SavedMemory[]>;
  /** A path behind all symbolic links, as far as that is known. */
  realPathOf(path: string): string;
}

const states: ReadonlyMap<string, VmState> = new Map([
  ['running', 'running'],
  ['idle', 'idle'],
  ['paused', 'paused'],
  ['in shutdown', 'shutting-down'],
  ['shut off', 'shutoff'],
  ['crashed', 'crashed'],
  ['pmsuspended', 'suspended'],
]);

/** State and reason from `virsh domstate --reason`, e.g. `shut off (unknown)`. */
function parseState(text: string): { readonly state: VmState; readonly stateReason: string | null } {
  const match = /^([a-z ]+?)(?: \((.*)\))?$/.exec(text.trim());
  const reason = match?.[2] ?? null;
  return { state: states.get(match?.[1] ?? '') ?? 'unknown', stateReason: reason === 'unknown' ? null : reason };
}

/** One VM in the words of the model. */
export function assembleVm(vm: VmRecords, context: AssembleContext): ReadableVm {
  const { answers, domain } = vm;
  const disks = domain.disks.map((disk) => assembleDisk(disk, vm, context));
  const snapshots = vm.snapshots.map((record) => assembleSnapshot(record, vm.snapshots, context));
  const obstacles = [...startObstacles(vm, context), ...formatObstacles(vm, context)];
  const uses = usesBesides(vm, { disks, snapshots }, context);
  const folders = namedFolders(vm, context);
  const job = vmJobOf(answers);
  const savedMemory = savedMemoryOf(vm, context);
  return {
    readable: true,
    uuid: answers.uuid,
    name: domain.name,
    ...parseState(answers.state),
    persistent: answers.isPersistent,
    hasManagedSave: answers.hasManagedSave,
    ...(savedMemory.length > 0 && { savedMemory }),
    ...(job && { job }),
    ...(answers.hasCheckpoints && { hasCheckpoints: true as const }),
    hasNvram: domain.hasNvram,
    ...(domain.nvramFormat !== null && { nvramFormat: domain.nvramFormat }),
    ...nvramFileOf(vm),
    ...(domain.ownDevices.length > 0 && { ownDevices: [...domain.ownDevices] }),
    title: domain.title,
    description: domain.description,
    memoryBytes: domain.memoryBytes,
    cpuCount: domain.cpuCount,
    disks,
    ...(uses.length > 0 && { uses }),
    ...(folders.length > 0 && { folders }),
    ...(obstacles.length > 0 && { startObstacles: obstacles }),
    snapshots,
    currentSnapshotId: vm.currentName,
    problems: [
      ...vm.problems,
      ...snapshots.flatMap((snapshot) => problemsOfSnapshot(snapshot, context)),
      ...renamedData(snapshots, context.images).map((renamed): Problem => ({
        severity: 'error',
        message: wordsOfRenamed(renamed),
      })),
      ...firmwareProblems(vm, context),
      ...problemsOfNextStart(vm, context),
      ...problemsOfDefinedChains(vm, context),
      ...unresolvedVolumes(domain.disks, context),
    ],
  };
}

/** Without the files that its records name: that memory is a part of its snapshots. */
function savedMemoryOf({ answers, snapshots }: VmRecords, context: AssembleContext): SavedMemory[] {
  const ofSnapshots = new Set(
    snapshots.flatMap(({ memory }) => (memory.kind === 'external' ? [context.realPathOf(memory.file)] : [])),
  );
  return (context.savedMemory.get(answers.uuid) ?? []).filter(({ file }) => !ofSnapshots.has(file));
}

/** What a definition says twice is left out: nobody can tell which it is. */
function nvramFileOf({ files }: VmRecords): Pick<ReadableVm, 'nvramFile'> {
  const [file, ...others] = firmwareFiles(
    files.filter(({ by }) => by === 'definition'),
    'nvram',
  );
  return file === undefined || others.length > 0 ? {} : { nvramFile: file };
}

function assembleDisk(disk: DomainDisk, { answers }: VmRecords, context: AssembleContext): Disk {
  const blockJob = blockJobOf(disk, answers, sourceText);
  const imageId = context.imageIdOf(disk.source);
  const path = context.pathOf(disk.source);
  const image = imageId === null ? undefined : context.images.get(imageId);
  const definedChain = chainBesideImages(disk, context);
  const isPathOfItsOwn = path !== null && path !== imageId && image?.parentsByPath?.some((view) => view.path === path);
  return {
    target: disk.target,
    device: disk.device,
    imageId,
    source: sourceText(disk.source),
    format: disk.format,
    readOnly: disk.readOnly,
    shareable: disk.shareable,
    ...(disk.transient && { transient: true as const }),
    ...(!disk.isMandatory && !isForMedia(disk) && { optional: true as const }),
    ...(definedChain && { definedChain: [...definedChain] }),
    ...(blockJob && { blockJob }),
    ...(disk.encryption !== null && { encryption: disk.encryption }),
    ...(isPathOfItsOwn === true && { openedAs: path }),
  };
}

function assembleSnapshot(record: SnapshotRecord, all: readonly SnapshotRecord[], context: AssembleContext): Snapshot {
  const obstacles = [...revertObstacles(record, all, context)];
  return {
    id: record.name,
    name: record.name,
    parentId: record.parentName,
    kind: record.kind,
    vmState: record.vmState,
    createdAt: record.createdAt,
    description: record.description,
    memory: record.memory,
    disks: record.disks.map((disk) => assembleSnapshotDisk(disk, record, context)),
    // Last, so that what every snapshot has is in the object itself: V8 puts what comes after it beside the object.
    ...(obstacles.length > 0 && { revertObstacles: obstacles }),
    ...(record.unknownPart !== null && { unknownPart: record.unknownPart }),
  };
}

/**
 * Where a snapshot's data of a disk is: in the image that was active when it was taken, which the domain inside the
 * record names. For an external one the `<source>` of the record is the overlay that was made for what came after.
 */
function assembleSnapshotDisk(
  disk: SnapshotRecordDisk,
  record: SnapshotRecord,
  context: AssembleContext,
): SnapshotDisk {
  const then = record.domain?.disks.find(({ target }) => target === disk.target);
  return {
    target: disk.target,
    kind: disk.kind,
    dataImageId: disk.kind === 'none' || !then ? null : context.imageIdOf(then.source),
    overlayImageId: disk.overlay ? context.imageIdOf(disk.overlay.source) : null,
  };
}

function problemsOfSnapshot(snapshot: Snapshot, { images }: AssembleContext): readonly Problem[] {
  return lostDataOf(snapshot, images).map((words) => ({
    severity: 'error',
    message: `Snapshot “${snapshot.name}” ${words}`,
  }));
}

/** What a running VM will use from its next start on is in use too, in a way that its present disks do not show. */
function problemsOfNextStart(vm: VmRecords, context: AssembleContext): readonly Problem[] {
  return (vm.inactive?.disks ?? []).flatMap((next): readonly Problem[] => {
    const now = vm.domain.disks.find(({ target }) => target === next.target);
    const nowId = now ? context.imageIdOf(now.source) : null;
    const nextId = context.imageIdOf(next.source);
    if (nextId === null || nextId === nowId || isForMedia(next)) return [];
    const difference = nowId === null ? 'which it does not have now' : `instead of ${nowId}`;
    return [
      { severity: 'warning', message: `From its next start on, ${next.target} will be ${nextId}, ${difference}.` },
    ];
  });
}

function unresolvedVolumes(disks: readonly DomainDisk[], context: AssembleContext): readonly Problem[] {
  return disks.flatMap(({ target, source }): readonly Problem[] => {
    if (source.kind !== 'volume' || context.imageIdOf(source) !== null) return [];
    const message = `${target} is the volume “${source.volume}” of the pool “${source.pool}”, whose path libvirt did not give. Is the pool started?`;
    return [{ severity: 'error', message }];
  });
}
