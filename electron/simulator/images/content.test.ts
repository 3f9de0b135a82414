import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fill, firstBytes, holds, overlay, storedBytes, type Content, type Extent } from './content.ts';

const extent = fc
  .record({ start: fc.nat(40), length: fc.integer({ min: 1, max: 20 }), byte: fc.integer({ min: 1, max: 5 }) })
  .map(({ start, length, byte }): Extent => ({ start, end: start + length, byte }));
const contents = fc.array(extent, { maxLength: 8 }).map((extents) => extents.reduce<Content>(fill, []));

/** What a content means, byte by byte; 0 where nothing is. */
const bytesOf = (content: Content): number[] =>
  Array.from({ length: 64 }, (_, at) => content.find(({ start, end }) => start <= at && at < end)?.byte ?? 0);

describe('the content of an image', () => {
  it('is ordered and without overlaps, whatever is written', () => {
    fc.assert(
      fc.property(contents, (content) => {
        for (const [index, { start, end }] of content.entries()) {
          expect(start).toBeLessThan(end);
          expect(content[index + 1]?.start ?? Infinity).toBeGreaterThanOrEqual(end);
        }
      }),
    );
  });

  it('shows what was written last', () => {
    fc.assert(
      fc.property(contents, extent, (content, written) => {
        const before = bytesOf(content);
        const expected = before.map((byte, at) => (written.start <= at && at < written.end ? written.byte : byte));
        expect(bytesOf(fill(content, written))).toEqual(expected);
        expect(bytesOf(content)).toEqual(before);
      }),
    );
  });

  it('reads through the images above others as it reads when they are committed', () => {
    fc.assert(
      fc.property(contents, contents, extent, (lower, upper, range) => {
        const read = bytesOf(overlay(lower, upper)).slice(range.start, range.end);
        expect(holds([upper, lower], range)).toBe(read.every((byte) => byte === range.byte));
        expect(holds([upper, lower], { ...range, byte: 0 })).toBe(read.every((byte) => byte === 0));
      }),
    );
  });

  it('has so many first bytes, which are the ones it has', () => {
    fc.assert(
      fc.property(contents, fc.nat(60), (content, bytes) => {
        const first = firstBytes(content, bytes);
        expect(storedBytes([first])).toBe(Math.min(bytes, storedBytes([content])));
        expect(bytesOf(overlay(content, first))).toEqual(bytesOf(content));
      }),
    );
  });

  it('takes its place once where snapshots share it', () => {
    const kept = fill([], { start: 0, end: 10, byte: 1 });
    expect(storedBytes([kept, fill(kept, { start: 20, end: 25, byte: 2 })])).toBe(15);
  });
});
