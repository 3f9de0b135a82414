/** Creating snapshots, by the laws of libvirt 9.0 and QEMU 7.2. */
import { posix } from 'node:path';
import { newImage, takeInternal, type GuestMemory } from '../images/disk-image.ts';
import { requireNoJob } from './block-jobs.ts';
import { writableFileDisks, type Definition, type DefinitionDisk } from './definition.ts';
import { definitionOf, LibvirtError, memoryAt, type Snapshot, type SnapshotDisk, type Vm } from './model.ts';
import { memoryBytesOf, writeSavedState } from './saved-file.ts';
import {
  backingLayers,
  changeImage,
  changeVm,
  firstMissing,
  qemuImgFailure,
  vmOf,
  withSources,
  type World,
} from './world.ts';

export interface CreateRequest {
  /** Null: the time of its making is its name. */
  readonly name: string | null;
  readonly description: string;
  readonly diskOnly: boolean;
  /** The path of the memory's file, for an external one with memory. */
  readonly memoryFile: string | null;
  readonly disks: readonly {
    readonly target: string;
    readonly kind: SnapshotDisk['kind'] | null;
    readonly file: string | null;
  }[];
  readonly withoutRecord: boolean;
  /** The VM is shut off after it. */
  readonly halt: boolean;
}

/** @throws LibvirtError where libvirt refuses */
export function createSnapshot(world: World, vm: Vm, request: CreateRequest): Snapshot {
  const definition = definitionOf(vm);
  const name = request.name ?? String(Math.floor(world.now()));
  checkName(name);
  if (vm.snapshots.some((snapshot) => snapshot.name === name) && !request.withoutRecord) {
    throw new LibvirtError(`operation failed: domain moment ${name} already exists`);
  }
  const disks = alignDisks(vm, definition, name, request);
  const external = disks.some(({ kind }) => kind === 'external');
  requireNoJob(
    vm,
    disks.flatMap(({ target, kind }) => (kind === 'no' ? [] : [target])),
  );
  checkMemory(world, vm, request, disks);
  if (request.memoryFile === null && !disks.some(({ kind }) => kind !== 'no')) {
    throw new LibvirtError('unsupported configuration: nothing selected for snapshot');
  }
  const memory = vm.live ? memoryAt(vm.live.memory, world.now()) : null;
  const snapshot: Snapshot = {
    name,
    description: request.description,
    parent: vm.current,
    createdAt: Math.floor(world.now()),
    state: vm.live ? (request.diskOnly ? 'disk-snapshot' : vm.live.state) : 'shutoff',
    memory: memoryKind(vm, request, external),
    disks: disks.map(({ target, kind, file }) => ({ target, kind, overlay: file })),
    definition,
    inactive: vm.live && vm.persistent ? vm.definition : null,
  };
  if (external) makeOverlays(world, vm, disks);
  else if (request.memoryFile === null) keepInternally(world, vm, name, memory);
  if (request.memoryFile !== null && vm.live && memory) {
    writeSavedState(world, request.memoryFile, { definition, memory, paused: vm.live.state === 'paused' });
  }
  if (!request.diskOnly) goesOn(world, vm);
  if (!request.withoutRecord) {
    const now = vmOf(world, vm.uuid);
    changeVm(world, vm.uuid, { snapshots: [...now.snapshots, snapshot], current: name });
  }
  return snapshot;
}

/** The guest stands still while its memory is saved. */
function goesOn(world: World, { uuid }: Vm): void {
  const { live } = vmOf(world, uuid);
  if (live?.state === 'running') changeVm(world, uuid, { live: { ...live, reason: 'unpaused' } });
}

function checkName(name: string): void {
  if (name.includes('/')) throw new LibvirtError(`invalid snapshot name '${name}': name can't contain '/'`);
  if (name.startsWith('.')) throw new LibvirtError(`invalid snapshot name '${name}': name can't start with '.'`);
}

function checkMemory(world: World, vm: Vm, request: CreateRequest, disks: readonly AlignedDisk[]): void {
  const { memoryFile, diskOnly } = request;
  if (memoryFile === null) return;
  if (!vm.live || diskOnly) {
    throw new LibvirtError('XML error: memory state cannot be saved with offline or disk-only snapshot');
  }
  if (disks.some(({ kind }) => kind === 'internal')) {
    throw new LibvirtError(
      'unsupported configuration: mixing internal and external targets for a snapshot is not yet supported',
    );
  }
  if (world.files.nodeAt(posix.dirname(memoryFile))?.kind !== 'folder') {
    goesOn(world, vm);
    throw new LibvirtError(`Failed to create file '${memoryFile}': No such file or directory`);
  }
}

function memoryKind(vm: Vm, request: CreateRequest, external: boolean): Snapshot['memory'] {
  if (request.memoryFile !== null) return { file: request.memoryFile };
  return !vm.live || request.diskOnly || external ? 'no' : 'internal';
}

interface AlignedDisk extends SnapshotDisk {
  readonly kind: SnapshotDisk['kind'];
  readonly source: DefinitionDisk;
  /** The new overlay. */
  readonly file: string | null;
}

