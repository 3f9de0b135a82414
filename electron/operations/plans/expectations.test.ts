import { describe, expect, test } from 'vitest';
import type { Expectation } from '../../../shared/model/plan.ts';
import { disk, image, internal, inventory, overlay, vm } from '../../../shared/model/inventory.fixtures.ts';
import { checkExpectations } from './expectations.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const host = inventory(
  [
    vm({ uuid, state: 'idle', disks: [disk('vda', '/top')], snapshots: [internal('a', null)], currentSnapshotId: 'a' }),
    { readable: false, uuid: 'broken', name: 'b', reason: 'the daemon\nsays no' },
  ],
  [
    overlay('/top', '/base'),
    image('/base', { internalSnapshots: [{ id: '1', name: 'a', createdAt: 1, memoryBytes: 0 }] }),
    image('/bad', { status: 'unreadable', problem: 'locked' }),
  ],
);
const check = (expectation: Expectation, vmUuid = uuid) => checkExpectations([expectation], vmUuid, host);

describe('what a step should have brought about', () => {
  test.each<[Expectation, string]>([
    [{ kind: 'snapshotExists', snapshotId: 'a' }, 'there is a record of the snapshot “a”'],
    [{ kind: 'snapshotAbsent', snapshotId: 'b' }, 'there is no record of a snapshot “b”'],
    [{ kind: 'currentSnapshot', snapshotId: 'a' }, 'the current snapshot is “a”'],
    [{ kind: 'vmState', oneOf: ['shutoff', 'running'] }, 'the VM is shutoff or running'],
    [{ kind: 'activeLayer', target: 'vda', imageId: '/top' }, 'the active layer of “vda” is “/top”'],
    [{ kind: 'imageParent', imageId: '/top', parentId: '/base' }, '“/top” hangs on “/base”'],
    [
      { kind: 'internalSnapshot', imageId: '/base', name: 'a', present: true },
      '“/base” holds an internal snapshot of the name “a”',
    ],
    [
      { kind: 'internalSnapshot', imageId: '/base', name: 'b', present: false },
      '“/base” holds no internal snapshot of the name “b”',
    ],
    [{ kind: 'noBlockJob', target: 'vda' }, 'no block job runs on “vda”'],
  ])('is there: %o', (expectation, words) => {
    expect(check(expectation)).toEqual({ met: true, held: [words], unmet: [] });
  });

  test.each<[Expectation, string]>([
    [{ kind: 'snapshotExists', snapshotId: 'b' }, 'There is no snapshot “b”.'],
    [{ kind: 'snapshotAbsent', snapshotId: 'a' }, 'The snapshot “a” is still there.'],
    [{ kind: 'currentSnapshot', snapshotId: null }, 'The current snapshot is “a”, not none.'],
    [{ kind: 'vmState', oneOf: ['shutoff', 'paused'] }, 'The VM is idle, not shutoff or paused.'],
    [{ kind: 'activeLayer', target: 'vda', imageId: '/base' }, 'The active layer of “vda” is “/top”, not “/base”.'],
    [{ kind: 'activeLayer', target: 'vdz', imageId: '/base' }, 'The VM has no disk “vdz”.'],
    [{ kind: 'imageParent', imageId: '/base', parentId: '/top' }, 'The image “/base” hangs on none, not on “/top”.'],
    [
      { kind: 'internalSnapshot', imageId: '/base', name: 'b', present: true },
      'The image “/base” holds no internal snapshot “b”.',
    ],
    [
      { kind: 'internalSnapshot', imageId: '/base', name: 'a', present: false },
      'The image “/base” still holds the internal snapshot “a”.',
    ],
    // What cannot be read is not taken for absent.
    [
      { kind: 'internalSnapshot', imageId: '/bad', name: 'a', present: false },
      'The image “/bad” cannot be read: locked.',
    ],
    [{ kind: 'imageParent', imageId: '/gone', parentId: '/top' }, 'The image “/gone” cannot be read.'],
  ])('is not there: %o', (expectation, sentence) => {
    expect(check(expectation)).toEqual({ met: false, held: [], unmet: [sentence] });
  });

  test('cannot be told of a VM that is gone or unreadable', () => {
    const absent: Expectation = { kind: 'snapshotAbsent', snapshotId: 'a' };
    expect(check(absent, 'gone').unmet).toEqual(['The VM gone is not on the host any more.']);
    expect(check(absent, 'broken').unmet).toEqual(['The VM b cannot be read: the daemon says no']);
    expect(checkExpectations([], 'gone', host)).toEqual({ met: true, held: [], unmet: [] });
  });

  test('is not there while a block job runs, or while nobody can tell', () => {
    const expectation: Expectation = { kind: 'noBlockJob', target: 'vda' };
    const blockJob = { kind: 'copy', target: '/copy', ready: false, detail: null } as const;
    const at = (one: Parameters<typeof vm>[0]) =>
      checkExpectations([expectation], uuid, inventory([vm({ uuid, disks: [disk('vda', '/top')], ...one })], [])).unmet;
    expect(at({ disks: [disk('vda', '/top', { blockJob })] })).toEqual(['On “vda” a block job runs: a copy to /copy.']);
    expect(at({ job: { kind: 'unknown', detail: 'occupied (3.5s)' } })).toEqual([
      'Whether a block job runs on “vda” could not be told: occupied (3.5s).',
    ]);
    expect(at({ job: { kind: 'backup', detail: 'Backup' } })).toEqual([]);
  });
});
