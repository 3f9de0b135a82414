import { expect, it } from 'vitest';
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
import type { Image, ReadableVm } from '../../../../../shared/model/inventory.ts';
import { planLibvirt } from '../plan.ts';

const base = `${folder}/web.qcow2`;
const active = `${folder}/web.one`;
const createdAt = 1_700_000_000;
const one = internal('one', null, {
  kind: 'external',
  vmState: 'shutoff',
  memory: { kind: 'none' },
  createdAt,
  disks: [{ target: 'vda', kind: 'external', dataImageId: base, overlayImageId: active }],
});

function warnings(data: Partial<Image> = {}, machine: Partial<ReadableVm> = {}): readonly string[] {
  const own = vm({
    state: 'shutoff',
    disks: [disk('vda', active)],
    snapshots: [one],
    currentSnapshotId: 'one',
    ...machine,
  });
  const request = {
    action: 'cloneVm',
    vmUuid: own.uuid,
    snapshotId: 'one',
    kind: 'thin',
    newVm: { uuid: '5ce0b4b1-24ba-4bd1-9a32-3c0a1d8ca001', name: 'new' },
  } as const;
  const plan = planLibvirt(uri, request, inventory([own], [image(base, data), overlay(active, base)]));
  expect(plan.refusals).toEqual([]);
  return plan.warnings.map(({ code }) => code);
}

it('says that the data of the snapshot was written to after it was taken', () => {
  expect(warnings({ modifiedAt: createdAt + 3600 })).toContain('writtenSince');
  expect(warnings({ modifiedAt: createdAt })).not.toContain('writtenSince');
});

it('says that both VMs write to the folders of the host that the old one has', () => {
  expect(warnings({}, { ownDevices: ['sharedFolder'] })).toContain('sharedFolders');
  expect(warnings()).not.toContain('sharedFolders');
});