/** `virDomainSnapshotAlignDisks`: every disk of the VM gets its part in the snapshot, or none. */
function alignDisks(vm: Vm, definition: Definition, name: string, request: CreateRequest): readonly AlignedDisk[] {
  const unknown = request.disks.find(({ target }) => !definition.disks.some((disk) => disk.target === target));
  if (unknown) throw new LibvirtError(`unsupported configuration: no disk named '${unknown.target}'`);
  const external = request.diskOnly || request.memoryFile !== null;
  return definition.disks.map((disk): AlignedDisk => {
    const asked = request.disks.find(({ target }) => target === disk.target);
    const takesPart = !disk.readOnly && disk.device !== 'cdrom' && disk.source !== null;
    const kind = asked?.kind ?? (takesPart ? (external ? 'external' : 'internal') : 'no');
    if (kind === 'internal' && vm.live && request.diskOnly) {
      throw new LibvirtError(
        `unsupported configuration: active qemu domains require external disk snapshots; disk ${disk.target} requested internal`,
      );
    }
    if (kind === 'internal' && disk.format !== 'qcow2') {
      throw new LibvirtError(
        `unsupported configuration: internal snapshot for disk ${disk.target} unsupported for storage type ${disk.format}`,
      );
    }
    const path = disk.source?.kind === 'file' ? disk.source.path : null;
    const file = kind === 'external' ? (asked?.file ?? defaultOverlay(disk.target, path, name)) : null;
    return { target: disk.target, kind, overlay: file, file, source: disk };
  });
}

/** `virDomainSnapshotDefAssignExternalNames`: the snapshot's name takes the place of the image's suffix. */
function defaultOverlay(target: string, path: string | null, name: string): string {
  if (path === null) {
    throw new LibvirtError(
      `unsupported configuration: cannot generate external snapshot name for disk '${target}' without source`,
    );
  }
  const file = posix.basename(path);
  const dot = file.lastIndexOf('.');
  return posix.join(posix.dirname(path), `${dot < 0 ? file : file.slice(0, dot)}.${name}`);
}

/** All disks move to their overlays, or none. */
function makeOverlays(world: World, vm: Vm, disks: readonly AlignedDisk[]): void {
  const overlays = new Map<string, string>();
  for (const { target, file, source } of disks) {
    if (file === null || source.source?.kind !== 'file') continue;
    const present = world.files.fileAt(file);
    if (present && (present.image !== null || present.bytes.length > 0)) {
      throw new LibvirtError(
        `unsupported configuration: external snapshot file for disk ${target} already exists and is not a block device: ${file}`,
      );
    }
    if (world.files.nodeAt(posix.dirname(file))?.kind !== 'folder') {
      throw new LibvirtError(`failed to create image file '${file}': No such file or directory`);
    }
    overlays.set(target, file);
  }
  if (!vm.live) {
    for (const { source, file } of disks) {
      if (file === null || source.source?.kind !== 'file') continue;
      const { path } = source.source;
      const options = `backing_fmt=${source.format},backing_file=${path}`;
      checkReadable(world, path, ['create', '-f', 'qcow2', '-o', options, file]);
    }
  }
  for (const [target, file] of overlays) {
    const disk = disks.find((each) => each.target === target)?.source;
    if (disk?.source?.kind !== 'file') continue;
    const base = world.files.imageAt(disk.source.path);
    world.files.putImage(
      file,
      newImage({
        virtualBytes: base?.virtualBytes ?? 0,
        backing: { file: disk.source.path, format: disk.format },
      }),
    );
  }
  // What the next start would use otherwise stays what it is.
  const present = new Map(writableFileDisks(definitionOf(vm)).map(({ target, path }) => [target, path]));
  const same = writableFileDisks(vm.definition).flatMap(({ target, path }) => {
    const file = overlays.get(target);
    return file === undefined || path !== present.get(target) ? [] : [[target, file] as const];
  });
  const definition = withSources(vm.definition, new Map(same), (path) => (vm.live ? backingLayers(world, path) : null));
  const live = vm.live && {
    ...vm.live,
    definition: withSources(vm.live.definition, overlays, (path) => backingLayers(world, path)),
  };
  changeVm(world, vm.uuid, { definition, live });
}

/**
 * A running VM: `savevm`, which replaces what has that name in the images, whether or not there is a record of it.
 * One that is shut off: `qemu-img snapshot -c`, which takes the same name twice.
 */
function keepInternally(world: World, vm: Vm, name: string, memory: GuestMemory | null): void {
  // libvirt 9.0 puts the name unescaped into a line of QEMU's human monitor; it then says success and nothing is saved.
  if (vm.live && /["\\]/.test(name)) return;
  const definition = definitionOf(vm);
  for (const [index, { path }] of writableFileDisks(definition).entries()) {
    if (!vm.live) checkReadable(world, path, ['snapshot', '-c', name, path]);
    changeImage(world, path, (image) => {
      const kept = vm.live ? { ...image, snapshots: image.snapshots.filter((each) => each.name !== name) } : image;
      return takeInternal(kept, {
        name,
        createdAt: world.now(),
        // The memory lies in the first of them.
        memory: index === 0 ? memory : null,
        memoryBytes: index === 0 && memory ? memoryBytesOf(definition) : 0,
      });
    });
  }
}

/** What is done with qemu-img opens the image with its whole chain. */
function checkReadable(world: World, path: string, argv: readonly string[]): void {
  const missing = firstMissing(world, path);
  if (missing === null) return;
  const why = `Could not open backing file: Could not open '${missing}': No such file or directory`;
  throw argv[0] === 'create'
    ? qemuImgFailure(argv, `${argv.at(-1) ?? ''}: ${why}\nCould not open backing image.`)
    : qemuImgFailure(
        argv,
        missing === path ? `Could not open '${path}': No such file or directory` : `Could not open '${path}': ${why}`,
      );
}
