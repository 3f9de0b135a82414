/** What a merge would make wrong, told from the images alone. */
import { describe, expect, it } from 'vitest';
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
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
import { planLibvirt } from '../plan.ts';

const uuid = vm().uuid;
const [base, middle, top, active] = ['base', 'middle', 'top', 'active'].map((name) => `${folder}/${name}.qcow2`) as [
  string,
  string,
  string,
  string,
];
const gibibyte = 1024 ** 3;

/** Four images, the active layer last, with these sizes in GiB. */
function chain(sizes: readonly [number, number, number, number]): Image[] {
  const sized = (index: number) => ({ virtualBytes: (sizes[index] ?? 0) * gibibyte });
  return [
    image(base, sized(0)),
    overlay(middle, base, sized(1)),
    overlay(top, middle, sized(2)),
    overlay(active, top, sized(3)),
  ];
}

const commit = (topId: string, baseId: string): ChangeRequest => ({
  action: 'commitImages',
  vmUuid: uuid,
  ranges: [{ target: 'vda', topId, baseId }],
  oneByOne: false,
  bytesPerSecond: null,
});
const pull = (baseId: string | null): ChangeRequest => ({
  action: 'pullImages',
  vmUuid: uuid,
  ranges: [{ target: 'vda', baseId }],
  bytesPerSecond: null,
});

function refusals(request: ChangeRequest, images: Image[], state: 'running' | 'shutoff' = 'running') {
  const host = inventory([vm({ state, disks: [disk('vda', active)] })], images);
  return planLibvirt(uri, request, host).refusals.map(({ code, names }) => [code, ...names]);
}

describe('images that are smaller than one below', () => {
  it('are not merged down, nor up by a block job: what they hide would be read again', () => {
    const images = chain([2, 1, 2, 2]);
    for (const state of ['running', 'shutoff'] as const) {
      expect(refusals(commit(middle, base), images, state)).toEqual([['imageIsShorter', middle]]);
      expect(refusals(commit(active, base), images, state)).toEqual([['imageIsShorter', middle]]);
      expect(refusals(commit(top, middle), images, state)).toEqual([['imageIsShorter', middle]]);
    }
    expect(refusals(pull(base), images)).toEqual([['imageIsShorter', middle]]);
    expect(refusals(pull(base), images, 'shutoff')).toEqual([]);
  });

  it('stand in no way of a merge above or below them, and disks that grew in none at all', () => {
    expect(refusals(commit(active, top), chain([2, 1, 2, 2]))).toEqual([]);
    expect(refusals(commit(active, base), chain([1, 1, 2, 3]))).toEqual([]);
    expect(refusals(pull(null), chain([1, 1, 2, 3]))).toEqual([]);
  });
});

it('a merge of a VM that runs is done only where no job is left on its disk', () => {
  const merging = (request: ChangeRequest) =>
    planLibvirt(uri, request, inventory([vm({ disks: [disk('vda', active)] })], chain([1, 1, 1, 1])))
      .steps.filter(({ writes, onlyLooks }) => writes.length > 0 && !onlyLooks)
      .map(({ verify }) => verify.filter(({ kind }) => kind === 'noBlockJob'));
  const gone = [{ kind: 'noBlockJob', target: 'vda' }];
  expect(merging(commit(top, base))).toEqual([gone]);
  expect(merging(commit(active, top))).toEqual([gone]);
  expect(merging(pull(base))).toEqual([gone]);
});

it('one image after the other, a merge of a VM that is shut off goes by what its disk uses by then', () => {
  const request = { ...commit(active, base), oneByOne: true } as ChangeRequest;
  const host = inventory([vm({ state: 'shutoff', disks: [disk('vda', active)] })], chain([1, 1, 1, 1]));
  const merges = planLibvirt(uri, request, host).steps.filter(({ cancellation }) => cancellation === 'abort');
  const used = merges.map(({ verify }) => verify.flatMap((each) => (each.kind === 'activeLayer' ? each.imageId : [])));
  expect(used).toEqual([[active], [top], [middle]]);
});

it('a merge is warned of that QEMU does not begin: of a guest that stands still since its memory was saved', () => {
  const memory = { kind: 'external', file: `${folder}/web.memory` } as const;
  const saved = (vmState: 'paused' | 'running') =>
    internal('a', null, {
      kind: 'external',
      memory,
      vmState,
      disks: [{ target: 'vda', kind: 'external', dataImageId: top, overlayImageId: active }],
    });
  const codes = (state: 'paused' | 'running', savedAs: 'paused' | 'running') => {
    const machine = vm({ state, disks: [disk('vda', active)], snapshots: [saved(savedAs)], currentSnapshotId: 'a' });
    return [commit(middle, base), pull(base)].map((request) =>
      planLibvirt(uri, request, inventory([machine], chain([1, 1, 1, 1]))).warnings.some(
        ({ code }) => code === 'guestStandsStill',
      ),
    );
  };
  expect(codes('paused', 'paused')).toEqual([true, true]);
  expect(codes('running', 'paused')).toEqual([false, false]);
  expect(codes('paused', 'running')).toEqual([false, false]);
});
