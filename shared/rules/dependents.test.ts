import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UnknownDependents } from '../model/inventory.ts';
import { unknownDependentsOf, unknownDependentsOfAny } from './dependents.ts';

const anyImage = fc.constantFrom('/a', '/b', '/c', '/d');
const anyUnknown = fc.record({
  what: fc.oneof(anyImage, fc.constantFrom('/folder', 'VM x')),
  reason: fc.string(),
  imageIds: fc.option(fc.array(anyImage)),
});
const open = (what: string, imageIds: string[] | null): UnknownDependents => ({ what, reason: 'closed', imageIds });

describe('unknownDependentsOf', () => {
  it('takes what may be any image, and what names the image', () => {
    const all = [open('/folder', null), open('/one', ['/a']), open('/other', ['/b']), open('/none', [])];
    expect(unknownDependentsOf({ unknownDependents: all }, '/a').map(({ what }) => what)).toEqual(['/folder', '/one']);
  });

  it('never counts the image itself, and never leaves out what may be any', () => {
    fc.assert(
      fc.property(fc.array(anyUnknown), anyImage, (unknownDependents, imageId) => {
        const found = unknownDependentsOf({ unknownDependents }, imageId);
        expect(found.every(({ what }) => what !== imageId)).toBe(true);
        const missed = unknownDependents.filter((each) => !found.includes(each));
        expect(missed.every(({ what, imageIds }) => what === imageId || imageIds?.includes(imageId) === false)).toBe(
          true,
        );
      }),
    );
  });
});

describe('unknownDependentsOfAny', () => {
  it('gives each once, exactly those that one of the images has', () => {
    fc.assert(
      fc.property(fc.array(anyUnknown), fc.array(anyImage), (unknownDependents, imageIds) => {
        const found = unknownDependentsOfAny({ unknownDependents }, imageIds);
        expect(new Set(found).size).toBe(found.length);
        const expected = imageIds.flatMap((imageId) => unknownDependentsOf({ unknownDependents }, imageId));
        expect(new Set(found)).toEqual(new Set(expected));
      }),
    );
  });
});
