import { describe, expect, it } from 'vitest';
import { disk, folder, held, image, internal, inventory, overlay, vm } from '../../model/inventory.fixtures.ts';
import type { BlockJob, Image, Inventory, ReadableVm, Snapshot, SnapshotDisk } from '../../model/inventory.ts';
import { defaultReportThresholds } from './report-thresholds.ts';
import type { Finding, ReportThresholds } from '../../model/report.ts';
import { fileSystems } from './findings-storage.ts';
import { soundFindings } from './last-copies.fixtures.ts';

const now = 1_795_200_000 + 86_400;
const base = `${folder}/base.qcow2`;
const one = `${folder}/one.snap`;
const two = `${folder}/two.snap`;
const GiB = 1024 ** 3;

function find(from: Inventory, thresholds: Partial<ReportThresholds> = {}): readonly Finding[] {
  return soundFindings('host', from, { ...defaultReportThresholds, ...thresholds }, now);
}
const codes = (found: readonly Finding[]) => found.map(({ code }) => code);
const only = (found: readonly Finding[], code: Finding['code']) => found.filter((finding) => finding.code === code);

const vmOn = (imageId: string, parts: Partial<ReadableVm> = {}) => vm({ disks: [disk('vda', imageId)], ...parts });

function external(name: string, parentId: string | null, data: string, top: string | null): Snapshot {
  const of: SnapshotDisk = { target: 'vda', kind: 'external', dataImageId: data, overlayImageId: top };
  return internal(name, parentId, { kind: 'external', memory: { kind: 'none' }, vmState: 'disk-only', disks: [of] });
}

/** The time in the records of `internal`. */
const recordedAt = 1_795_200_000;

/** base ← one ← two, as two external snapshots leave it. */
const chain: Image[] = [image(base), overlay(one, base), overlay(two, one)];
const chained = [external('s1', null, base, one), external('s2', 's1', one, two)];

it('finds nothing where all is well', () => {
  expect(find(inventory([vmOn(two, { snapshots: chained, currentSnapshotId: 's2' })], chain))).toEqual([]);
});

