import { describe, expect, it } from 'vitest';
import type { Image, Inventory, ReadableVm } from '../model/inventory.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from './chains.ts';

function image(id: string, parentId: string | null = null, parts: Partial<Image> = {}): Image {
  return {
    id,
    kind: 'file',
    status: 'ok',
    problem: null,
    format: 'qcow2',
    virtualBytes: 1,
    allocatedBytes: 1,
    parent: parentId === null ? null : { relation: 'backing', reference: parentId, imageId: parentId, format: 'qcow2' },
    internalSnapshots: [],
    fill: null,
    corrupt: false,
    ...parts,
  };
}

function vm(name: string, imageId: string, snapshotImages: readonly string[] = []): ReadableVm {
  return {
    readable: true,
    uuid: name,
    name,
    state: 'shutoff',
    stateReason: null,
    persistent: true,
    hasManagedSave: false,
    hasNvram: false,
    title: '',
    description: '',
    memoryBytes: null,
    cpuCount: null,
    disks: [
      { target: 'vda', device: 'disk', imageId, source: imageId, format: 'qcow2', readOnly: false, shareable: false },
    ],
    snapshots: snapshotImages.map((overlayImageId, index) => ({
      id: `${index}`,
      name: `${index}`,
      parentId: null,
      kind: 'external',
      vmState: 'disk-only',
      createdAt: 1,
      description: '',
      memory: { kind: 'none' },
      disks: [{ target: 'vda', kind: 'external', dataImageId: null, overlayImageId }],
    })),
    currentSnapshotId: null,
    problems: [],
  };
}

function inventory(vms: ReadableVm[], images: Image[]): Inventory {
  return {
    hypervisor: { kind: 'libvirt', version: '9.0.0', emulator: null },
    hostName: 'host',
    readAt: 0,
    vms,
    images,
    filesystems: [],
    problems: [],
  };
}

describe('a chain', () => {
  const follow = (images: Image[], from: string) => {
    const { images: chain, end, endReference } = chainFrom(from, imagesById(images));
    return [chain.map(({ id }) => id).join(' '), end, endReference];
  };

  it('goes from the active layer to the base', () => {
    expect(follow([image('top', 'mid'), image('mid', 'base'), image('base')], 'top')).toEqual([
      'top mid base',
      'base',
      null,
    ]);
  });

  it.each([
    [
      'a file that is gone',
      [image('top', 'base'), image('base', null, { status: 'missing' })],
      ['top base', 'missing', 'base'],
    ],
    ['one that is not in the inventory', [image('top', 'base')], ['top', 'missing', 'base']],
    [
      'one that cannot be read',
      [image('top', 'base'), image('base', null, { status: 'unreadable' })],
      ['top base', 'unreadable', 'base'],
    ],
    ['a loop', [image('a', 'b'), image('b', 'a')], ['a b', 'loop', 'a']],
    [
      'a reference that leads nowhere',
      [image('a', null, { parent: { relation: 'backing', reference: 'json:{}', imageId: null, format: null } })],
      ['a', 'unresolved', 'json:{}'],
    ],
  ])('says where it breaks: %s', (_, images, expected) => {
    expect(follow(images, images[0]?.id ?? '')).toEqual(expected);
  });
});

describe('the dependents of an image', () => {
  const images = [image('a', 'base'), image('b', 'base'), image('base'), image('orphan', 'a')];
  const index = dependentsIndex(inventory([vm('A', 'a'), vm('B', 'b'), vm('C', 'a', ['orphan'])], images));
  const of = (id: string) => {
    const { childImageIds, activeFor, vms } = dependentsOf(id, index);
    return [
      childImageIds.join(' '),
      activeFor.map(({ vm: { name } }) => name).join(' '),
      vms.map(({ name }) => name).join(' '),
    ];
  };

  it('are the images on top of it, the disks that write to it and the VMs that reach it', () => {
    expect(of('base')).toEqual(['a b', '', 'A B C']);
    expect(of('a')).toEqual(['orphan', 'A C', 'A C']);
    expect(of('orphan')).toEqual(['', '', 'C']);
    expect(of('nothing')).toEqual(['', '', '']);
  });
});
