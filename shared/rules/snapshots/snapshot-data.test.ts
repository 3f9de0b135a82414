import { expect, it } from 'vitest';
import { folder, held, image, internal, vm } from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { dataIn, dataKey, lacksMemory, recordedData } from './snapshot-data.ts';

const path = `${folder}/web.qcow2`;
const createdAt = 1_795_200_000;
const record = internal('one', null, { createdAt, disks: [held('vda', path)] });
const tag = (id: string, parts = {}) => ({ id, name: 'one', createdAt, memoryBytes: 0, ...parts });
const holding = (...internalSnapshots: ReturnType<typeof tag>[]) => image(path, { internalSnapshots });

it('goes by the time where there are several of a name, and not by their order', () => {
  const [early, right] = [tag('1', { createdAt: createdAt - 90 }), tag('2', { createdAt: createdAt + 1 })];
  expect(dataIn(record, holding(early, right))).toEqual({ kind: 'own', internal: right });
  expect(recordedData([vm({ snapshots: [record] })], imagesById([holding(early, right)]))).toEqual(
    new Set([dataKey(holding(), right)]),
  );
});

it('is other data where nothing of that name is of that time', () => {
  const other = tag('1', { createdAt: createdAt - 86_400 });
  expect(dataIn(record, holding(other))).toEqual({ kind: 'other', internals: [other] });
  expect(dataIn({ ...record, createdAt: null }, holding(other))).toEqual({ kind: 'own', internal: other });
  expect(dataIn(record, holding(tag('1', { name: 'two' })))).toEqual({ kind: 'none' });
});

it('lacks its memory where all its images were read and none holds it', () => {
  const lacks = (...images: Parameters<typeof imagesById>[0]) => lacksMemory(record, imagesById(images));
  expect(lacks(holding(tag('1')))).toBe(true);
  expect(lacks(holding(tag('1', { memoryBytes: 1 })))).toBe(false);
  expect(lacks(holding(tag('1', { createdAt: 0 })))).toBe(false);
  expect(lacks()).toBe(false);
  const withoutMemory = { ...record, memory: { kind: 'none' } as const };
  expect(lacksMemory(withoutMemory, imagesById([holding(tag('1'))]))).toBe(false);
});
