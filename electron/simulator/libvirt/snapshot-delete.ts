/** Deleting snapshots, by the laws of libvirt 9.0 and QEMU 7.2. */
import { overlay } from '../images/content.ts';
import { findByName, withoutInternal } from '../images/disk-image.ts';
import { writableFileDisks, type Definition } from './definition.ts';
import { definitionOf, isExternal, LibvirtError, withDescendants, type Snapshot, type Vm } from './model.ts';
import {
  backingLayers,
  backingPath,
  chainFrom,
  changeImage,
  changeVm,
  knownChain,
  vmOf,
  withSources,
  type World,
} from './world.ts';

export interface DeleteOptions {
  readonly children: boolean;
  readonly childrenOnly: boolean;
  /** Only the record. */
  readonly metadata: boolean;
}

/** @throws LibvirtError where libvirt refuses */
export function deleteSnapshot(world: World, vm: Vm, snapshot: Snapshot, options: DeleteOptions): void {
  const below = withDescendants(vm, snapshot);
  const deep = options.children || options.childrenOnly;
  const doomed = deep ? below.slice(options.childrenOnly ? 1 : 0) : [snapshot];
  try {
    if (!options.metadata) checkDelete(world, vm, snapshot, below, deep);
    // Children before their parents.
    for (const each of [...doomed].reverse()) {
      const now = vmOf(world, vm.uuid);
      const record = now.snapshots.find(({ name }) => name === each.name) ?? each;
      if (options.metadata) followRecords(world, now, record, overlaysOf(record));
      else if (isExternal(record)) mergeOverlays(world, now, record);
      else removeInternal(world, now, record);
      forget(world, vmOf(world, vm.uuid), record);
    }
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    throw new LibvirtError(`Failed to delete snapshot ${snapshot.name}`, ...error.lines);
  }
}

/** The overlays that a snapshot began, with the images that they hang on by its record. */
function overlaysOf({ disks, definition }: Snapshot): ReadonlyMap<string, string> {
  const then = definition ? pathsOf(definition) : new Map<string, string>();
  return new Map(
    disks.flatMap(({ target, kind, overlay: path }) => {
      const base = then.get(target);
      return kind === 'external' && path !== null && base !== undefined ? [[path, base]] : [];
    }),
  );
}

/** Removes a record; its children become its parent's, and so does being current. */
function forget(world: World, vm: Vm, { name, parent }: Snapshot): void {
  changeVm(world, vm.uuid, {
    snapshots: vm.snapshots
      .filter((each) => each.name !== name)
      .map((each) => (each.parent === name ? { ...each, parent } : each)),
    current: vm.current === name ? parent : vm.current,
  });
}

/** `qemuSnapshotDeleteValidate` of libvirt 9.0. */
function checkDelete(world: World, vm: Vm, snapshot: Snapshot, below: readonly Snapshot[], deep: boolean): void {
  if (deep) {
    if (isExternal(snapshot)) {
      throw new LibvirtError('unsupported configuration: deletion of external children disk snapshots not supported');
    }
    if (below.some(isExternal)) {
      throw new LibvirtError(
        'unsupported configuration: deletion of external and internal children disk snapshots not supported',
      );
    }
    return;
  }
  if (isExternal(snapshot)) checkExternal(world, vm, snapshot);
  else checkInternal(vm, snapshot);
}

function checkInternal(vm: Vm, snapshot: Snapshot): void {
  const present = pathsOf(definitionOf(vm));
  const then = snapshot.definition ? pathsOf(snapshot.definition) : present;
  for (const { target, kind } of snapshot.disks) {
    if (kind === 'internal' && present.get(target) !== then.get(target)) {
      throw new LibvirtError(
        `Operation not supported: disk image '${target}' for internal snapshot '${snapshot.name}' is not the same as disk image currently used by VM`,
      );
    }
  }
}

function checkExternal(world: World, vm: Vm, snapshot: Snapshot): void {
  if (vm.live && vm.live.jobs.length > 0) {
    throw new LibvirtError(
      'Operation not supported: cannot delete external snapshots when there is another active block job',
    );
  }
  for (const { target, kind, overlay: path } of snapshot.disks) {
    if (kind === 'external' && path !== null && !knownChain(world, vm, target).includes(path)) {
      throw new LibvirtError('invalid argument: could not find base disk source in disk source chain');
    }
  }
  const parent = vm.snapshots.find(({ name }) => name === snapshot.parent);
  if (parent && !isExternal(parent)) {
    throw new LibvirtError(
      'Operation not supported: deleting external snapshot that has internal snapshot as parent not supported',
    );
  }
  const children = vm.snapshots.filter((each) => each.parent === snapshot.name);
  if (children.length > 1) {
    throw new LibvirtError(
      'unsupported configuration: deletion of external disk snapshot with multiple children disk snapshots not supported',
    );
  }
  if (vm.current === snapshot.name && children.length > 0) {
    throw new LibvirtError(
      'unsupported configuration: deletion of active external snapshot that is not a leaf snapshot is not supported',
    );
  }
}