describe('snapshots', () => {
  it('are too old by whole days over the limit, and too many', () => {
    const tag = { id: '1', name: 'a', createdAt: recordedAt, memoryBytes: 1 };
    const one = vmOn(base, { snapshots: [internal('a', null, { disks: [held('vda', base)] })] });
    const from = inventory([one], [image(base, { internalSnapshots: [tag] })]);
    expect(find(from, { maximumAgeDays: 1, maximumSnapshots: 1 })).toEqual([]);
    expect(find(from, { maximumAgeDays: 0, maximumSnapshots: 0 })).toMatchObject([
      { code: 'snapshotOld', severity: 'warning', hostName: 'host', vmName: 'web', snapshotName: 'a' },
      { code: 'tooManySnapshots', snapshotName: null },
    ]);
    expect(find(from, { maximumAgeDays: 0 })[0]?.message).toContain(
      'is one day old; the limit of this report is 0 days',
    );
  });

  it('are records without data where the image is gone or holds no such internal snapshot', () => {
    const lost = vmOn(base, { snapshots: [internal('lost', null, { disks: [held('vda', base)] })] });
    expect(find(inventory([lost], [image(base)]))).toMatchObject([
      { code: 'recordWithoutFile', severity: 'critical', snapshotName: 'lost', path: base },
    ]);
    const gone = vmOn(one, { snapshots: [external('s1', null, base, one)] });
    expect(codes(find(inventory([gone], [overlay(one, base), image(base, { status: 'missing' })])))).toEqual([
      'imageMissing',
      'recordWithoutFile',
    ]);
    // What could not be read may well be there.
    const unread = image(base, { status: 'unreadable', problem: 'Permission denied.' });
    expect(codes(find(inventory([lost], [unread])))).toEqual(['chainUnreadable']);
  });

  it('do not match the chain after a commit by hand, at the top or between', () => {
    const top = vmOn(one, { snapshots: chained, currentSnapshotId: 's2' });
    const found = only(find(inventory([top], [image(base), overlay(one, base)])), 'activeLayerMismatch');
    expect(found).toMatchObject([{ severity: 'critical', snapshotName: 's2', path: two }]);
    const between = vmOn(two, { snapshots: chained, currentSnapshotId: 's2' });
    const committed = [image(base), overlay(two, base)];
    const both = only(find(inventory([between], committed)), 'activeLayerMismatch');
    expect(both.map(({ snapshotName }) => snapshotName)).toEqual(['s1', 's2']);
    const all = vmOn(base, { snapshots: chained });
    expect(only(find(inventory([all], [image(base)])), 'activeLayerMismatch')).toHaveLength(2);
  });

  it('may match, and may not, where their data is beside the chain and was written to since, as after a merge down and one up', () => {
    const pulled = vmOn(two, { snapshots: chained, currentSnapshotId: 's2' });
    const at = (modifiedAt: number | null) =>
      only(
        find(
          inventory(
            [pulled],
            [image(two), image(base, { modifiedAt }), overlay(one, base, { modifiedAt: recordedAt })],
          ),
        ),
        'activeLayerMismatch',
      );
    expect(at(recordedAt)).toEqual([]);
    const words = (modifiedAt: number | null) =>
      at(modifiedAt).map(({ severity, snapshotName, message }) => [
        severity,
        snapshotName,
        /not in the chain[^.]*/.exec(message)?.[0],
      ]);
    expect(words(recordedAt + 3600)).toEqual([
      ['warning', 's1', 'not in the chain, and it was written to after the snapshot was taken'],
    ]);
    expect(words(null)).toEqual([
      ['warning', 's1', 'not in the chain, and whether it was written to after the snapshot was taken is not known'],
    ]);
  });

  it('name an older image than the one that their overlay was made on, as libvirt 9.0 lets them', () => {
    const three = `${folder}/three.snap`;
    const images = (written: Partial<Image>) => [
      image(base),
      overlay(one, base),
      overlay(two, one, written),
      overlay(three, two),
    ];
    const found = (data: string, written: Partial<Image> = {}, active = three) =>
      only(
        find(
          inventory(
            [vmOn(active, { snapshots: [...chained, external('s3', 's1', data, three)], currentSnapshotId: 's3' })],
            images(written),
          ),
        ),
        'activeLayerMismatch',
      ).map(({ severity, snapshotName, path }) => [severity, snapshotName, path]);
    const wrong = [['critical', 's3', two]];
    expect(found(two)).toEqual([]);
    expect(found(one)).toEqual(wrong);
    expect(found(base)).toEqual(wrong);
    // On whatever branch, but not where another overlay may have that name now.
    expect(found(one, {}, one)).toContainEqual(wrong[0]);
    expect(found(one, { modifiedAt: recordedAt })).toEqual(wrong);
    expect(found(one, { modifiedAt: recordedAt + 3600 })).not.toContainEqual(wrong[0]);
  });

  it('whose overlay ends a branch that was left, for which nobody looks, are said once nothing needs that', () => {
    const branch = `${folder}/branch.snap`;
    const images = [...chain, overlay(branch, base)];
    const left = (parts: Partial<ReadableVm>, others: Partial<Inventory> = {}) =>
      only(find({ ...inventory([vmOn(branch, parts)], images), ...others }), 'branchLeft');
    expect(left({ snapshots: chained, currentSnapshotId: 's1' })).toMatchObject([
      { severity: 'information', snapshotName: 's2', path: two },
    ]);
    // Another snapshot goes back to it, or something that could not be read may need it.
    expect(left({ snapshots: [...chained, external('s3', 's2', two, `${folder}/three.snap`)] })).toEqual([]);
    expect(
      left({ snapshots: chained }, { unknownDependents: [{ what: '/x', reason: 'No.', imageIds: [two] }] }),
    ).toEqual([]);
    expect(only(find(inventory([vmOn(two, { snapshots: chained })], images)), 'branchLeft')).toEqual([]);
    expect(left({ snapshots: chained, folders: [{ path: folder, use: 'filesystem' }] })).toEqual([]);
  });

  it('of another branch, or with a new overlay after a revert, match', () => {
    const branch = `${folder}/branch.snap`;
    const reverted = vmOn(branch, { snapshots: chained, currentSnapshotId: 's1' });
    const images = [...chain, overlay(branch, base)];
    expect(only(find(inventory([reverted], images)), 'activeLayerMismatch')).toEqual([]);
  });
});

