import { expect, it } from 'vitest';
import { allocatedBytes, newImage, takeInternal, withoutInternal } from './disk-image.ts';

it('an image gets no smaller when a snapshot is deleted from it, and uses the room again', () => {
  const snapshot = { name: 'a', createdAt: 0, memoryBytes: 1_000_000, memory: null };
  const image = takeInternal(newImage({ virtualBytes: 1024 ** 3 }), snapshot);
  const [taken] = image.snapshots;
  if (!taken) throw new Error('There is no snapshot.');
  const after = withoutInternal(image, taken);
  expect(after.snapshots).toEqual([]);
  expect(allocatedBytes(after)).toBe(allocatedBytes(image));
  expect(allocatedBytes(takeInternal(after, snapshot))).toBe(allocatedBytes(image));
});
