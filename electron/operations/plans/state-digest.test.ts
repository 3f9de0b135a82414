import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BlockJob, Inventory, ReadableVm } from '../../../shared/model/inventory.ts';
import { disk, held, image, internal, inventory, overlay, vm } from '../../../shared/model/inventory.fixtures.ts';
import { stateDigestOf, type DigestedPlan } from './state-digest.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const otherUuid = '99999999-9999-4999-8999-999999999999';

function host(): Inventory {
  return inventory(
    [
      vm({
        uuid,
        disks: [disk('vda', '/top'), disk('vdb', '/data')],
        snapshots: [
          internal('a', null, { disks: [held('vda', '/base'), held('vdb', '/data')] }),
          internal('b', 'a', { disks: [held('vda', '/top')], memory: { kind: 'external', file: '/b.mem' } }),
        ],
        currentSnapshotId: 'b',
      }),
      vm({ uuid: otherUuid, name: 'other', disks: [disk('vda', '/clone')] }),
      { readable: false, uuid: 'broken', name: null, reason: 'no' },
    ],
    [
      image('/base', {
        internalSnapshots: [
          { id: '1', name: 'a', createdAt: 1, memoryBytes: 0 },
          { id: '2', name: 'c', createdAt: 2, memoryBytes: 0 },
        ],
      }),
      overlay('/top', '/base'),
      overlay('/clone', '/base'),
      image('/data'),
      image('/unrelated'),
    ],
  );
}

/** Goes back to "a": rewrites /base and /data. */
const revert: DigestedPlan = {
  vmUuid: uuid,
  steps: [{ reads: [], writes: ['/base', '/data'], invalidates: ['/base', '/data'], deletes: [] }],
};
/** Puts an overlay on /top. */
const create: DigestedPlan = {
  vmUuid: uuid,
  steps: [{ reads: ['/top'], writes: [], invalidates: [], deletes: [] }],
};

function changed(change: (host: Inventory, vm: ReadableVm, other: ReadableVm) => void, plan = revert): string {
  const copy = structuredClone(host());
  const [own, other] = copy.vms;
  if (!own?.readable || !other?.readable) throw new Error('the fixture is not as it was');
  change(copy, own, other);
  return stateDigestOf(plan, copy);
}

const imageOf = (inventory: Inventory, id: string) => {
  const found = inventory.images.find((candidate) => candidate.id === id);
  if (!found) throw new Error(id);
  return found;
};
const copy: BlockJob = { kind: 'copy', target: '/copy', ready: false, detail: null };
const first = <T>(list: readonly T[]): T => {
  if (list[0] === undefined) throw new Error('empty');
  return list[0];
};

