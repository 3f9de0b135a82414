import { expect, test } from 'vitest';
import { disk, image, vm } from '../../model/inventory.fixtures.ts';
import type { ReadableVm } from '../../model/inventory.ts';
import { imagesById } from '../chains/chains.ts';
import { nameOfPoint, restorePointsOf } from './restore-points.ts';

const old = { file: '/vms/old.memory', savedAt: 100, allocatedBytes: 1 };
const last = { file: '/vms/last.memory', savedAt: 200, allocatedBytes: null };
const points = (change: Partial<ReadableVm>, writtenAt: number | null) =>
  restorePointsOf(
    vm({ state: 'shutoff', disks: [disk('vda', '/vms/a')], savedMemory: [old, last], ...change }),
    imagesById([image('/vms/a', { modifiedAt: writtenAt })]),
  ).map((point) => [nameOfPoint(point), point.worn]);

test('a guest goes on from memory as long as no disk was written to since', () => {
  expect(points({}, 100)).toEqual([
    ['old.memory', null],
    ['last.memory', null],
  ]);
  expect(points({}, 150)).toEqual([
    ['old.memory', 'writtenSince'],
    ['last.memory', null],
  ]);
  expect(points({}, null).map(([, worn]) => worn)).toEqual([null, null]);
});

test('memory is of no use while the VM runs', () => {
  expect(points({ state: 'running' }, 150)).toEqual([
    ['old.memory', 'writtenSince'],
    ['last.memory', 'running'],
  ]);
  expect(points({ state: 'paused', savedMemory: [], hasManagedSave: true }, 150)).toEqual([
    ['Managed save', 'running'],
  ]);
});

test('what is not written to by the guest says nothing', () => {
  const readOnly = { ...disk('vda', '/vms/a'), readOnly: true };
  expect(points({ disks: [readOnly] }, 300).map(([, worn]) => worn)).toEqual([null, null]);
});
