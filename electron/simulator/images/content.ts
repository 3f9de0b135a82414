/**
 * What is stored in a simulated disk, as ranges that hold one byte each: enough to tell whose data is where, and small
 * for disks of any size. Contents are never changed; writing gives a new one, which shares the ranges that stay.
 */

export interface Extent {
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  readonly byte: number;
}

/** Ordered, without overlaps. Bytes in no extent are not stored here: a backing image shows through, or they are zero. */
export type Content = readonly Extent[];

export const nothing: Content = [];

/** `content` with one range filled. */
export function fill(content: Content, { start, end, byte }: Extent): Content {
  if (end <= start) return content;
  const before: Extent[] = [];
  const after: Extent[] = [];
  for (const extent of content) {
    if (extent.end <= start) before.push(extent);
    else if (extent.start >= end) after.push(extent);
    else {
      if (extent.start < start) before.push({ ...extent, end: start });
      if (extent.end > end) after.push({ ...extent, start: end });
    }
  }
  return [...before, { start, end, byte }, ...after];
}

/** `lower` with everything of `upper` written over it: what a commit leaves in the lower image. */
export function overlay(lower: Content, upper: Content): Content {
  return upper.reduce(fill, lower);
}

/** True where a range of a stack of contents (uppermost first) holds only this byte. What is nowhere is zero. */
export function holds(stack: readonly Content[], { start, end, byte }: Extent): boolean {
  const merged = [...stack].reverse().reduce(overlay, nothing);
  let position = start;
  for (const extent of merged) {
    if (extent.end <= position) continue;
    if (extent.start >= end) break;
    if (extent.start > position && byte !== 0) return false;
    if (extent.byte !== byte) return false;
    position = Math.min(extent.end, end);
  }
  return position >= end || byte === 0;
}

/** The first byte in which two contents differ, read as disks of their own; null where they are the same. What is nowhere is zero. */
export function firstDifference(first: Content, second: Content): number | null {
  const edges = [...first, ...second].flatMap(({ start, end }) => [start, end]);
  const byteAt = (content: Content, position: number): number =>
    content.find(({ start, end }) => start <= position && position < end)?.byte ?? 0;
  return edges.toSorted((a, b) => a - b).find((at) => byteAt(first, at) !== byteAt(second, at)) ?? null;
}

/** The first so many stored bytes. */
export function firstBytes(content: Content, bytes: number): Content {
  const first: Extent[] = [];
  let left = bytes;
  for (const { start, end, byte } of content) {
    if (left <= 0) break;
    first.push({ start, end: Math.min(end, start + left), byte });
    left -= end - start;
  }
  return first;
}

/** How many bytes several contents take that share what they have in common, as snapshots in one image do. */
export function storedBytes(contents: readonly Content[]): number {
  const extents = new Set(contents.flat());
  return [...extents].reduce((sum, { start, end }) => sum + end - start, 0);
}