describe('the digest of a VM’s state', () => {
  const original = stateDigestOf(revert, host());

  test('is a SHA-256 in hex', () => {
    expect(original).toMatch(/^v2:[0-9a-f]{64}$/);
  });

  test('does not depend on the order in which things were read', () => {
    /** Every list, at every depth, in another order. */
    const shuffled = (value: unknown, random: () => number): unknown => {
      if (Array.isArray(value)) {
        return value
          .map((item: unknown) => ({ item: shuffled(item, random), key: random() }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
      }
      if (typeof value !== 'object' || value === null) return value;
      const members = Object.entries(value).map(([key, member]) => ({
        key,
        member: shuffled(member, random),
        at: random(),
      }));
      return Object.fromEntries(members.sort((a, b) => a.at - b.at).map(({ key, member }) => [key, member]));
    };
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
        const random = () => Number(stream.next().value);
        expect(stateDigestOf(revert, shuffled(host(), random) as Inventory)).toBe(original);
      }),
    );
  });

  test.each<[string, Parameters<typeof changed>[0]]>([
    ['sizes on storage', (all) => (imageOf(all, '/top').allocatedBytes = 5)],
    ['free space', (all) => (first(all.filesystems).freeBytes = 5)],
    ['the time of reading', (all) => (all.readAt = 5)],
    ['the reason of the state', (_, own) => (own.stateReason = 'booted')],
    ['a description', (_, own) => (own.description = first(own.snapshots).description = 'new')],
    ['idle instead of running', (_, own, other) => (own.state = other.state = 'idle')],
    ['the size of an internal snapshot', (all) => (first(imageOf(all, '/base').internalSnapshots).memoryBytes = 5)],
    ['an image that nothing of it reaches', (all) => (imageOf(all, '/unrelated').status = 'missing')],
    [
      'what may depend on images of others',
      (all) => all.unknownDependents.push({ what: '/x', reason: 'damaged', imageIds: ['/unrelated'] }),
    ],
    ['the state of a VM on its base', (_, _own, other) => (other.state = 'shutoff')],
    [
      // What that leaves open is among the unknown dependents.
      'one more VM that cannot be read',
      (all) => all.vms.push({ readable: false, uuid: 'x', name: null, reason: '' }),
    ],
    ['a VM that shares nothing', (all) => all.vms.push(vm({ uuid: 'new', disks: [] }))],
  ])('is the same for %s', (_, change) => {
    expect(changed(change)).toBe(original);
  });

  const changes: [string, Parameters<typeof changed>[0]][] = [
    ['its state', (_, own) => (own.state = 'paused')],
    ['a managed save', (_, own) => (own.hasManagedSave = true)],
    ['persistence', (_, own) => (own.persistent = false)],
    ['the current snapshot', (_, own) => (own.currentSnapshotId = 'a')],
    ['no current snapshot', (_, own) => (own.currentSnapshotId = null)],
    ['one snapshot less', (_, own) => own.snapshots.pop()],
    ['one snapshot more', (_, own) => own.snapshots.push(internal('z', null))],
    ['a parent', (_, own) => (first(own.snapshots).parentId = 'b')],
    ['a kind', (_, own) => (first(own.snapshots).kind = 'external')],
    ['another snapshot of the same name', (_, own) => (first(own.snapshots).createdAt = 5)],
    ['memory', (_, own) => (first(own.snapshots).memory = { kind: 'none' })],
    ['a data image', (_, own) => (first(first(own.snapshots).disks).dataImageId = '/top')],
    ['an overlay', (_, own) => (first(first(own.snapshots).disks).overlayImageId = '/top')],
    ['a block job', (_, own) => (first(own.disks).blockJob = copy)],
    ['a block job of another kind', (_, own) => (first(own.disks).blockJob = { ...copy, kind: 'backup' })],
    ['a block job to another place', (_, own) => (first(own.disks).blockJob = { ...copy, target: '/other' })],
    ['a job of the VM', (_, own) => (own.job = { kind: 'backup', detail: '' })],
    ['an active layer', (_, own) => (first(own.disks).imageId = '/base')],
    ['a disk less', (_, own) => own.disks.pop()],
    ['a read-only disk', (_, own) => (first(own.disks).readOnly = true)],
    ['the status of an image', (all) => (imageOf(all, '/base').status = 'missing')],
    ['an image that is gone', (all) => all.images.shift()],
    ['a format', (all) => (imageOf(all, '/top').format = 'raw')],
    ['a virtual size', (all) => (imageOf(all, '/data').virtualBytes = 5)],
    ['a backing image', (all) => (imageOf(all, '/top').parent = null)],
    ['an internal snapshot', (all) => imageOf(all, '/base').internalSnapshots.pop()],
    ['the id of an internal snapshot', (all) => (first(imageOf(all, '/base').internalSnapshots).id = '9')],
    [
      'another internal snapshot of the same name and id',
      (all) => (first(imageOf(all, '/base').internalSnapshots).createdAt = 9),
    ],
    ['the name of an internal snapshot', (all) => (first(imageOf(all, '/base').internalSnapshots).name = 'z')],
    ['one more overlay on its base', (all) => all.images.push(overlay('/new', '/base'))],
    ['a VM on its base less', (all) => all.vms.splice(1, 1)],
    [
      'a folder that cannot be listed any more',
      (all) => all.unknownDependents.push({ what: '/pool', reason: 'closed', imageIds: null }),
    ],
    [
      'what may depend on its base',
      (all) => all.unknownDependents.push({ what: '/x', reason: 'damaged', imageIds: ['/base'] }),
    ],
    [
      'another definition for the next start',
      (_, own) => own.problems.push({ severity: 'warning', message: 'From its next start on, vda will be /other.' }),
    ],
    ['the hypervisor’s version', (all) => (all.hypervisor.version = '9.9.0')],
    ['itself being unreadable', (all) => (all.vms[0] = { readable: false, uuid, name: null, reason: '' })],
    ['itself being gone', (all) => all.vms.shift()],
  ];

  test.each(changes)('is another for %s', (_, change) => {
    expect(changed(change)).not.toBe(original);
  });

  test.each<[string, Parameters<typeof changed>[0]]>([
    ['one more overlay on the base', (all) => all.images.push(overlay('/new', '/base'))],
    ['one VM less on the base', (all) => all.vms.splice(1, 1)],
    ['what cannot be looked into', (all) => all.unknownDependents.push({ what: '/x', reason: '', imageIds: null })],
  ])('is the same for %s where the plan leaves the base as it is', (_, change) => {
    expect(changed(change, create)).toBe(stateDigestOf(create, host()));
  });

  test('is another where somebody else uses what the plan is about', () => {
    const onTop = stateDigestOf(create, host());
    expect(changed((all) => all.images.push(overlay('/new', '/top')), create)).not.toBe(onTop);
    expect(changed((_, _own, other) => (first(other.disks).imageId = '/top'), create)).not.toBe(onTop);
  });

  test('is another for every one of them', () => {
    const all = changes.map(([, change]) => changed(change));
    expect(new Set(all).size).toBe(all.length);
  });

  test('ends, whatever loops there are', () => {
    const looped = structuredClone(host());
    imageOf(looped, '/base').parent = { relation: 'backing', reference: '/top', imageId: '/top', format: 'qcow2' };
    expect(stateDigestOf(revert, looped)).not.toBe(original);
  });
});
