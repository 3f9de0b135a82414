import { describe, expect, it } from 'vitest';
import {
  disk,
  folder,
  image,
  internal,
  inventory,
  overlay,
  uri,
  vm,
} from '../../../../../shared/model/inventory.fixtures.ts';
import type { ReadableVm, Snapshot } from '../../../../../shared/model/inventory.ts';
import { planLibvirt } from '../plan.ts';

const base = `${folder}/web.qcow2`;
const top = `${folder}/web.s1.qcow2`;
const vmUuid = '11111111-1111-4111-8111-111111111111';
const external = (name: string, parentId: string | null, parts: Partial<Snapshot> = {}) =>
  internal(name, parentId, {
    kind: 'external',
    memory: { kind: 'none' },
    vmState: 'disk-only',
    disks: [{ target: 'vda', kind: 'external', dataImageId: base, overlayImageId: top }],
    ...parts,
  });
const host = (snapshots: readonly Snapshot[], parts: Partial<ReadableVm> = {}) =>
  inventory(
    [vm({ disks: [disk('vda', top)], snapshots: [...snapshots], currentSnapshotId: 's1', ...parts })],
    [image(base), overlay(top, base)],
  );
const rename = (name: string, on = host([external('s1', null), external('s2', 's1')])) =>
  planLibvirt(uri, { action: 'renameSnapshot', vmUuid, snapshotId: 's1', name }, on);
const redescribe = (description: string, on = host([external('s1', null)])) =>
  planLibvirt(uri, { action: 'describeSnapshot', vmUuid, snapshotId: 's1', description }, on);
const codes = (notes: readonly { code: string }[]) => notes.map(({ code }) => code);

describe('renaming a snapshot', () => {
  it('is one step on its record and on those right below, which touches no image', () => {
    const { steps, after, refusals } = rename('a & b');
    expect(refusals).toEqual([]);
    expect(steps).toMatchObject([{ writes: [], creates: [], deletes: [], whenInterrupted: 'redo' }]);
    expect(steps[0]?.argv.slice(3)).toEqual([
      'snaptree-rename',
      uri,
      vmUuid,
      's1',
      'a & b',
      'a &amp; b',
      'current',
      's2',
    ]);
    expect(steps[0]?.verify).toEqual(
      expect.arrayContaining([
        { kind: 'snapshotAbsent', snapshotId: 's1' },
        { kind: 'currentSnapshot', snapshotId: 'a & b' },
        { kind: 'snapshotParent', snapshotId: 's2', parentId: 'a & b' },
        { kind: 'snapshotData', snapshotId: 'a & b', target: 'vda', dataImageId: base },
      ]),
    );
    expect(after.snapshots.map(({ id, parentId }) => [id, parentId])).toEqual([
      ['a & b', null],
      ['s2', 'a & b'],
    ]);
    expect(after.currentSnapshotId).toBe('a & b');
  });

  it.each(['internal', 'mixed', 'unknown'] as const)('is refused for one that is %s', (kind) => {
    expect(codes(rename('new', host([internal('s1', null, { kind })])).refusals)).toEqual(['nameInData']);
  });

  it('is refused for a name that is taken, or that libvirt cannot keep, and for a record that is not whole', () => {
    expect(codes(rename('s2').refusals)).toEqual(['nameTaken']);
    expect(codes(rename('s1').refusals)).toEqual(['nameTaken']);
    expect(codes(rename('a/b').refusals)).toEqual(['badName']);
    expect(codes(rename('new', host([external('s1', null, { unknownPart: 'Half.' })])).refusals)).toEqual([
      'recordIncomplete',
    ]);
    expect(codes(rename('new', host([external('s1', null)], { persistent: false })).refusals)).toEqual(['transient']);
  });
});

describe('describing a snapshot', () => {
  it('keeps the text as libvirt writes it, for every kind', () => {
    const { steps, warnings } = redescribe('<b> & "c"\r\nd', host([internal('s1', null, { description: 'was' })]));
    expect(steps[0]?.argv.at(-1)).toBe('&lt;b&gt; &amp; &quot;c&quot;&#13;\nd');
    expect(warnings).toMatchObject([{ code: 'descriptionReplaced' }]);
  });

  it('is refused where nothing would change, or libvirt could not keep it', () => {
    expect(codes(redescribe('').refusals)).toEqual(['nothingToDo']);
    expect(codes(redescribe('bell \u0007').refusals)).toEqual(['badDescription']);
  });
});
