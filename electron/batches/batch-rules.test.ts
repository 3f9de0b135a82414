import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disk, image, internal, inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import type { BatchRequest } from '../../shared/model/batch.ts';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';
import { changeInWords } from '../../shared/rules/operations/batch-words.ts';
import { plainStep } from '../hypervisors/planning/plain-step.ts';
import { asOneDeletion, neighbours, orderedRequests } from './batch-order.ts';
import { beyondReview, reviewOf } from './batch-review.ts';
import { batchRoomNotes, batchRooms, roomUses } from './batch-rooms.ts';
import type { RoomUse } from './batch-rooms.ts';
import { mayBegin } from './batch-schedule.ts';
import type { Scheduled } from './batch-schedule.ts';

const hostId = '22222222-2222-4222-8222-222222222222';
const vmUuid = '11111111-1111-4111-8111-111111111111';

function deletion(snapshotId: string, direction?: 'up'): BatchRequest {
  const request = { action: 'deleteSnapshot' as const, vmUuid, snapshotId, withDescendants: false };
  return { hostId, request: direction ? { ...request, direction } : request };
}

const chain = ['one', 'two', 'three'];
const snapshots = chain.map((name, index) => internal(name, chain[index - 1] ?? null, { createdAt: 100 + index }));
const host = inventory([vm({ uuid: vmUuid, snapshots, disks: [disk('vda', '/a.qcow2')] })], [image('/a.qcow2')]);

describe('the order of a batch', () => {
  const order = (requests: readonly BatchRequest[]) =>
    orderedRequests(requests, () => host).map(({ request }) =>
      'snapshotId' in request ? request.snapshotId : request.action,
    );

  test('merges down from the parents on, and up from the children on', () => {
    expect(order([deletion('three'), deletion('one'), deletion('two')])).toEqual(chain);
    expect(order([deletion('one', 'up'), deletion('three', 'up'), deletion('two', 'up')])).toEqual([
      'three',
      'two',
      'one',
    ]);
  });

  test('leaves everything else in its place, and those of one VM together', () => {
    const start: BatchRequest = { hostId, request: { action: 'changePower', vmUuid, to: 'start' } };
    const other: BatchRequest = { hostId, request: { action: 'changePower', vmUuid: 'other', to: 'start' } };
    expect(order([deletion('two'), other, start, deletion('three'), deletion('one')])).toEqual([
      'two',
      'changePower',
      'one',
      'three',
      'changePower',
    ]);
  });

  test('keeps a snapshot until it is gone back to', () => {
    const revert: BatchRequest = {
      hostId,
      request: { action: 'revertToSnapshot', vmUuid, snapshotId: 'one', saveAs: null },
    };
    const requests = [deletion('three'), revert, deletion('one')];
    expect(orderedRequests(requests, () => host)).toEqual(requests);
  });

  test('has what was asked for twice once, and what is done between other changes as often as it was asked for', () => {
    expect(order([deletion('two'), deletion('one'), deletion('two')])).toEqual(['one', 'two']);
    const [pause, resume] = (['suspend', 'resume'] as const).map((to): BatchRequest => ({
      hostId,
      request: { action: 'changePower', vmUuid, to },
    }));
    if (!pause || !resume) throw new Error('There are two.');
    const requests = [pause, resume, pause, resume];
    expect(orderedRequests(requests, () => host)).toEqual(requests);
    expect(orderedRequests([pause, pause], () => host)).toEqual([pause]);
  });

  test('takes a snapshot with all below it before that snapshot alone', () => {
    const wide: BatchRequest = {
      hostId,
      request: { action: 'deleteSnapshot', vmUuid, snapshotId: 'two', withDescendants: true },
    };
    expect(orderedRequests([deletion('two'), wide], () => host)).toEqual([wide, deletion('two')]);
  });
});

