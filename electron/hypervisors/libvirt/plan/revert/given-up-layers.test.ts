import { describe, expect, it } from 'vitest';
import {
  disk,
  folder,
  image,
  internal,
  inventory,
  overlay,
  uri,
  vm,
} from '../../../../../shared/model/inventory.fixtures.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { planLibvirt } from '../plan.ts';

const base = `${folder}/web.qcow2`;
const left = `${folder}/web.from-one.qcow2`;
const made = `${folder}/web.one.qcow2`;
const later = `${folder}/web.two.qcow2`;
const external = (name: string, parentId: string | null, dataImageId: string, overlayImageId: string): Snapshot =>
  internal(name, parentId, {
    kind: 'external',
    vmState: 'shutoff',
    memory: { kind: 'none' },
    disks: [{ target: 'vda', kind: 'external', dataImageId, overlayImageId }],
  });
const snapshots = [external('one', null, base, made), external('two', 'one', made, later)];
const revert = (snapshotId: string, saveAs: string | null = null): ChangeRequest => ({
  action: 'revertToSnapshot',
  vmUuid: vm().uuid,
  snapshotId,
  saveAs,
});

/** The VM has gone back to "one", and is on the overlay that this made. */
function host(active: Partial<Image> = {}, machine: Partial<ReadableVm> = {}, ...more: Image[]): Inventory {
  const own = vm({
    state: 'shutoff',
    disks: [disk('vda', left)],
    snapshots,
    currentSnapshotId: 'one',
    ...machine,
  });
  const images = [image(base), overlay(made, base), overlay(later, made), overlay(left, base, active), ...more];
  return inventory([own], images);
}

const planned = (inventoryOfHost: Inventory, request = revert('two')) => planLibvirt(uri, request, inventoryOfHost);
const deleted = (inventoryOfHost: Inventory, request = revert('two')) => {
  const plan = planned(inventoryOfHost, request);
  expect(plan.refusals).toEqual([]);
  return plan.steps.flatMap(({ deletes }) => deletes);
};

describe('a revert without saving', () => {
  it('deletes last of all the overlay that it takes out of use, after looking whether anybody needs it, and says so', () => {
    const { steps, warnings } = planned(host());
    expect(steps.at(-1)?.deletes).toEqual([left]);
    expect(steps.slice(0, -1).flatMap(({ deletes }) => deletes)).toEqual([]);
    const look = steps.at(-2);
    expect(look?.onlyLooks).toBe(true);
    expect(look?.verify).toContainEqual({ kind: 'noDependents', imageIds: [left] });
    expect(look?.verify).toContainEqual({
      kind: 'activeLayer',
      target: 'vda',
      imageId: `${folder}/web.from-two.qcow2`,
    });
    expect(warnings.find(({ code }) => code === 'presentStateDeleted')?.message).toBe(
      `Deletes ${left}: what was written to disk vda since "one" is in no snapshot, and nothing brings it back. Save the present state first to be able to come back.`,
    );
  });

  it('deletes nothing where the present state is saved', () => {
    expect(deleted(host(), revert('two', 'kept'))).toEqual([]);
  });

  it.each<[string, Inventory]>([
    ['a record names', host({}, { disks: [disk('vda', later)] })],
    ['another image hangs on', host({}, {}, overlay(`${folder}/clone.qcow2`, left))],
    ['holds an internal snapshot', host({ internalSnapshots: [{ id: '1', name: 'x', createdAt: 1, memoryBytes: 0 }] })],
    ['is a file by another name as well', host({ otherPaths: [`${folder}/hard-link.qcow2`] })],
    ['hangs on nothing that a snapshot holds', host({ parent: overlay('', later).parent })],
    ['stands alone', host({ parent: null })],
    [
      'another VM uses',
      {
        ...host(),
        vms: [
          ...host().vms,
          vm({
            uuid: vm().uuid.replace('1', '2'),
            name: 'twin',
            state: 'shutoff',
            uses: [{ imageId: left, use: 'disk', place: 'vdb', by: 'snapshot', snapshotName: 'x', format: 'qcow2' }],
            disks: [],
            snapshots: [],
          }),
        ],
      },
    ],
    [
      'may be needed by what could not be read',
      { ...host(), unknownDependents: [{ what: 'image /x', reason: 'denied', imageIds: [left] }] },
    ],
    ['is in a folder that a guest shares', host({}, { folders: [{ path: folder, use: 'filesystem' }] })],
  ])('leaves an overlay that %s', (_what, inventoryOfHost) => {
    expect(deleted(inventoryOfHost)).toEqual([]);
    expect(planned(inventoryOfHost).warnings.map(({ code }) => code)).toContain('presentStateLeft');
  });

  it('can go on with the deletion where it was cut off before', () => {
    const { steps } = planned(host());
    const indexed = steps.map((step, index) => ({ ...step, index }));
    const now = host(
      {},
      { disks: [disk('vda', `${folder}/web.from-two.qcow2`)], currentSnapshotId: 'two' },
      overlay(`${folder}/web.from-two.qcow2`, made),
    );
    const begun = { done: indexed.slice(0, -2), rest: indexed.slice(-2) };
    expect(planLibvirt(uri, revert('two'), now, begun).steps).toEqual(steps.slice(-2));
    const onlyFiles = { done: indexed.slice(0, -1), rest: indexed.slice(-1) };
    expect(planLibvirt(uri, revert('two'), now, onlyFiles).steps.at(-1)).toEqual(steps.at(-1));
  });
});
