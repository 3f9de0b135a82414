import { describe, expect, it } from 'vitest';
import { imagesHolding, internal, inventory, uri, vm } from '../../../../shared/model/inventory.fixtures.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import type { VmState } from '../../../../shared/model/inventory.ts';
import { planLibvirt } from './plan.ts';

const { uuid } = vm();
const odd = 'before update';
const create: ChangeRequest = {
  action: 'createSnapshot',
  vmUuid: uuid,
  kind: 'internal',
  name: odd,
  description: '',
  diskTargets: null,
};
const revert: ChangeRequest = { action: 'revertToSnapshot', saveAs: null, vmUuid: uuid, snapshotId: odd };
const remove: ChangeRequest = { action: 'deleteSnapshot', vmUuid: uuid, snapshotId: odd, withDescendants: false };

function refused(request: ChangeRequest, version: string, state: VmState, memory: 'internal' | 'none' = 'internal') {
  const record = internal(odd, null, { memory: { kind: memory }, vmState: memory === 'none' ? 'shutoff' : 'running' });
  const existing = request === create ? [] : [odd];
  const host = inventory(
    [vm({ state, snapshots: request === create ? [] : [record], currentSnapshotId: existing[0] ?? null })],
    imagesHolding(...existing),
    version,
  );
  return planLibvirt(uri, request, host).refusals.some(({ code }) => code === 'nameNotForJob');
}

describe('a name with a space', () => {
  it('is refused where libvirt names a job of QEMU after the snapshot, while the VM runs', () => {
    for (const request of [create, remove]) {
      expect(refused(request, '11.3.0', 'running')).toBe(true);
      expect(refused(request, '11.3.0', 'shutoff')).toBe(false);
      expect(refused(request, '9.0.0', 'running')).toBe(false);
    }
  });

  it('stops a revert that has memory to load, whatever the VM does now', () => {
    expect(refused(revert, '11.3.0', 'running')).toBe(true);
    expect(refused(revert, '11.3.0', 'shutoff')).toBe(true);
    expect(refused(revert, '11.3.0', 'running', 'none')).toBe(false);
    expect(refused(revert, '9.0.0', 'running')).toBe(false);
  });
});
