/** For tests: a plan and an operation, made to measure. */
import type { Operation } from '../../../shared/model/operation.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import { plainStep } from '../../hypervisors/planning/plain-step.ts';

const vmUuid = '11111111-1111-4111-8111-111111111111';

export function planWith(parts: Partial<Plan> = {}): Plan {
  return {
    id: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
    hostId: 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb',
    hostName: 'kvm1',
    vmUuid,
    vmName: 'web',
    request: {
      action: 'createSnapshot',
      vmUuid,
      kind: 'internal',
      name: 'one',
      description: '',
      diskTargets: null,
    },
    title: 'Create the internal snapshot “one” of web',
    createdAt: 1_795_200_000,
    fingerprint: `v2:${'f'.repeat(64)}`,
    steps: [
      {
        index: 0,
        title: 'Write it',
        argv: ['virsh', '--name=one', 'two words'],
        reads: [],
        writes: ['/srv/a'],
        creates: [],
        invalidates: [],
        deletes: [],
        verify: [],
        ...plainStep,
      },
    ],
    refusals: [],
    warnings: [],
    rooms: [],
    expectedPause: null,
    after: { vmState: 'running', snapshots: [], currentSnapshotId: null, chains: [] },
    script: '',
    ...parts,
  };
}

export function operationOf(plan: Plan, parts: Partial<Operation> = {}): Operation {
  return {
    id: 'cccccccc-cccc-4ccc-8ccc-cccccccccccc',
    plan,
    state: 'succeeded',
    startedAt: 1_795_200_000,
    endedAt: 1_795_200_010,
    steps: [],
    error: null,
    examination: null,
    isUndoing: false,
    ...parts,
  };
}