describe('chains and images', () => {
  it('are too long, missing, in a circle, unreadable', () => {
    const at = (images: Image[], thresholds = {}) => find(inventory([vmOn(two)], images), thresholds);
    expect(codes(at(chain, { maximumChainLength: 3 }))).toEqual([]);
    expect(at(chain, { maximumChainLength: 2 })).toMatchObject([{ code: 'chainTooLong', path: two }]);
    expect(at([overlay(two, one), image(one, { status: 'missing' })])).toMatchObject([
      { code: 'imageMissing', severity: 'critical', path: one },
    ]);
    expect(codes(at([overlay(two, one), overlay(one, two)]))).toEqual(['chainLoops']);
    expect(codes(at([overlay(two, one)]))).toEqual(['chainUnreadable']);
    const nbd = { relation: 'backing', reference: 'nbd://x', imageId: null, format: 'raw' } as const;
    expect(at([image(two, { parent: nbd })])).toMatchObject([{ code: 'chainUnreadable', path: 'nbd://x' }]);
  });

  it('hold internal snapshots inside overlays, and ones without a record', () => {
    const tags = ['a', 'b', 'a'].map((name, index) => ({
      id: `${index}`,
      name,
      createdAt: recordedAt,
      memoryBytes: 1,
    }));
    const of = vmOn(one, { snapshots: [internal('a', null, { disks: [held('vda', one)] })] });
    const found = find(inventory([of], [image(base), overlay(one, base, { internalSnapshots: tags })]));
    expect(only(found, 'internalInsideOverlay')).toMatchObject([{ path: one, vmName: 'web' }]);
    expect(only(found, 'fileWithoutRecord').map(({ snapshotName }) => snapshotName)).toEqual(['a', 'b']);
  });

  it('that nobody names are told once with the snapshots in them, and are not to be moved or deleted just so', () => {
    const tag = { id: '1', name: 'gold', createdAt: recordedAt, memoryBytes: 0 };
    const found = find(
      inventory([vmOn(one)], [image(one), image(`${folder}/old.qcow2`, { internalSnapshots: [tag] })]),
    );
    expect(found).toMatchObject([{ code: 'fileWithoutRecord', path: `${folder}/old.qcow2`, snapshotName: null }]);
    expect(found[0]?.message).toContain(
      'It holds one internal snapshot, which may be the only copy of that state: “gold”.',
    );
    expect(found[0]?.remedy).toContain('keep a copy of the whole image');
    expect(found[0]?.remedy).not.toMatch(/move it away|set it aside|-d/);
  });

  it('are longer than libvirt takes', () => {
    const ids = Array.from({ length: 201 }, (_, index) => `/i/${String(index)}`);
    const layers = ids.map((id, index) => (index === 0 ? image(id) : overlay(id, ids[index - 1] ?? '')));
    const of = (top: number) => find(inventory([vmOn(ids[top] ?? '')], layers.slice(0, top + 1)));
    expect(codes(of(199))).toEqual(['chainTooLong']);
    expect(of(200)).toMatchObject([{ code: 'chainBeyondLimit', severity: 'critical', path: '/i/200' }]);
  });

  it('are used in another format than they are in', () => {
    const contrary = (images: Image[], format: string | null) => {
      const machine = vmOn(one);
      const disks = machine.disks.map((each) => ({ ...each, format }));
      return only(find(inventory([{ ...machine, disks }], images)), 'formatContradicted');
    };
    expect(contrary([image(one)], 'qcow2')).toEqual([]);
    expect(contrary([image(one)], null)).toEqual([]);
    expect(contrary([image(one, { format: 'raw' })], 'raw')).toEqual([]);
    const header = { format: 'qcow2', reference: '../base', mayDependOn: [] };
    expect(contrary([image(one, { format: 'raw', header })], 'raw')).toMatchObject([
      { severity: 'critical', path: one, vmName: 'web' },
    ]);
    // What a guest may have written, and which would not harm others.
    const alone = { ...header, reference: null };
    expect(contrary([image(one, { format: 'raw', header: alone })], 'raw')).toMatchObject([{ severity: 'warning' }]);
    const [refused] = contrary([image(one, { format: 'raw' })], 'qcow2');
    expect(refused?.message).toContain('QEMU refuses to open it');
    expect(contrary([image(one, { format: 'luks', encryption: 'luks' })], 'raw')).toEqual([]);
    const [recorded] = contrary([overlay(one, base), image(base, { format: 'raw' })], 'qcow2');
    expect(recorded).toMatchObject({ path: base, vmName: null });
  });

  it('are corrupt', () => {
    const found = find(inventory([vmOn(base)], [image(base, { corrupt: true })]));
    expect(found).toMatchObject([{ code: 'imageCorrupt', severity: 'critical', path: base, vmName: 'web' }]);
  });

  it('are left over where nobody names them, and less certainly so where something was not read', () => {
    const stray = `${folder}/stray.qcow2`;
    const template = `${folder}/template.qcow2`;
    const images = [
      image(base, { otherPaths: [`${folder}/link.qcow2`] }),
      image(`${folder}/link.qcow2`, { otherPaths: [base] }),
      overlay(stray, base),
      image(template),
      image(`${folder}/nvram/web_VARS.qcow2`),
      image(`${folder}/install.iso`),
      image(`${folder}/copy.qcow2`),
      image(`${folder}/claimed.qcow2`),
      image(`${folder}/raw.img`, {
        format: 'raw',
        header: { format: 'qcow2', reference: 'claimed.qcow2', mayDependOn: [`${folder}/claimed.qcow2`] },
        otherPaths: [base],
      }),
    ];
    const mirror = { use: 'mirror', place: 'vda', by: 'definition', snapshotName: null, format: 'qcow2' } as const;
    const of = vmOn(base, { uses: [{ ...mirror, imageId: `${folder}/copy.qcow2` }] });
    const from = inventory([of], images);
    expect(find(from).map(({ code, severity, path }) => [code, severity, path])).toEqual([
      ['fileWithoutRecord', 'warning', stray],
      ['fileWithoutRecord', 'information', template],
    ]);
    const doubtful: Inventory = {
      ...from,
      unknownDependents: [{ what: '/x', reason: 'It is open.', imageIds: [stray] }],
    };
    // A guest can use what lies in a folder that it shares, and no definition tells of that.
    const guest = vm({ uuid: 'guest', name: 'guest', disks: [], folders: [{ path: folder, use: 'filesystem' }] });
    const shared = find({ ...from, vms: [...from.vms, guest] }).filter(({ code }) => code === 'fileWithoutRecord');
    expect(shared.map(({ path }) => path)).toEqual([stray, template]);
    for (const { severity, message, remedy } of shared) {
      expect(severity).toBe('information');
      expect(message).toContain(`It may be in use: VM “guest” shares the folder ${folder} with its guest.`);
      expect(remedy).toContain('Leave it where it is until that is settled.');
      expect(remedy).not.toMatch(/move it away|set it aside/);
    }
    const elsewhere = { ...guest, folders: [{ path: `${folder}/st`, use: 'filesystem' }] };
    expect(find({ ...from, vms: [...from.vms, elsewhere] })).toEqual(find(from));
    const [first] = find(doubtful).filter(({ path }) => path === stray);
    expect(first).toMatchObject({ severity: 'information' });
    expect(first?.message).toContain('It may be in use. /x: It is open.');
    expect(first?.remedy).toContain('Leave it where it is until that is settled.');
    expect(first?.remedy).not.toMatch(/move it away|set it aside/);
    // The VM may have been set back to the image below, and write over what the overlay stands on.
    const [newer] = find(from);
    expect(newer?.message).toContain('VM “web” writes to the image below: the overlay may hold a newer state of it');
    expect(newer?.remedy).toContain('do not let VM “web” write');
    expect(newer?.remedy).not.toMatch(/move it away|set it aside/);
    const unread: Inventory = { ...from, vms: [...from.vms, { readable: false, uuid: 'u', name: null, reason: '' }] };
    expect(find(unread).every(({ severity }) => severity === 'information')).toBe(true);
  });
});

