/** For tests: one libvirt host, made to measure. */
import type { Disk, Image, Inventory, ReadableVm, Snapshot } from './inventory.ts';

export const uri = 'qemu:///system';
export const folder = '/srv/images';

export function image(id: string, parts: Partial<Image> = {}): Image {
  return {
    id,
    kind: 'file',
    status: 'ok',
    problem: null,
    format: 'qcow2',
    virtualBytes: 1024 ** 3,
    allocatedBytes: 200_000,
    parent: null,
    internalSnapshots: [],
    fill: null,
    corrupt: false,
    otherPaths: [],
    modifiedAt: null,
    ...parts,
  };
}

/** An overlay on `parentId`. */
export function overlay(id: string, parentId: string, parts: Partial<Image> = {}): Image {
  return image(id, {
    parent: { relation: 'backing', reference: parentId, imageId: parentId, format: 'qcow2' },
    ...parts,
  });
}

export function disk(target: string, imageId: string | null, parts: Partial<Disk> = {}): Disk {
  return {
    target,
    device: 'disk',
    imageId,
    source: imageId,
    format: 'qcow2',
    readOnly: false,
    shareable: false,
    ...parts,
  };
}

export function vm(parts: Partial<ReadableVm> = {}): ReadableVm {
  return {
    readable: true,
    uuid: '11111111-1111-4111-8111-111111111111',
    name: 'web',
    state: 'running',
    stateReason: null,
    persistent: true,
    hasManagedSave: false,
    hasNvram: false,
    title: '',
    description: '',
    memoryBytes: 32 * 1024 ** 2,
    cpuCount: 1,
    disks: [disk('vda', `${folder}/web.qcow2`), disk('vdb', `${folder}/web-data.qcow2`)],
    snapshots: [],
    currentSnapshotId: null,
    problems: [],
    ...parts,
  };
}

export function inventory(vms: Inventory['vms'], images: readonly Image[], version = '9.0.0'): Inventory {
  return {
    hypervisor: { kind: 'libvirt', version, emulator: 'QEMU 7.2.22', capabilities: [] },
    hostName: 'kvm1',
    readAt: 1_795_207_000,
    vms,
    images: [...images],
    filesystems: [{ folder, freeBytes: 10 * 1024 ** 3, totalBytes: 100 * 1024 ** 3 }],
    unknownDependents: [],
    problems: [],
  };
}

/** The record of an internal snapshot on the disks of `vm()`. */
export function internal(name: string, parentId: string | null, parts: Partial<Snapshot> = {}): Snapshot {
  return {
    id: name,
    name,
    parentId,
    kind: 'internal',
    vmState: 'running',
    createdAt: 1_795_200_000,
    description: '',
    memory: { kind: 'internal' },
    disks: [held('vda', `${folder}/web.qcow2`), held('vdb', `${folder}/web-data.qcow2`)],
    ...parts,
  };
}

export function held(target: string, imageId: string): Snapshot['disks'][number] {
  return { target, kind: 'internal', dataImageId: imageId, overlayImageId: null };
}

/** The images of `vm()`, holding internal snapshots of these names. */
export function imagesHolding(...names: readonly string[]): Image[] {
  const internalSnapshots = names.map((name, index) => ({
    id: String(index + 1),
    name,
    createdAt: 1_795_200_000,
    memoryBytes: 1000,
  }));
  return [
    image(`${folder}/web.qcow2`, { internalSnapshots }),
    image(`${folder}/web-data.qcow2`, { internalSnapshots }),
  ];
}
