import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reportSchema } from '../../shared/model/report.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import type { Image, Snapshot, SnapshotDisk } from '../../shared/model/inventory.ts';
import { image, internal, inventory, overlay, vm } from '../../shared/model/inventory.fixtures.ts';
import { imagesById } from '../../shared/rules/chains/chains.ts';
import { buildReport, isoTime, sizeOf } from './build-report.ts';
import { anyReadings } from './arbitraries.fixtures.ts';
import { demoReadings, reportTime } from './readings.fixtures.ts';
import { agesOf } from './summary.ts';
import { mostLanes, treeCells } from './tree-lanes.ts';

const build = (readings: Parameters<typeof buildReport>[0]) =>
  buildReport(readings, defaultReportThresholds, reportTime);

describe('the report', () => {
  it('has the demo’s rows by host, VM and tree, with ages from its own time', () => {
    const report = build([...demoReadings()].reverse());
    expect(report).toEqual(build(demoReadings()));
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.createdAt).toBe('2026-11-20T12:00:00Z');
    const web = report.rows.filter(({ vmName }) => vmName === 'web');
    expect(web.map(({ snapshotName, parentName, ageDays }) => [snapshotName, parentName, ageDays])).toEqual([
      ['clean install', null, 400],
      ['with database', 'clean install', 330],
      ['broken try', 'with database', 260],
      ['second try', 'with database', 190],
      ['patched', 'second try', 120],
      ['日本語 ☃ Ωμέγα', 'clean install', 50],
    ]);
    expect(web.find(({ current }) => current)?.snapshotName).toBe('patched');
    expect(web[2]?.findings).toEqual(['recordWithoutFile', 'snapshotOld']);
    expect(web[2]?.vmFindings).toEqual(['fileWithoutRecord']);
    expect(report.totals).toMatchObject({
      hosts: 3,
      unreadHosts: 1,
      vms: 7,
      unreadableVms: 1,
      snapshots: 26,
      rows: 27,
    });
  });

  it('says everything that it does not know', () => {
    const { unread } = build(demoReadings());
    expect(unread.map(({ hostName, what }) => [hostName, what])).toEqual([
      ['Demo alder', 'VM “locked” (00000009-1111-4111-8111-111111111111)'],
      ['Demo alder', 'folder /srv/private'],
      ['Demo alder', 'image /srv/other/locked.qcow2'],
      ['Demo alder', 'the host'],
      ['Demo cedar', 'the whole host'],
    ]);
    const snapshot = internal('s', null, { createdAt: null, disks: [disk('external', null, null)] });
    const images = [overlay('/data/top', '/data/base'), image('/data/base')];
    const from = inventory([vm({ disks: [], snapshots: [snapshot] })], images);
    expect(build([{ hostName: 'h', inventory: from }]).unread.map(({ what, reason }) => `${what}: ${reason}`)).toEqual([
      'folder /data: Its free space is not known, so that merges into it were not checked.',
      'snapshot “s” of VM “web”: Its record has no time, so that its age is not known.',
      'snapshot “s” of VM “web”: Which image holds its data of disk vda is not known, nor whether it is there.',
    ]);
  });

  it('counts what it shows, of whatever hosts, and leaves no VM, snapshot or host out', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(anyReadings, (readings) => {
        const report = build(readings);
        expect(reportSchema.parse(report)).toEqual(report);
        const vms = readings.flatMap((reading) => ('inventory' in reading ? reading.inventory.vms : []));
        const snapshots = vms.flatMap((each) => (each.readable ? each.snapshots : []));
        expect(report.totals.vms).toBe(vms.length);
        expect(report.rows.filter(({ snapshotId }) => snapshotId !== null)).toHaveLength(snapshots.length);
        expect(report.totals.snapshots).toBe(snapshots.length);
        const bare = vms.filter((each) => each.readable && each.snapshots.length === 0).length;
        expect(report.totals.rows).toBe(snapshots.length + bare);
        const { information, warning, critical } = report.totals.findings;
        expect(information + warning + critical).toBe(report.findings.length);
        for (const reading of readings) {
          if ('error' in reading) {
            expect(report.unread).toContainEqual({
              hostName: reading.hostName,
              what: 'the whole host',
              reason: reading.error,
            });
          }
        }
        expect(agesOf(report.rows).reduce((sum, { value }) => sum + value, 0)).toBe(snapshots.length);
      }),
    );
  });
});