describe('storage', () => {
  const with_ = (filesystems: Inventory['filesystems'], vms: ReadableVm[] = [], images: Image[] = []): Inventory => ({
    ...inventory(vms, images),
    filesystems,
  });

  it('is nearly full, once for each file system', () => {
    const at = (folder: string, freeBytes: number, totalBytes: number) => ({ folder, freeBytes, totalBytes });
    const found = find(
      with_([at('/b', 9, 100), at('/a', 9, 100), at('/c', 10, 100), at('/d', 4, 100), at('/e', 0, 0)]),
    );
    expect(found.map(({ path, severity }) => [path, severity])).toEqual([
      ['/d', 'critical'],
      ['/a', 'warning'],
    ]);
    expect(found[1]?.message).toContain('(also /b)');
    // A VM wrote while df looked.
    expect(fileSystems([at('/b', 9001, 10_000), at('/a', 9000, 10_000), at('/c', 9020, 10_000)])).toEqual([
      { folders: ['/a', '/b'], freeBytes: 9000, totalBytes: 10_000 },
      { folders: ['/c'], freeBytes: 9020, totalBytes: 10_000 },
    ]);
  });

  it('has no room for a merge, by what the base can grow', () => {
    // Without tables, so that it lacks 2 GiB to all of its disk.
    const small = image(base, { format: 'raw', virtualBytes: 10 * GiB, allocatedBytes: 8 * GiB });
    const large = overlay(one, base, { virtualBytes: 10 * GiB, allocatedBytes: 5 * GiB });
    const fits = [{ folder, freeBytes: 2 * GiB, totalBytes: 4 * GiB }];
    expect(only(find(with_(fits, [vmOn(one)], [small, large])), 'mergeWouldNotFit')).toEqual([]);
    expect(
      only(find(with_(fits, [vmOn(one)], [small, { ...large, allocatedBytes: null }])), 'mergeWouldNotFit'),
    ).toEqual([]);
    const not = [{ folder, freeBytes: 2 * GiB - 1, totalBytes: 4 * GiB }];
    const [merge] = only(find(with_(not, [vmOn(one)], [small, large])), 'mergeWouldNotFit');
    expect(merge).toMatchObject({ code: 'mergeWouldNotFit', path: one, vmName: 'web' });
    expect(merge?.message).toContain('2 GiB (2147483648 bytes)');
  });
});

