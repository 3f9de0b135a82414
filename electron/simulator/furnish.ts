/** Puts VMs, data and snapshots on a simulated host, as its users would have done. */
import { createHash } from 'node:crypto';
import { fill, holds } from './images/content.ts';
import { newImage, type DiskImage } from './images/disk-image.ts';
import { writableFileDisks, type Definition, type DefinitionDisk } from './libvirt/definition.ts';
import * as lifecycle from './libvirt/lifecycle.ts';
import { definitionOf, LibvirtError, memoryAt, snapshotOf, type Guest, type Vm } from './libvirt/model.ts';
import { createSnapshot, type CreateRequest } from './libvirt/snapshot-create.ts';
import { revertSnapshot } from './libvirt/snapshot-revert.ts';
import { addDefined, chainFrom, changeImage, vmOf } from './libvirt/world.ts';
import type { Machine } from './machine.ts';

export const gibibyte = 1024 ** 3;

export interface DiskSpec {
  readonly target: string;
  /** Absolute; beside the others of the VM where it is left out. */
  readonly path?: string;
  readonly format?: 'qcow2' | 'raw';
  readonly virtualBytes?: number;
  /** How much of it is written. */
  readonly usedBytes?: number;
  /** An absolute path: the image becomes an overlay on it. */
  readonly backing?: string;
  /** Not made: it is there, or it is missing. */
  readonly exists?: boolean;
  readonly device?: DefinitionDisk['device'];
  readonly source?: DefinitionDisk['source'];
}

export interface VmSpec {
  readonly name: string;
  readonly uuid?: string;
  readonly title?: string;
  readonly description?: string;
  readonly memoryMiB?: number;
  readonly cpus?: number;
  readonly firmware?: 'bios' | 'uefi';
  readonly folder?: string;
  readonly disks?: readonly DiskSpec[];
  readonly running?: boolean;
  /** Left out: there is no channel for one. */
  readonly agent?: Guest['agent'];
  readonly writes?: Guest['writes'];
  readonly ignoresPowerButton?: true;
}

/** A UUID that follows from the host's and the VM's name: the same at every start. */
export function uuidFor(machine: Machine, name: string): string {
  const hex = createHash('sha256').update(`${machine.name}\n${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Makes the images and defines the VM; starts it where the spec says so. */
export function addVm(machine: Machine, spec: VmSpec): Vm {
  const { files, world } = machine;
  const uuid = spec.uuid ?? uuidFor(machine, spec.name);
  const folder = spec.folder ?? '/var/lib/libvirt/images';
  const disks = (spec.disks ?? [{ target: 'vda' }]).map((disk): DefinitionDisk => {
    const format = disk.format ?? 'qcow2';
    const path =
      disk.path ??
      `${folder}/${spec.name}${disk.target === 'vda' ? '' : `-${disk.target}`}.${format === 'raw' ? 'img' : 'qcow2'}`;
    if (disk.exists !== true && disk.source === undefined) files.putImage(path, imageOf(machine, disk, format));
    return {
      target: disk.target,
      device: disk.device ?? 'disk',
      bus: disk.device === 'cdrom' ? 'sata' : 'virtio',
      format,
      source: disk.source === undefined ? { kind: 'file', path } : disk.source,
      readOnly: disk.device === 'cdrom',
      backing: null,
    };
  });
  const definition: Definition = {
    name: spec.name,
    uuid,
    title: spec.title ?? '',
    description: spec.description ?? '',
    memoryKiB: (spec.memoryMiB ?? 2048) * 1024,
    cpus: spec.cpus ?? 2,
    nvram: spec.firmware === 'uefi' ? `/var/lib/libvirt/qemu/nvram/${spec.name}_VARS.fd` : null,
    disks,
    hasAgentChannel: spec.agent !== undefined,
  };
  const vm = addDefined(world, definition, {
    guest: {
      agent: spec.agent ?? 'answers',
      writes: spec.writes ?? [],
      ...(spec.ignoresPowerButton && { ignoresPowerButton: true }),
    },
  });
  if (spec.running === true) lifecycle.start(world, vm);
  return vmOf(world, uuid);
}

function imageOf(machine: Machine, disk: DiskSpec, format: 'qcow2' | 'raw'): DiskImage {
  const base = disk.backing === undefined ? null : machine.files.imageAt(disk.backing);
  return newImage({
    format,
    virtualBytes: disk.virtualBytes ?? base?.virtualBytes ?? 20 * gibibyte,
    backing: disk.backing === undefined ? null : { file: disk.backing, format: base?.format ?? 'qcow2' },
    content: disk.usedBytes === undefined ? [] : fill([], { start: 0, end: disk.usedBytes, byte: 0x5a }),
  });
}

/** Takes a VM and all its files away. */
export function removeVm(machine: Machine, uuid: string, folder: string | null): void {
  const { world, files } = machine;
  world.state = { ...world.state, vms: world.state.vms.filter((vm) => vm.uuid !== uuid) };
  if (folder !== null) files.remove(folder);
}

/** The image that a VM writes to for one of its disks. */
export function activeImageOf(machine: Machine, uuid: string, target: string): string {
  const disk = writableFileDisks(definitionOf(vmOf(machine.world, uuid))).find((each) => each.target === target);
  if (!disk) throw new LibvirtError(`there is no disk ${target}`);
  return disk.path;
}

/** What the guest of a VM (or, of one that is off, somebody in its stead) writes to a disk. */
export function writeDisk(
  machine: Machine,
  uuid: string,
  target: string,
  range: { readonly start: number; readonly end: number; readonly byte: number },
): void {
  changeImage(machine.world, activeImageOf(machine, uuid, target), (image) => ({
    ...image,
    content: fill(image.content, range),
  }));
}

/** Whether a range of an image, with the chain below it, holds only this byte. */
export function imageHolds(
  machine: Machine,
  path: string,
  range: { readonly start: number; readonly end: number; readonly byte: number },
): boolean {
  return holds(
    chainFrom(machine.world, path).map(({ image }) => image.content),
    range,
  );
}

/** Whether a range of a VM's disk, as its guest sees it, holds only this byte. */
export function diskHolds(
  machine: Machine,
  uuid: string,
  target: string,
  range: { readonly start: number; readonly end: number; readonly byte: number },
): boolean {
  return imageHolds(machine, activeImageOf(machine, uuid, target), range);
}

/** What the guest of a VM has counted to; null where it does not run. */
export function guestCount(machine: Machine, uuid: string): number | null {
  const { live } = vmOf(machine.world, uuid);
  return live ? memoryAt(live.memory, machine.now()).count : null;
}

/** Takes a snapshot at once. */
export function snapshot(machine: Machine, uuid: string, name: string, options: Partial<CreateRequest> = {}): void {
  createSnapshot(machine.world, vmOf(machine.world, uuid), {
    name,
    description: '',
    diskOnly: false,
    memoryFile: null,
    disks: [],
    withoutRecord: false,
    halt: false,
    ...options,
  });
}

/** Goes back to a snapshot at once. */
export function revert(machine: Machine, uuid: string, name: string): void {
  const vm = vmOf(machine.world, uuid);
  revertSnapshot(machine.world, vm, snapshotOf(vm, name), { running: false, paused: false, force: false });
}

/** Does what happened so long ago, in days before yesterday afternoon (UTC): all of a day see the same fleet. */
export function daysAgo(machine: Machine, days: number, what: () => void): void {
  const midnight = Math.floor(Date.now() / 86_400_000) * 86_400;
  machine.setClock(midnight - 34_109 - days * 86_400);
  try {
    what();
  } finally {
    machine.setClock(null);
  }
}
