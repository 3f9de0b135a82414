import { describe, expect, it } from 'vitest';
import { defaultReportThresholds } from './report-thresholds.ts';
import { disk, folder, held, image, internal, inventory, vm } from '../../model/inventory.fixtures.ts';
import { soundFindings } from './last-copies.fixtures.ts';

const old = `${folder}/web.qcow2`;
const renamed = `${folder}/renamed.qcow2`;
const createdAt = 1_795_200_000;
const tag = (parts = {}) => ({ id: '1', name: 'one', createdAt, memoryBytes: 0, ...parts });
const machine = (active = renamed) =>
  vm({ disks: [disk('vda', active)], snapshots: [internal('one', null, { disks: [held('vda', old)] })] });
const findings = (...parts: Parameters<typeof inventory>) =>
  soundFindings('kvm1', inventory(...parts), { ...defaultReportThresholds, maximumAgeDays: 36_500 }, createdAt);
const gone = image(old, { status: 'missing', problem: 'There is nothing.' });

describe('an image renamed since its internal snapshot', () => {
  it('is one finding that says where the data is, and takes nothing away', () => {
    const [only, ...others] = findings([machine()], [gone, image(renamed, { internalSnapshots: [tag()] })]);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ code: 'dataMoved', severity: 'warning', path: renamed, snapshotName: 'one' });
    expect(only?.message).toContain(`It is in ${renamed}`);
    expect(only?.remedy).toContain(`mv -n -- ${renamed} ${old}`);
    expect(only?.remedy).not.toMatch(/snapshot -d|--metadata|backup/);
  });

  it('is told to redefine where the old path is taken by something else', () => {
    const [only] = findings([machine()], [image(old), image(renamed, { internalSnapshots: [tag()] })]).filter(
      ({ code }) => code === 'dataMoved',
    );
    expect(only?.remedy).toContain('snapshot-create --redefine');
    expect(only?.remedy).not.toContain('mv ');
  });

  it('is a copy where another VM uses the image: nothing of that VM is moved or set back', () => {
    const clone = vm({ uuid: '22222222-2222-4222-8222-222222222222', name: 'clone', disks: [disk('vda', renamed)] });
    for (const at of [gone, image(old)]) {
      const [only] = findings([machine(old), clone], [at, image(renamed, { internalSnapshots: [tag()] })]).filter(
        ({ code }) => code === 'dataMoved',
      );
      expect(only?.message).toContain(`A copy of it is in ${renamed}, an image of clone`);
      expect(only?.remedy).toContain(`qemu-img convert -l snapshot.name=one -O qcow2 ${renamed}`);
      expect(only?.remedy).not.toMatch(/mv |--redefine/);
    }
  });

  it('is not told to be moved where something that could not be looked into may need the image', () => {
    const host = inventory([machine(old)], [gone, image(renamed, { internalSnapshots: [tag()] })]);
    const unknownDependents = [{ what: 'VM odd', reason: 'Not read.', imageIds: null }];
    const [only] = soundFindings('kvm1', { ...host, unknownDependents }, defaultReportThresholds, createdAt).filter(
      ({ code }) => code === 'dataMoved',
    );
    expect(only?.remedy).toContain('qemu-img convert');
    expect(only?.remedy).not.toMatch(/mv |--redefine/);
  });

  it('is not taken for it where the time is another: both are said, with each other', () => {
    const found = findings(
      [machine()],
      [gone, image(renamed, { internalSnapshots: [tag({ createdAt: createdAt - 86_400 })] })],
    );
    const [lost, data] = ['recordWithoutFile', 'fileWithoutRecord'].map((code) =>
      found.find((one) => one.code === code),
    );
    expect(lost?.message).toContain(`Something of that name, of another time, is in ${renamed}.`);
    expect(data?.message).toContain('It may be the data of snapshot “one” of VM “web”');
    expect(data?.severity).toBe('information');
  });

  it('is said to be copied, perhaps, where several images hold it and none is it by all signs', () => {
    const other = `${folder}/other.qcow2`;
    const lost = findings(
      [machine(old)],
      [gone, image(other, { internalSnapshots: [tag()] }), image(renamed, { internalSnapshots: [tag()] })],
    ).find(({ code }) => code === 'recordWithoutFile');
    expect(lost?.message).toContain(`Of that name and time something is in ${other}, ${renamed}: a copy of it`);
    expect(lost?.message).not.toContain('another time');
    expect(lost?.remedy).toContain(`qemu-img convert -l snapshot.name=one -O qcow2 ${other} NEW.qcow2`);
  });

  it('is that which the disk uses, of several', () => {
    const copy = image(`${folder}/copy.qcow2`, { internalSnapshots: [tag()] });
    const moved = findings([machine()], [gone, copy, image(renamed, { internalSnapshots: [tag()] })]).filter(
      ({ code }) => code === 'dataMoved',
    );
    expect(moved.map(({ path }) => path)).toEqual([renamed]);
  });

  it('is not sought among data that other records name', () => {
    const other = vm({
      uuid: '22222222-2222-4222-8222-222222222222',
      name: 'other',
      disks: [disk('vda', renamed)],
      snapshots: [internal('one', null, { disks: [held('vda', renamed)] })],
    });
    const codes = findings([machine(old), other], [gone, image(renamed, { internalSnapshots: [tag()] })]).map(
      ({ code }) => code,
    );
    expect(codes).toContain('recordWithoutFile');
    expect(codes).not.toContain('dataMoved');
  });
});