describe('a guest that stands still', () => {
  const paused = (stateReason: string) =>
    find(inventory([vm({ state: 'paused', stateReason, disks: [disk('vda', base)] })], [image(base)]));

  it('is told with the reason, what is free, and what to do; not where somebody paused it', () => {
    expect(paused('I/O error')).toMatchObject([
      {
        code: 'pausedByError',
        severity: 'critical',
        vmName: 'web',
        message: expect.stringMatching(/writing to one of its disks failed.*GiB free now/) as string,
        remedy: expect.stringMatching(/virsh domblkerror.*Make room/) as string,
      },
    ]);
    expect(paused('crashed')).toMatchObject([{ code: 'pausedByError' }]);
    expect(paused('user')).toEqual([]);
  });
});

describe('jobs', () => {
  const busy = (parts: Partial<BlockJob>, job?: ReadableVm['job']) => {
    const blockJob: BlockJob = { kind: 'commit', target: null, ready: false, detail: null, ...parts };
    return find(inventory([vm({ disks: [disk('vda', base, { blockJob })], ...(job && { job }) })], [image(base)]));
  };

  it('are told with the disk that they work on, and are a warning where they do not end by themselves', () => {
    expect(busy({})).toMatchObject([
      {
        code: 'jobRuns',
        severity: 'information',
        vmName: 'web',
        path: base,
        remedy: expect.stringMatching(/^Wait until it ends/) as string,
      },
    ]);
    const [copy] = busy({ kind: 'copy', target: '/copy', ready: true });
    expect(copy).toMatchObject({ severity: 'warning', remedy: expect.stringMatching(/let them end it/) as string });
    expect(copy?.message).toContain('On disk vda of web a block job runs: a copy to /copy');
  });

  it('of the VM as a whole are told besides, and that nobody knows of any where it does not answer', () => {
    const [silent, ...others] = busy({}, { kind: 'unknown', detail: 'no monitor' });
    expect(silent).toMatchObject({
      code: 'jobRuns',
      severity: 'warning',
      path: null,
      remedy: expect.stringMatching(/QEMU hangs/) as string,
    });
    expect(codes(others)).toEqual(['jobRuns']);
  });
});

