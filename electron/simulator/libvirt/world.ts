/** What the laws of the simulated libvirt work on: its state, and the images on the host. */
import { posix } from 'node:path';
import type { FileSystem } from '../file-system.ts';
import type { DiskImage } from '../images/disk-image.ts';
import { writableFileDisks, type BackingLayer, type Definition } from './definition.ts';
import { definitionOf, LibvirtError, type LibvirtState, type Vm } from './model.ts';

export interface World {
  readonly files: FileSystem;
  /** Epoch seconds. */
  readonly now: () => number;
  /** How fast images are copied; infinite: at once. */
  readonly copyBytesPerSecond: number;
  /** How much room is left where a path is. */
  readonly freeBytes: (path: string) => number;
  /** Whether a test lets the block job fail that now begins. */
  readonly jobFails: (vmUuid: string) => boolean;
  state: LibvirtState;
  /** Told to those who wait for events: what happened to which VM, as `virsh event` prints it. */
  readonly tell: (event: VmEvent) => void;
}

export interface VmEvent {
  readonly vm: Vm;
  /** `lifecycle` where left out. */
  readonly kind?: string;
  readonly what: string;
}

export function changeVm(world: World, uuid: string, changes: Partial<Vm>): Vm {
  const vms = world.state.vms.map((vm) => (vm.uuid === uuid ? { ...vm, ...changes } : vm));
  world.state = { ...world.state, vms };
  return vmOf(world, uuid);
}

export function vmOf(world: World, uuid: string): Vm {
  const vm = world.state.vms.find((each) => each.uuid === uuid);
  if (!vm) throw new LibvirtError(`failed to get domain '${uuid}'`);
  return vm;
}

/** A VM that libvirt has by that definition from now on. @param changes what it is besides defined, shut off and without snapshots */
export function addDefined(world: World, definition: Definition, changes: Partial<Vm> = {}): Vm {
  const vm: Vm = {
    uuid: definition.uuid,
    definition,
    persistent: true,
    live: null,
    offReason: 'unknown',
    managedSave: null,
    snapshots: [],
    current: null,
    guest: { agent: 'answers', writes: [] },
    unreadable: null,
    ...changes,
  };
  world.state = { ...world.state, vms: [...world.state.vms, vm] };
  return vm;
}

/** Where the backing image of the image at `path` is; null where it has none. */
export function backingPath(path: string, image: DiskImage): string | null {
  return image.backing === null ? null : posix.resolve(posix.dirname(path), image.backing.file);
}

export interface Layer {
  readonly path: string;
  readonly image: DiskImage;
}

/**
 * The chain from an image down.
 *
 * @throws LibvirtError where an image is missing, or the chain is a loop
 */
export function chainFrom(world: World, top: string): readonly Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (let path: string | null = top; path !== null;) {
    const image: DiskImage | null = world.files.imageAt(path);
    const above = layers.at(-1)?.path;
    if (!image) {
      const who = '(as uid:0, gid:0): No such file or directory';
      throw new LibvirtError(
        above === undefined
          ? `Cannot access storage file '${path}' ${who}`
          : `Cannot access backing file '${path}' of storage file '${above}' ${who}`,
      );
    }
    if (seen.has(path))
      throw new LibvirtError(`internal error: backing store for ${path} is self-referential or too deeply nested`);
    seen.add(path);
    layers.push({ path, image });
    path = backingPath(path, image);
  }
  return layers;
}

/** The first image of a chain that is not there; null where all are. */
export function firstMissing(world: World, top: string): string | null {
  const seen = new Set<string>();
  for (let path: string | null = top; path !== null && !seen.has(path);) {
    seen.add(path);
    const image: DiskImage | null = world.files.imageAt(path);
    if (!image) return path;
    path = backingPath(path, image);
  }
  return null;
}

/** The error for a qemu-img that libvirt ran and that failed. */
export function qemuImgFailure(argv: readonly string[], said: string): LibvirtError {
  const command = ['/usr/bin/qemu-img', ...argv].map(shellWord).join(' ');
  return new LibvirtError(`internal error: Child process (${command}) unexpected exit status 1: qemu-img: ${said}`, '');
}

/** `virBufferEscapeShell` */
function shellWord(word: string): string {
  return /[\r\t\n !"#$&'()*;<>?[\\\]^`{|}~]/.test(word) || word === '' ? `'${word.replaceAll("'", `'\\''`)}'` : word;
}

export function backingLayers(world: World, top: string): readonly BackingLayer[] {
  return chainFrom(world, top)
    .slice(1)
    .map(({ path, image }) => ({ path, format: image.format }));
}

/** The definition with the chains of its disks written down as they are now. */
export function withChains(world: World, definition: Definition): Definition {
  return {
    ...definition,
    disks: definition.disks.map((disk) =>
      disk.source?.kind === 'file' ? { ...disk, backing: backingLayers(world, disk.source.path) } : disk,
    ),
  };
}

/** The definition with the images of some disks (by target) replaced. */
export function withSources(
  definition: Definition,
  paths: ReadonlyMap<string, string>,
  backingOf: (path: string) => readonly BackingLayer[] | null,
): Definition {
  return {
    ...definition,
    disks: definition.disks.map((disk) => {
      const path = paths.get(disk.target);
      return path === undefined
        ? disk
        : { ...disk, source: { kind: 'file', path }, format: 'qcow2', backing: backingOf(path) };
    }),
  };
}

/** Changes an image that is there. */
export function changeImage(world: World, path: string, change: (image: DiskImage) => DiskImage): void {
  const image = world.files.imageAt(path);
  if (image) world.files.putImage(path, change(image));
}

/** The images that a VM writes to. */
export function activeImages(definition: Definition): readonly string[] {
  return writableFileDisks(definition).map(({ path }) => path);
}

/** The chain of a disk as libvirt knows it: of a VM that is off only as far as its definition has it. */
export function knownChain(world: World, vm: Vm, target: string): readonly string[] {
  const disk = definitionOf(vm).disks.find((each) => each.target === target);
  if (disk?.source?.kind !== 'file') return [];
  if (vm.live) return chainFrom(world, disk.source.path).map(({ path }) => path);
  return [disk.source.path, ...(disk.backing ?? []).map(({ path }) => path)];
}