describe('neighbours of a batch', () => {
  const externals = [
    ...chain.map((name, index) => internal(name, chain[index - 1] ?? null, { kind: 'external' })),
    internal('branch', 'one', { kind: 'external' }),
    internal('inside', 'three'),
  ];
  const withExternals = inventory(
    [vm({ uuid: vmUuid, snapshots: externals, disks: [disk('vda', '/a.qcow2')] })],
    [image('/a.qcow2')],
  );
  const runs = (requests: readonly BatchRequest[]) =>
    neighbours(requests, () => withExternals).map((run) =>
      run.map(({ request }) => ('snapshotId' in request ? request.snapshotId : request.action)),
    );

  test('are external snapshots of which each is the parent of the next, merged down', () => {
    expect(runs(chain.map((name) => deletion(name)))).toEqual([chain]);
    expect(runs([deletion('one'), deletion('three')])).toEqual([['one'], ['three']]);
    expect(runs([deletion('one'), deletion('two'), deletion('branch')])).toEqual([['one', 'two'], ['branch']]);
    expect(runs([deletion('three'), deletion('inside')])).toEqual([['three'], ['inside']]);
    expect(runs([deletion('two', 'up'), deletion('three', 'up')])).toEqual([['two'], ['three']]);
    expect(runs([deletion('not there'), deletion('nor there')])).toEqual([['not there'], ['nor there']]);
  });

  test('have nothing else between them, and are of one VM', () => {
    const start: BatchRequest = { hostId, request: { action: 'changePower', vmUuid, to: 'start' } };
    expect(runs([deletion('one'), start, deletion('two')])).toEqual([['one'], ['changePower'], ['two']]);
    const elsewhere = { ...deletion('two'), hostId: '33333333-3333-4333-8333-333333333333' };
    expect(runs([deletion('one'), elsewhere])).toEqual([['one'], ['two']]);
  });

  test('are one deletion', () => {
    const one = asOneDeletion(chain.map((name) => deletion(name)));
    expect(one?.request).toMatchObject({ snapshotId: 'one', otherSnapshotIds: ['two', 'three'] });
    expect(one && changeInWords(one.request)).toBe('Delete snapshots “one” and 2 more');
    expect(asOneDeletion([deletion('one')])).toBeNull();
  });
});

describe('what may be begun', () => {
  const item = (index: number, part: Partial<Scheduled> = {}): Scheduled => ({
    index,
    hostId,
    after: null,
    state: 'waiting',
    fills: [],
    ...part,
  });
  const begun = (items: readonly Scheduled[], reachable = true) =>
    mayBegin(items, () => reachable).map(({ index }) => index);

  test('is what comes first on its VM, two of a host at a time', () => {
    expect(begun([item(0), item(1, { after: 0 }), item(2), item(3)])).toEqual([0, 2]);
    expect(begun([item(0), item(1), item(2, { hostId: 'other' })])).toEqual([0, 1, 2]);
    expect(begun([item(0, { state: 'running' }), item(1), item(2)])).toEqual([1]);
  });

  test('comes after what is done only', () => {
    for (const state of ['running', 'failed', 'interrupted', 'notRun', 'waiting'] as const) {
      expect(begun([item(0, { state }), item(1, { after: 0 })])).not.toContain(1);
    }
    expect(begun([item(0, { state: 'succeeded' }), item(1, { after: 0 })])).toEqual([1]);
  });

  test('fills each file system alone', () => {
    expect(begun([item(0, { fills: ['a'] }), item(1, { fills: ['a', 'b'] }), item(2, { fills: ['b'] })])).toEqual([
      0, 2,
    ]);
  });

  test('is nothing on a host that cannot be reached', () => {
    expect(begun([item(0)], false)).toEqual([]);
  });
});