/** A running VM: `delvm`, which deletes data of that name from every drive. One that is shut off: `qemu-img snapshot -d`. */
function removeInternal(world: World, vm: Vm, snapshot: Snapshot): void {
  const definition = vm.live ? vm.live.definition : (snapshot.definition ?? vm.definition);
  for (const { path } of writableFileDisks(definition)) {
    changeImage(world, path, (image) => {
      const found = findByName(image, snapshot.name);
      return found ? withoutInternal(image, found) : image;
    });
  }
}

/**
 * Commits the overlay that the snapshot began into the image below it, and removes it. Internal snapshots in that
 * overlay go with it; nobody warns. What lay on it now lies on the image below.
 */
function mergeOverlays(world: World, vm: Vm, snapshot: Snapshot): void {
  const present = pathsOf(definitionOf(vm));
  const replaced = new Map<string, string>();
  for (const { target, kind, overlay: path } of snapshot.disks) {
    const image = path === null ? null : world.files.imageAt(path);
    const base = path !== null && image ? backingPath(path, image) : null;
    if (kind !== 'external' || path === null || !image || base === null) continue;
    changeImage(world, base, (lower) => ({
      ...lower,
      content: overlay(lower.content, image.content),
      virtualBytes: Math.max(lower.virtualBytes, image.virtualBytes),
    }));
    const above = chainFrom(world, present.get(target) ?? '').find(
      (layer) => backingPath(layer.path, layer.image) === path,
    );
    const format = world.files.imageAt(base)?.format ?? 'qcow2';
    if (above) changeImage(world, above.path, (upper) => ({ ...upper, backing: { file: base, format } }));
    replaced.set(path, base);
    world.files.remove(path);
  }
  const swap = (definition: Definition, live: boolean): Definition => {
    const paths = new Map(
      writableFileDisks(definition).flatMap(({ target, path }) => {
        const base = replaced.get(path);
        return base === undefined ? [] : [[target, base]];
      }),
    );
    const swapped = withSources(definition, paths, (path) => backingLayers(world, path));
    return {
      ...swapped,
      disks: swapped.disks.map((disk) =>
        disk.source?.kind === 'file' && (live || disk.backing !== null)
          ? { ...disk, backing: backingLayers(world, disk.source.path) }
          : disk,
      ),
    };
  };
  changeVm(world, vm.uuid, {
    definition: swap(vm.definition, false),
    // It is started for the merge, and stopped again.
    offReason: vm.live ? vm.offReason : 'shutdown',
    live: vm.live && { ...vm.live, definition: swap(vm.live.definition, true) },
  });
  followRecords(world, vm, snapshot, replaced);
}

/**
 * `qemuSnapshotDeleteUpdateDisks`: in the records below one that goes, what they say of then and of the next start alike. Also where
 * only the record goes: what they say is not so then.
 *
 * @param replaced by the paths of the images that they are not to name any more: those in their place
 */
function followRecords(world: World, vm: Vm, snapshot: Snapshot, replaced: ReadonlyMap<string, string>): void {
  const below = new Set(withDescendants(vm, snapshot).map(({ name }) => name));
  changeVm(world, vm.uuid, {
    snapshots: vm.snapshots.map((each) => {
      if (!below.has(each.name)) return each;
      const now = (definition: Definition | null) => definition && replacePaths(definition, replaced, isExternal(each));
      return { ...each, definition: now(each.definition), inactive: now(each.inactive) };
    }),
  });
}

/**
 * A record's definition when images are gone into those below them. The record of an external snapshot names the lower image, and
 * nothing of what is below that; the one of an internal snapshot goes on naming the image that is gone. No record names it as a
 * backing image any more.
 */
function replacePaths(definition: Definition, replaced: ReadonlyMap<string, string>, external: boolean): Definition {
  return {
    ...definition,
    disks: definition.disks.map((disk) => {
      const path = external && disk.source?.kind === 'file' ? replaced.get(disk.source.path) : undefined;
      if (path !== undefined) return { ...disk, backing: null, source: { kind: 'file', path } };
      return { ...disk, backing: disk.backing?.filter((layer) => !replaced.has(layer.path)) ?? null };
    }),
  };
}

function pathsOf(definition: Definition): ReadonlyMap<string, string> {
  return new Map(writableFileDisks(definition).map(({ target, path }) => [target, path]));
}