it('an image that nobody names may be the one that is missing', () => {
  const moved = image('/elsewhere/web.qcow2');
  const found = findings([vm({ disks: [disk('vda', old)] })], [gone, moved]).find(
    ({ code }) => code === 'fileWithoutRecord',
  );
  expect(found?.message).toContain(`It may be ${old}, which is missing.`);
  expect(found?.remedy).toBe(
    `Do not delete it. If it is what is missing, move it back: mv -n -- /elsewhere/web.qcow2 ${old}`,
  );
});

describe('data of the same name that is not what the record is about', () => {
  const at = (...internalSnapshots: ReturnType<typeof tag>[]) =>
    findings([machine(old)], [image(old, { internalSnapshots })]);

  it('is said to be something else, and is not named as what to remove', () => {
    const [lost, data] = ['recordWithoutFile', 'fileWithoutRecord'].map((code) =>
      at(tag({ createdAt: createdAt - 86_400, memoryBytes: 1 })).find((one) => one.code === code),
    );
    expect(lost?.severity).toBe('critical');
    expect(lost?.message).toContain(`${old} holds something else of that name, of 2026-11-19T`);
    expect(data?.message).toContain('which is the data of no snapshot record');
  });

  it('is told apart by its time from that of the record, and not by its place', () => {
    const [only, ...others] = at(tag({ id: '1', createdAt: createdAt - 86_400 }), tag({ id: '2', memoryBytes: 1 }));
    expect(others).toEqual([]);
    expect(only).toMatchObject({ code: 'fileWithoutRecord' });
    expect(only?.message).toContain('“one” (number 1)');
    expect(only?.remedy).toContain(`qemu-img convert -l snapshot.id=1 -O qcow2 ${old}`);
    expect(only?.remedy).not.toContain('snapshot -d');
  });

  it('lacks the memory that the record promises', () => {
    expect(at(tag())).toMatchObject([{ code: 'recordWithoutFile', severity: 'critical', snapshotName: 'one' }]);
    expect(at(tag({ memoryBytes: 1 }))).toEqual([]);
  });
});

/** Words of remedies that take something away, and what must stand before them. */
it('no remedy that takes data away stands without what keeps a copy', () => {
  const found = findings(
    [vm({ disks: [disk('vda', renamed)] })],
    [image(renamed, { internalSnapshots: [tag()] }), image(`${folder}/loose.qcow2`)],
  );
  const removing = found.filter(({ remedy }) => /qemu-img snapshot -d|delete it/i.test(remedy));
  expect(removing).toHaveLength(2);
  for (const { remedy } of removing) expect(remedy).toMatch(/copy the whole image|set it aside .*Delete it only/);
});