describe('the room of a batch', () => {
  const use = (part: Partial<RoomUse>): RoomUse => ({
    key: 'a',
    folders: ['/srv'],
    freeBytes: 100,
    likelyBytes: 0,
    atMostBytes: 0,
    freedBytes: 0,
    ...part,
  });
  const room = (...uses: readonly RoomUse[]) => batchRooms(uses.map((each) => ({ hostName: 'kvm1', uses: [each] })))[0];

  test('counts what earlier changes have deleted by then', () => {
    const merge = use({ likelyBytes: 60, atMostBytes: 80, freedBytes: 60 });
    expect(room(merge, merge, merge)).toMatchObject({ likelyBytes: 60, atMostBytes: 120, freedBytes: 180 });
    const copy = use({ likelyBytes: 60, atMostBytes: 60 });
    expect(room(copy, copy)).toMatchObject({ likelyBytes: 120 });
  });

  test('is not known where one need is not', () => {
    expect(room(use({ likelyBytes: 5 }), use({ likelyBytes: null }))).toMatchObject({ likelyBytes: null });
  });

  test('is never less than the largest need alone, and never more than all of them', () => {
    const uses = fc.array(
      fc
        .record({ likelyBytes: fc.nat(1000), freedBytes: fc.nat(1000) })
        .map((part) => use({ ...part, atMostBytes: 0 })),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(uses, (all) => {
        const needed = room(...all)?.likelyBytes ?? -1;
        let balance = 0;
        const peak = all.map(({ likelyBytes, freedBytes }) => {
          const top = balance + (likelyBytes ?? 0);
          balance = top - freedBytes;
          return top;
        });
        expect(needed).toBe(Math.max(0, ...peak));
      }),
    );
  });

  test('refuses what likely does not fit, and warns of what may not', () => {
    const noted = (part: Partial<RoomUse>) => batchRoomNotes(batchRooms([{ hostName: 'kvm1', uses: [use(part)] }]));
    expect(noted({ likelyBytes: 101, atMostBytes: 101 }).refusals).toHaveLength(1);
    expect(noted({ likelyBytes: 100, atMostBytes: 101 })).toMatchObject({
      refusals: [],
      warnings: [{ code: 'batchMayNeedRoom' }],
    });
    expect(noted({ likelyBytes: 100, atMostBytes: 100 })).toEqual({ refusals: [], warnings: [] });
    expect(noted({ likelyBytes: 999, freeBytes: null })).toEqual({ refusals: [], warnings: [] });
  });

  test('knows folders on one file system, and the size of what is deleted', () => {
    const filesystems = ['/srv/a', '/srv/b'].map((folder) => ({ folder, freeBytes: 500, totalBytes: 1000 }));
    const images = [image('/srv/b/old.qcow2', { allocatedBytes: 70 })];
    const plan = {
      hostId,
      rooms: [{ folders: ['/srv/a'], likelyBytes: 10, atMostBytes: 20, guestBytes: 0, freeBytes: 500 }],
      steps: [step({ deletes: ['/srv/b/old.qcow2'] })],
    };
    expect(roomUses(plan, { ...inventory([], images), filesystems })).toEqual([
      {
        key: `${hostId}:/srv/a`,
        folders: ['/srv/a', '/srv/b'],
        freeBytes: 500,
        likelyBytes: 10,
        atMostBytes: 20,
        freedBytes: 70,
      },
    ]);
  });

  test('adds up what is deleted in several folders of one file system, each file once, and nothing that is only deleted on a failure', () => {
    const filesystems = ['/srv/a', '/srv/b'].map((folder) => ({ folder, freeBytes: 500, totalBytes: 1000 }));
    const sizes = { '/srv/a/1': 10, '/srv/b/2': 20, '/srv/b/3': 40 };
    const images = Object.entries(sizes).map(([path, allocatedBytes]) => image(path, { allocatedBytes }));
    const steps = [
      step({ deletes: ['/srv/a/1'] }),
      step({ deletes: ['/srv/b/2'] }),
      step({ runs: 'onFailure', deletes: ['/srv/b/3'] }),
    ];
    const at = { ...inventory([], images), filesystems };
    const freed = (gone?: ReadonlySet<string>) =>
      roomUses({ hostId, rooms: [], steps }, at, gone).map(({ freedBytes }) => freedBytes);
    expect(freed()).toEqual([30]);
    expect(freed(new Set(['/srv/a/1']))).toEqual([20]);
  });
});

