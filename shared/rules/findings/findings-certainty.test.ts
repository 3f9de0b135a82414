import { describe, expect, it } from 'vitest';
import { disk, folder, held, image, internal, inventory, vm } from '../../model/inventory.fixtures.ts';
import { soundFindings } from './last-copies.fixtures.ts';
import { defaultReportThresholds } from './report-thresholds.ts';

const day = 86_400;
const path = `${folder}/web.qcow2`;
const snapshot = (name: string, parentId: string | null, createdAt: number) =>
  internal(name, parentId, { createdAt, disks: [held('vda', path)] });
const holding = (snapshots: readonly ReturnType<typeof internal>[]) =>
  image(path, {
    internalSnapshots: snapshots.map(({ name, createdAt }, index) => ({
      id: String(index + 1),
      name,
      createdAt: createdAt ?? 0,
      memoryBytes: 1,
    })),
  });
const codes = (snapshots: ReturnType<typeof internal>[], now: number) =>
  soundFindings(
    'kvm1',
    inventory([vm({ disks: [disk('vda', path)], snapshots })], [holding(snapshots)]),
    defaultReportThresholds,
    now,
  ).map(({ code, message }) => [code, message] as const);

describe('a limit of 30 days', () => {
  it.each([
    [30 * day, []],
    [31 * day - 1, []],
    [31 * day, ['snapshotOld']],
  ])('after %s seconds gives %j', (age, expected) => {
    expect(codes([snapshot('a', null, 0)], age).map(([code]) => code)).toEqual(expected);
  });
});

it('says of a child that it is older than its parent', () => {
  const found = codes(
    [snapshot('a', null, 5 * day), snapshot('b', 'a', 4 * day), snapshot('c', 'a', 5 * day)],
    6 * day,
  );
  expect(found.map(([code]) => code)).toEqual(['olderThanParent']);
  expect(found[0]?.[1]).toContain('“b” of VM “web” (1970-01-05T00:00:00Z) is older than “a” (1970-01-06T00:00:00Z)');
});

it('counts one thing that could not be read once', () => {
  const unreadable = { readable: false, uuid: 'u', name: 'secret', reason: 'no' } as const;
  const host = {
    ...inventory([unreadable], [image(`${folder}/loose.qcow2`)]),
    unknownDependents: [{ what: 'VM secret', reason: 'The VM could not be read: no', imageIds: null }],
  };
  const [loose] = soundFindings('kvm1', host, defaultReportThresholds, 0);
  expect(loose?.message).toContain('It is not certain: VM secret could not be read and may use it.');
});
