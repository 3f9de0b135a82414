import { describe, expect, test } from 'vitest';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import { FakeHost, hostId, step, vmUuid } from '../fake-host.fixtures.ts';
import { stateDigestOf } from './state-digest.ts';
import { createPlanService } from './plans.ts';

function service(time: { now: number } = { now: 1000.5 }) {
  const host = new FakeHost();
  let ids = 0;
  const plans = createPlanService({
    readHost: async () => ({
      ...(await host.readHost()),
      hostName: 'kvm1',
    }),
    askGuestAgent: () => Promise.resolve(null),
    driverFor: () => ({
      plan: (request) => {
        if (request.vmUuid !== vmUuid) throw new SnaptreeError('vmNotFound', 'no such VM');
        return {
          vmName: 'web',
          title: 'Create',
          steps: [step('a'), step('b')],
          refusals: [],
          warnings: [],
          rooms: [],
          expectedPause: null,
          after: { vmState: 'running', snapshots: [], currentSnapshotId: null, chains: [] },
        };
      },
    }),
    isReadOnly: () => host.readOnly,
    clock: () => time.now,
    newId: () => `id-${(ids += 1)}`,
  });
  return { host, plans };
}
const request: ChangeRequest = { action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'a' };

describe('plans', () => {
  test('are made from what the host is now, numbered, and found again', async () => {
    const { host, plans } = service();
    const plan = await plans.create(hostId, request);
    expect(plan).toMatchObject({ id: 'id-1', hostId, hostName: 'kvm1', vmUuid, request, createdAt: 1000 });
    expect(plan.fingerprint).toBe(stateDigestOf(plan, host.inventory));
    expect(plan.steps.map(({ index }) => index)).toEqual([0, 1]);
    expect(plan.script).toContain("'virsh' 'b'");
    expect(plans.get('id-1')).toBe(plan);
  });

  test('that the driver will not make are not kept', async () => {
    const { plans } = service();
    await expect(plans.create(hostId, { ...request, vmUuid: 'x' })).rejects.toMatchObject({ code: 'vmNotFound' });
    expect(() => plans.get('id-1')).toThrow(SnaptreeError);
  });

  test('of a read-only host are refused, whatever the driver plans, and leave everything as it is', async () => {
    const { host, plans } = service();
    host.readOnly = true;
    const plan = await plans.create(hostId, request);
    expect(plan.refusals).toMatchObject([{ code: 'hostReadOnly', names: ['kvm1'] }]);
    expect(plan.steps).toEqual([]);
    expect(plan.script).toBe('');
    expect(plan.after).toMatchObject({
      vmState: 'running',
      chains: [{ target: 'vda' }],
    });
    host.readOnly = false;
    expect((await plans.create(hostId, request)).steps).toHaveLength(2);
  });

  test('expire, and make room for newer ones', async () => {
    const time = { now: 1000 };
    const { plans } = service(time);
    for (let count = 0; count < 101; count += 1) await plans.create(hostId, request);
    expect(() => plans.get('id-1')).toThrow('no longer known');
    expect(plans.get('id-2').id).toBe('id-2');
    time.now += 24 * 3600;
    expect(() => plans.get('id-101')).toThrow('no longer known');
  });
});