function step(part: Partial<PlanStep>): PlanStep {
  const none = { reads: [], writes: [], creates: [], invalidates: [], deletes: [], verify: [] };
  return { ...plainStep, index: 0, title: 'Do it', argv: ['true'], ...none, ...part };
}

describe('what is planned at its turn', () => {
  const planOf = (part: Partial<Plan> = {}): Plan => ({
    id: hostId,
    hostId,
    hostName: 'kvm1',
    vmUuid,
    vmName: 'web',
    request: deletion('two').request,
    title: 'Delete two',
    createdAt: 0,
    fingerprint: 'one',
    steps: [step({ writes: ['/a.qcow2'], deletes: ['/two.qcow2'] })],
    refusals: [],
    warnings: [{ code: 'cannotBeUndone', message: 'It is gone then.', names: [] }],
    rooms: [],
    expectedPause: null,
    after: {
      vmState: 'running',
      snapshots: snapshots.filter(({ id }) => id !== 'two'),
      currentSnapshotId: null,
      chains: [],
    },
    script: '',
    ...part,
  });
  const reviewed = reviewOf(planOf(), host);
  const beyond = (now: Partial<Plan>, others = [reviewed], own = reviewed, at = host) =>
    beyondReview(planOf(now), at, own, others);

  test('may be run where it does what was reviewed', () => {
    expect(beyond({})).toEqual([]);
    expect(beyond({ fingerprint: 'two' })).toEqual([]);
  });

  test('is held back where it is refused, or has nothing to do', () => {
    expect(beyond({ refusals: [{ code: 'x', message: 'No.', names: [] }] })).toEqual(['No.']);
    expect(beyond({ steps: [] })).toEqual(['There is nothing to do any more.']);
  });

  test('is held back where something is to be known that was not reviewed', () => {
    expect(beyond({ warnings: [{ code: 'new', message: 'Mind this.', names: [] }] })[0]).toContain('Mind this.');
  });

  test.each(['writes', 'invalidates', 'deletes'] as const)('is held back where it %s another file', (effect) => {
    expect(beyond({ steps: [step({ [effect]: ['/other.qcow2'] })] })[0]).toContain('/other.qcow2');
  });

  test('may touch what another change of its VM was to touch', () => {
    const other = { ...reviewed, touched: ['/other.qcow2'] };
    expect(beyond({ steps: [step({ deletes: ['/other.qcow2'] })] }, [reviewed, other])).toEqual([]);
  });

  test('may write to what another change of its VM was to make', () => {
    const makes = reviewOf(planOf({ steps: [step({ creates: ['/new.qcow2'] })] }), host);
    const now = { steps: [step({ writes: ['/new.qcow2'] })] };
    expect(beyond(now, [reviewed, makes])).toEqual([]);
    expect(beyond(now)[0]).toContain('/new.qcow2');
    expect(beyond({ steps: [step({ creates: ['/another.qcow2'] })] })).toEqual([]);
  });

  test('is held back where it ends a snapshot that nobody spoke of', () => {
    const after = { ...planOf().after, snapshots: snapshots.slice(0, 1) };
    expect(beyond({ after })[0]).toContain('three');
  });

  test('is held back where the snapshot is another one of the same name', () => {
    const later = snapshots.map((each) => (each.id === 'two' ? { ...each, createdAt: 999 } : each));
    const now = inventory([vm({ uuid: vmUuid, snapshots: later, disks: [] })], []);
    expect(beyond({}, [reviewed], reviewed, now)[0]).toContain('two is not the snapshot that was reviewed');
  });

  test('is held back where it is the first of its VM and the host has changed at all', () => {
    const first = reviewOf(planOf(), host, 'one');
    expect(beyond({}, [first], first)).toEqual([]);
    expect(beyond({ fingerprint: 'two' }, [first], first)[0]).toContain('has changed since');
  });
});
