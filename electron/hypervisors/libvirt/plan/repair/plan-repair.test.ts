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
import type { Image, ReadableVm, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { planLibvirt } from '../plan.ts';

const [base, first, second, other] = ['web', 'web.s1', 'web.s2', 'other'].map((name) => `${folder}/${name}.qcow2`) as [
  string,
  string,
  string,
  string,
];
const vmUuid = '11111111-1111-4111-8111-111111111111';
const taken = 1_795_200_000;
const later = { modifiedAt: taken + 3600 };
const before = { modifiedAt: taken - 3600 };

function external(name: string, parentId: string | null, data: string, top: string): Snapshot {
  return internal(name, parentId, {
    kind: 'external',
    memory: { kind: 'none' },
    vmState: 'disk-only',
    disks: [{ target: 'vda', kind: 'external', dataImageId: data, overlayImageId: top }],
  });
}

const records = [external('s1', null, base, first), external('s2', 's1', first, second)];
const web = (parts: Partial<ReadableVm> = {}) =>
  vm({ state: 'shutoff', disks: [disk('vda', second)], snapshots: records, currentSnapshotId: 's2', ...parts });
const elsewhere = (imageId: string, parts: Partial<ReadableVm> = {}) =>
  vm({ uuid: '22222222-2222-4222-8222-222222222222', name: 'db', disks: [disk('vda', imageId)], ...parts });

type Parts<Action> = Omit<Extract<ChangeRequest, { action: Action }>, 'action' | 'vmUuid'>;

function plan(request: ChangeRequest, images: readonly Image[], vms: readonly ReadableVm[] = [web()]) {
  return planLibvirt(uri, request, inventory([...vms], images));
}
const codes = (request: ChangeRequest, images: readonly Image[], vms?: readonly ReadableVm[]) =>
  plan(request, images, vms).refusals.map(({ code }) => code);
const mend = (parts: Partial<Parts<'repairRecords'>>): ChangeRequest => ({
  action: 'repairRecords',
  vmUuid,
  drop: [],
  move: [],
  ...parts,
});

describe('repairing records', () => {
  const whole = [image(base, before), overlay(first, base, before), overlay(second, first, later)];

  it('gives up no record of data that is there, not even where it was written to since', () => {
    expect(codes(mend({ drop: ['s1'] }), whole)).toEqual(['recordNeeded']);
    expect(codes(mend({ drop: ['s1'] }), [image(base, later), ...whole.slice(1)])).toEqual(['recordNeeded']);
  });

  it('gives up what a later overlay hangs right on, and what another VM writes to and has written to', () => {
    const merged = [image(base, later), overlay(first, base, before), overlay(second, base, later)];
    expect(codes(mend({ drop: ['s1'] }), merged)).toEqual([]);
    expect(codes(mend({ drop: ['s1'] }), [image(base, later), ...whole.slice(1)], [web(), elsewhere(base)])).toEqual(
      [],
    );
    expect(codes(mend({ drop: ['s1'] }), whole, [web(), elsewhere(base)])).toEqual(['recordNeeded']);
  });

  it('gives up nothing that may only have been moved, and says where storage may not be mounted', () => {
    const gone = [external('s3', 's2', '/mnt/away/web.s3', '/mnt/away/web.s4')];
    const missing = image('/mnt/away/web.s3', { status: 'missing' });
    const vms = [web({ snapshots: [...records, ...gone] })];
    const { refusals, warnings } = plan(mend({ drop: ['s3'] }), [...whole, missing], vms);
    expect(refusals).toEqual([]);
    expect(warnings.map(({ code }) => code)).toContain('mayBeUnmounted');
    expect(codes(mend({ drop: ['s3'] }), [...whole, missing, image(`${folder}/web.s3`)], vms)).toEqual([
      'recordNeeded',
    ]);
  });

  it('compares before a record names another image, and moves none whose overlay was made again for another', () => {
    const merged = [image(base, later), overlay(first, base, before), overlay(second, base, later)];
    expect(plan(mend({ move: ['s2'] }), merged).steps[0]?.argv.at(-1)).toBe(base);
    const again = [...records, external('s3', 's2', base, second)];
    expect(codes(mend({ move: ['s2'] }), merged, [web({ snapshots: again })])).toEqual(['dataNotMoved']);
  });
});

describe('making a record', () => {
  const images = [image(base, before), overlay(first, base, before), overlay(second, first)];
  const adopt = (path: string): ChangeRequest => ({
    action: 'adoptSnapshot',
    vmUuid,
    name: 'new',
    description: '',
    images: { vda: path },
  });

  it('is refused for what has one, what is written to, and what another VM needs', () => {
    expect(codes(adopt(base), images)).toEqual(['alreadyRecorded']);
    expect(codes(adopt(second), images)).toContain('notInChain');
    const without = web({ snapshots: [], currentSnapshotId: null });
    expect(codes(adopt(base), images, [without])).toEqual([]);
    const instance = overlay(other, base);
    expect(codes(adopt(base), [...images, instance], [without, elsewhere(other)])).toEqual(['imageHasDependents']);
  });
});

describe('setting an image aside', () => {
  const left = overlay(other, base);
  const aside: ChangeRequest = { action: 'setAsideImage', vmUuid, imageId: other, to: `${other}.set-aside` };
  const images = [image(base), overlay(first, base), overlay(second, first)];

  it('is refused where anything names it, or could not be read', () => {
    expect(codes(aside, [...images, left])).toEqual([]);
    expect(codes(aside, [...images, left], [web(), elsewhere(other)])).toContain('imageHasDependents');
    expect(codes(aside, [...images, { ...left, otherPaths: ['/x'] }])).toEqual(['otherNames']);
    const unread = { readable: false as const, uuid: 'u', name: 'db', reason: 'no' };
    const { refusals } = planLibvirt(uri, aside, inventory([web(), unread], [...images, left]));
    expect(refusals.map(({ code }) => code)).toEqual(['vmsNotRead']);
  });
});

describe('a base that was moved', () => {
  const missing = image(base, { status: 'missing' });
  const chain = [missing, overlay(first, base), overlay(second, first)];
  const rebase = (baseId: string): ChangeRequest => ({ action: 'rebaseImage', vmUuid, imageId: first, baseId });

  it('is never one that hangs on the overlay, is written to, has another format, or is larger', () => {
    expect(codes(rebase(other), [...chain, image(other)])).toEqual([]);
    expect(codes(rebase(second), chain)).toEqual(['notTheBase']);
    expect(codes(rebase(other), [...chain, image(other)], [web(), elsewhere(other)])).toEqual(['notTheBase']);
    expect(codes(rebase(other), [...chain, image(other, { format: 'raw' })])).toEqual(['notTheBase']);
    expect(codes(rebase(other), [...chain, image(other, { virtualBytes: 2 * 1024 ** 3 })])).toEqual(['baseTooLarge']);
  });

  it('is changed under no VM that runs or whose memory was saved, and names what fits as well', () => {
    expect(codes(rebase(other), [...chain, image(other)], [web({ state: 'running' })])).toEqual(['vmRuns']);
    expect(codes(rebase(other), [...chain, image(other)], [web({ hasManagedSave: true })])).toEqual(['managedSave']);
    const { warnings } = plan(rebase(other), [...chain, image(other), image(`${folder}/another.qcow2`)]);
    expect(warnings.map(({ code }) => code)).toContain('otherCandidates');
  });
});