describe('what is named and not there', () => {
  const obstacle = { path: '/kernel', message: 'The VM needs /kernel.', remedy: 'Put it back.' };

  it('keeps a VM from starting', () => {
    const found = find(inventory([vmOn(base, { startObstacles: [obstacle] })], [image(base)]));
    expect(found).toMatchObject([{ code: 'vmWillNotStart', severity: 'critical', ...obstacle }]);
  });

  it('is said once of a medium that is gone', () => {
    const medium = image('/cd.iso', { status: 'missing' });
    const drive = disk('hda', medium.id, { device: 'cdrom' });
    const from = (startObstacles: ReadableVm['startObstacles']) =>
      inventory([vm({ disks: [drive], ...(startObstacles && { startObstacles }) })], [medium]);
    expect(find(from([{ ...obstacle, path: medium.id }]))).toMatchObject([{ code: 'vmWillNotStart' }]);
    expect(find(from(undefined))).toMatchObject([{ code: 'imageMissing', severity: 'information' }]);
  });

  it('breaks a chain where it holds the data of an image', () => {
    const onData = image(base, { dataFile: { reference: 'base.raw', imageId: `${folder}/base.raw` } });
    const of = (status: Image['status']) =>
      find(
        inventory([vmOn(one)], [overlay(one, base), onData, image(`${folder}/base.raw`, { status, format: 'raw' })]),
      );
    expect(of('ok')).toEqual([]);
    expect(of('missing')).toMatchObject([
      { code: 'imageMissing', severity: 'critical', path: `${folder}/base.raw`, vmName: 'web' },
    ]);
  });

  it('keeps a snapshot from being reverted to', () => {
    const snapshot = { ...internal('s', null), revertObstacles: [obstacle] };
    const found = find(inventory([vmOn(base, { snapshots: [snapshot] })], [image(base)]));
    expect(only(found, 'recordWithoutFile')).toMatchObject([{ snapshotName: 's', path: '/kernel' }]);
  });

  it('is one thing that many snapshots lack, and worse where one of them holds memory', () => {
    const lacking = (name: string, more: Partial<Snapshot> = {}) => ({
      ...internal(name, null, { memory: { kind: 'none' }, vmState: 'shutoff', ...more }),
      revertObstacles: [obstacle],
    });
    const of = (...snapshots: Snapshot[]) =>
      only(find(inventory([vmOn(base, { snapshots })], [image(base)])), 'recordWithoutFile').filter(
        ({ path }) => path === obstacle.path,
      );
    const offline = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => lacking(name));
    expect(of(...offline)).toMatchObject([{ severity: 'warning', snapshotName: null }]);
    expect(of(...offline)[0]?.message).toContain('Snapshots “a”, “b”, “c”, “d”, “e” and 2 more');
    expect(of(...offline, lacking('h', { memory: { kind: 'internal' }, vmState: 'running' }))).toMatchObject([
      { severity: 'critical', snapshotName: null },
    ]);
    const other = { ...lacking('i'), revertObstacles: [{ ...obstacle, path: '/other' }] };
    expect(of(lacking('a'), other)).toMatchObject([{ snapshotName: 'a' }]);
  });

  it('is the memory of an external snapshot alone, whose disks go back all the same', () => {
    const file = `${folder}/s.memory`;
    const snapshot: Snapshot = {
      ...external('s', null, base, null),
      memory: { kind: 'external', file },
      vmState: 'running',
      revertObstacles: [{ ...obstacle, path: file }],
    };
    const found = only(find(inventory([vmOn(base, { snapshots: [snapshot] })], [image(base)])), 'recordWithoutFile');
    const [lost, ...others] = found.filter(({ path }) => path === file);
    expect([lost?.severity, others]).toEqual(['warning', []]);
    expect(lost?.message).toContain('gives the disks only');
  });

  it('lies below the image of a snapshot, and no present disk tells of it', () => {
    const away = overlay(`${folder}/away.snap`, `${folder}/gone`);
    const gone = image(`${folder}/gone`, { status: 'missing' });
    const snapshot = external('s', null, away.id, null);
    const found = find(inventory([vmOn(base, { snapshots: [snapshot] })], [image(base), away, gone]));
    expect(only(found, 'recordWithoutFile')).toMatchObject([{ snapshotName: 's', severity: 'critical' }]);
    const both = inventory([vmOn(away.id, { snapshots: [snapshot] })], [away, gone]);
    expect(codes(find(both))).not.toContain('recordWithoutFile');
  });
});

describe('saved memory', () => {
  const file = `${folder}/web.memory`;
  const found = (state: ReadableVm['state'], modifiedAt: number) =>
    find(
      inventory(
        [vmOn(base, { state, savedMemory: [{ file, savedAt: 100, allocatedBytes: GiB }] })],
        [image(base, { modifiedAt })],
      ),
    );

  it('is told with what it is good for', () => {
    expect(found('shutoff', 100)).toMatchObject([{ code: 'memorySaved', path: file, vmName: 'web' }]);
    expect(found('shutoff', 100)[0]?.message).toContain('(1 GiB on storage). Its guest can go on from there');
    expect(found('shutoff', 101)[0]?.message).toContain('were written to since');
    expect(found('running', 100)[0]?.message).toContain('The VM runs');
  });

  it('is not to be removed while the guest can go on from it', () => {
    expect(found('shutoff', 100)[0]?.remedy).not.toContain('removed');
  });
});