it('writes times to the second', () => {
  expect(isoTime(0.9)).toBe('1970-01-01T00:00:00Z');
  expect(isoTime(1e20)).toContain('s');
});

function disk(kind: SnapshotDisk['kind'], dataImageId: string | null, overlayImageId: string | null): SnapshotDisk {
  return { target: 'vda', kind, dataImageId, overlayImageId };
}

describe('the size of a snapshot', () => {
  const tag = { id: '1', name: 's', createdAt: 0, memoryBytes: 500 };
  const images: Image[] = [
    image('/base', { allocatedBytes: 1000, internalSnapshots: [tag] }),
    overlay('/top', '/base', { allocatedBytes: 30 }),
    overlay('/other', '/base', { allocatedBytes: 7 }),
    image('/gone', { status: 'missing', allocatedBytes: null }),
  ];
  const size = (disks: SnapshotDisk[], memory: Snapshot['memory'] = { kind: 'none' }) => {
    const { sizeBytes, sizeIsLowerBound } = sizeOf(internal('s', null, { disks, memory }), imagesById(images));
    return [sizeBytes, sizeIsLowerBound];
  };

  it('is what its overlays have allocated, each once', () => {
    expect(size([disk('external', '/base', '/top'), disk('external', '/base', '/other')])).toEqual([37, false]);
    expect(size([disk('external', '/base', '/top'), disk('external', '/base', '/top')])).toEqual([30, false]);
    expect(size([disk('none', null, null), disk('external', '/base', '/top')])).toEqual([30, false]);
  });

  it('is at least what is known, and nothing where nothing is', () => {
    expect(size([disk('internal', '/base', null)])).toEqual([500, true]);
    expect(size([disk('external', '/base', '/top'), disk('external', '/base', '/gone')])).toEqual([30, true]);
    expect(size([disk('external', '/base', '/top')], { kind: 'external', file: '/memory' })).toEqual([30, true]);
    expect(size([disk('external', '/base', '/gone')])).toEqual([null, false]);
    expect(size([disk('external', '/base', null)])).toEqual([null, false]);
    expect(size([disk('copy', '/base', null)])).toEqual([null, false]);
    expect(size([])).toEqual([null, false]);
  });
});

describe('the lanes of a tree', () => {
  const row = (snapshotId: string, parentId: string | null) => ({ snapshotId, parentId });

  it('keep a chain straight and put branches to the right', () => {
    const cells = treeCells([row('a', null), row('b', 'a'), row('c', 'b'), row('d', 'a'), row('e', null)]);
    expect(cells).toEqual([
      { lane: 0, through: [], from: 'none', hasChildren: true },
      { lane: 1, through: [0], from: 'left', hasChildren: true },
      { lane: 1, through: [0], from: 'above', hasChildren: false },
      { lane: 0, through: [], from: 'above', hasChildren: false },
      { lane: 0, through: [], from: 'none', hasChildren: false },
    ]);
  });

  it('end, however deep the branches are, and take no parent that comes later', () => {
    const rows = Array.from({ length: 40 }, (_, index) => row(`${index}`, index === 0 ? null : `${index - 1}`));
    const branches = rows.map(({ snapshotId }) => row(`${snapshotId}'`, snapshotId)).reverse();
    const cells = treeCells([...rows, ...branches]);
    expect(Math.max(...cells.map(({ lane }) => lane))).toBe(mostLanes - 1);
    expect(treeCells([row('a', 'b'), row('b', 'a')]).map(({ from }) => from)).toEqual(['none', 'above']);
  });
});
