/** Plans for disks that libvirt treats in ways of their own, and for images that others use. */
import { describe, expect, it } from 'vitest';
import {
  disk,
  folder,
  held,
  image,
  imagesHolding,
  internal,
  inventory,
  overlay,
  uri,
  vm,
} from '../../../../shared/model/inventory.fixtures.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { planLibvirt } from './plan.ts';

const web = `${folder}/web.qcow2`;
const data = `${folder}/web-data.qcow2`;
const create = (kind: 'internal' | 'external', diskTargets: string[] | null = null): ChangeRequest => ({
  action: 'createSnapshot',
  vmUuid: vm().uuid,
  kind,
  name: 'new',
  description: '',
  diskTargets,
});
const remove: ChangeRequest = { action: 'deleteSnapshot', vmUuid: vm().uuid, snapshotId: 'a', withDescendants: false };
const codesOf = (request: ChangeRequest, machine: ReturnType<typeof vm>, ...rest: ReturnType<typeof vm>[]) =>
  planLibvirt(
    uri,
    request,
    inventory([machine, ...rest], [...imagesHolding('a'), overlay('/clone', web)]),
  ).refusals.map(({ code }) => code);

describe('an encrypted disk', () => {
  const disks = [disk('vda', web), disk('vdb', data, { encryption: 'luks' })];
  it('gets no overlay, and may be left out', () => {
    expect(codesOf(create('external'), vm({ disks }))).toEqual(['encrypted']);
    expect(codesOf(create('external', ['vda']), vm({ disks }))).toEqual([]);
  });
  it('has no internal snapshots made or deleted while the VM is shut off', () => {
    const snapshots = [internal('a', null)];
    expect(codesOf(create('internal'), vm({ disks, state: 'shutoff' }))).toContain('encrypted');
    expect(codesOf(remove, vm({ disks, snapshots, state: 'shutoff' }))).toEqual(['encrypted']);
    expect(codesOf(remove, vm({ disks, snapshots }))).toEqual([]);
  });
  it('is known by what its image says as well', () => {
    const host = inventory([vm()], [image(web, { encryption: 'luks' }), image(data)]);
    expect(planLibvirt(uri, create('external'), host).refusals.map(({ code }) => code)).toEqual(['encrypted']);
  });
});

it('a disk that VMs share gets no overlay, and may be left out', () => {
  const disks = [disk('vda', web), disk('vdb', data, { shareable: true })];
  expect(codesOf(create('external'), vm({ disks }))).toEqual(['shareable']);
  expect(codesOf(create('external', ['vda']), vm({ disks }))).toEqual([]);
});

describe('deleting an internal snapshot of an image with overlays', () => {
  const machine = vm({
    state: 'shutoff',
    disks: [disk('vda', web)],
    snapshots: [internal('a', null, { disks: [held('vda', web)] })],
  });
  const clone = (state: 'running' | 'shutoff') =>
    vm({ uuid: '22222222-2222-4222-8222-222222222222', name: 'clone', state, disks: [disk('vda', '/clone')] });
  it('changes nothing that they read', () => {
    expect(codesOf(remove, machine)).toEqual([]);
    expect(codesOf(remove, machine, clone('shutoff'))).toEqual([]);
  });
  it('is refused while one of them is in use', () => {
    expect(codesOf(remove, machine, clone('running'))).toEqual(['imageOpenElsewhere']);
  });
});

describe('a chain as long as can be', () => {
  const chain = (length: number) =>
    Array.from({ length }, (_, index) =>
      index === length - 1 ? image(`/i${index}`) : overlay(`/i${index}`, `/i${index + 1}`),
    );
  it.each([
    ['12.1.0', 199, []],
    ['12.1.0', 200, ['chainTooLong']],
    ['9.0.0', 25, ['chainTooLong']],
  ])('libvirt %s with %s images: %j', (version, length, expected) => {
    const host = inventory([vm({ disks: [disk('vda', '/i0')] })], chain(length), version);
    expect(planLibvirt(uri, create('external'), host).refusals.map(({ code }) => code)).toEqual(expected);
  });
});
