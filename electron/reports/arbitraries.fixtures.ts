/** For tests: any inventories, with names that were made to do harm. */
import fc from 'fast-check';
import type { Disk, Image, Inventory, ReadableVm, Snapshot, SnapshotDisk } from '../../shared/model/inventory.ts';
import { inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import type { HostReading } from './build-report.ts';
import { reportTime } from './readings.fixtures.ts';

const hostile = [
  '=1+1',
  '+cmd|"/c calc"!A1',
  '-2+3',
  '@SUM(A1)',
  '＝HYPERLINK("x")',
  '\t=1',
  '\r\n=1',
  " '=1",
  "'",
  '"',
  'a,b;c',
  'a;=1+1;b',
  'a;"=1+1;b',
  "a;'b\t-1",
  '<script>alert(1)</script>',
  '</style><img src=x onerror=alert(1)>',
  '&lt;&amp;',
  'a\u202egnp.exe',
  'zero\u200bwidth',
  '\ud800',
  '\u0000\u001b[31m\u0085',
  '日本語',
  'Ωμέγα Привет',
  'שלום',
  'مرحبا',
  '👩‍👩‍👧',
  ' spaces  ',
  '',
  'x'.repeat(300),
  'fi ffi ﬁ',
  '__proto__',
];

/** A name or a sentence as a host may have it. */
const anyText = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 24 }), fc.string());

const folder = '/srv';
const bytes = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 2 ** 45 }));
const time = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: reportTime + 100_000 }));

const images: fc.Arbitrary<Image[]> = fc.uniqueArray(anyText, { minLength: 1, maxLength: 6 }).chain((names) => {
  const ids = names.map((name) => `${folder}/${name}`);
  return fc.tuple(
    ...ids.map((id) =>
      fc.record<Image>({
        id: fc.constant(id),
        kind: fc.constantFrom('file', 'file', 'block', 'network'),
        status: fc.constantFrom('ok', 'ok', 'ok', 'missing', 'unreadable'),
        problem: fc.oneof(fc.constant(null), anyText),
        format: fc.constant('qcow2'),
        virtualBytes: bytes,
        allocatedBytes: bytes,
        parent: fc.oneof(
          fc.constant(null),
          fc.constantFrom(...ids).map((imageId) => ({
            relation: 'backing' as const,
            reference: imageId,
            imageId,
            format: 'qcow2',
          })),
          anyText.map((reference) => ({ relation: 'backing' as const, reference, imageId: null, format: null })),
        ),
        internalSnapshots: fc.array(
          fc.record({
            id: fc.constantFrom('1', '2', '3'),
            name: anyText,
            createdAt: fc.nat(),
            memoryBytes: fc.nat(),
          }),
          { maxLength: 3 },
        ),
        fill: fc.constant(null),
        corrupt: fc.constantFrom(true, false, null),
        otherPaths: fc.constant([]),
        modifiedAt: fc.constant(null),
      }),
    ),
  );
});

function anyVm(index: number, ids: readonly string[]): fc.Arbitrary<ReadableVm> {
  const imageId = fc.constantFrom(null, ...ids);
  const disks = fc.record<Disk>({
    target: fc.constant('vda'),
    device: fc.constantFrom('disk', 'cdrom'),
    imageId,
    source: fc.oneof(fc.constant(null), anyText),
    format: fc.constant('qcow2'),
    readOnly: fc.boolean(),
    shareable: fc.boolean(),
  });
  const snapshotDisks = fc.record<SnapshotDisk>({
    target: fc.constant('vda'),
    kind: fc.constantFrom('none', 'internal', 'external', 'volume', 'copy'),
    dataImageId: imageId,
    overlayImageId: imageId,
  });
  const snapshots = fc.uniqueArray(anyText, { maxLength: 6 }).chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.record<Snapshot>({
          id: fc.constant(name),
          name: fc.constant(name),
          parentId: fc.oneof(fc.constantFrom(null, ...names), anyText),
          kind: fc.constantFrom('internal', 'external', 'mixed', 'volume', 'copy', 'unknown'),
          vmState: fc.constantFrom('running', 'paused', 'shutoff', 'disk-only', 'unknown'),
          createdAt: time,
          description: anyText,
          memory: fc.constantFrom({ kind: 'none' } as const, { kind: 'internal' } as const),
          disks: fc.array(snapshotDisks, { maxLength: 2 }),
        }),
      ),
    ),
  );
  return fc
    .record({
      name: anyText,
      disks: fc.array(disks, { maxLength: 2 }),
      snapshots,
      currentSnapshotId: fc.oneof(fc.constant(null), anyText),
      problems: fc.array(fc.record({ severity: fc.constant('error' as const), message: anyText }), { maxLength: 1 }),
    })
    .map((parts) => vm({ ...parts, uuid: `${String(index).padStart(8, '0')}-0000-4000-8000-000000000000` }));
}

const inventories: fc.Arbitrary<Inventory> = images.chain((all) => {
  const ids = all.map(({ id }) => id);
  return fc
    .record({
      vms: fc.nat({ max: 3 }).chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => anyVm(at, ids)))),
      unreadable: fc.array(fc.record({ name: fc.oneof(fc.constant(null), anyText), reason: anyText }), {
        maxLength: 1,
      }),
      filesystems: fc.array(
        fc.record({
          folder: fc.constantFrom(folder, '/data', '/data/more'),
          freeBytes: fc.nat(),
          totalBytes: fc.nat(),
        }),
        { maxLength: 3 },
      ),
      unknown: fc.array(fc.record({ what: anyText, reason: anyText, imageIds: fc.constant(null) }), { maxLength: 2 }),
    })
    .map(({ vms, unreadable, filesystems, unknown }) => ({
      ...inventory(
        [...vms, ...unreadable.map((parts, at) => ({ readable: false as const, uuid: `unreadable-${at}`, ...parts }))],
        all,
      ),
      filesystems,
      unknownDependents: unknown,
    }));
});

/** What came of reading up to three hosts of different names. */
export const anyReadings: fc.Arbitrary<HostReading[]> = fc
  .uniqueArray(anyText, { minLength: 1, maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((hostName) =>
        fc.oneof(
          inventories.map((inventory): HostReading => ({ hostName, inventory })),
          inventories.map((inventory): HostReading => ({ hostName, inventory })),
          anyText.map((error): HostReading => ({ hostName, error })),
        ),
      ),
    ),
  );
