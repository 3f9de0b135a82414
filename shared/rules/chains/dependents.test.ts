import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UnknownDependents } from '../../model/inventory.ts';
import { unknownDependentsOf, unknownDependentsOfAny } from './dependents.ts';

const anyImage = fc.constantFrom('/a', '/b', '/c', '/d');
const anyUnknown = fc
  .record({
    // A folder, a volume or a VM can be called as an image is.
    what: anyImage,
    reason: fc.string(),
    imageIds: fc.option(fc.array(anyImage)),
    own: fc.option(anyImage),
  })
  .map(({ own, ...rest }): UnknownDependents => ({
    ...rest,
    ...(own !== null && { subject: { kind: 'image', id: own, part: 'backing' } }),
  }));
const isOwn = ({ subject }: UnknownDependents, imageId: string) => subject?.kind === 'image' && subject.id === imageId;
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
        expect(found.some((each) => isOwn(each, imageId))).toBe(false);
        const missed = unknownDependents.filter((each) => !found.includes(each));
        expect(missed.every((each) => isOwn(each, imageId) || each.imageIds?.includes(imageId) === false)).toBe(true);
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
