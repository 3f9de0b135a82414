/** What the readings of one host remember of its images, so that the next one examines only what changed. */
import type { ImageKnowledge } from './image-knowledge.ts';
import type { ImageRequest } from './assemble-images.ts';
import type { ImageReading } from './read-images.ts';
import type { WalkRequest, WalkTask } from './walk-script.ts';

/**
 * Belongs to one host and one way of reading it (libvirt URI, user). Hand it to the readings that only show what is
 * there; never to those that plans are made from.
 */
export interface ImageMemory {
  /** Null: nothing is remembered, and the next reading examines everything. */
  known: RememberedImages | null;
}

export interface RememberedImages {
  /** What was asked for, as it was given, and as paths. */
  readonly requests: readonly ImageRequest[];
  readonly named: readonly string[];
  readonly lookFor: readonly string[];
  readonly wanted: readonly WalkRequest[];
  readonly folders: readonly string[];
  readonly knowledge: ImageKnowledge;
  /** Images that changed lately and probably did again: running VMs write to them. */
  readonly busy: ReadonlySet<string>;
  readonly reading: ImageReading;
  /** What was asked to see whether anything changed, when nothing had, and a mark of the answer. */
  readonly quiet: { readonly task: Partial<WalkTask>; readonly mark: string } | null;
}

/** A memory with nothing in it. */
export function createImageMemory(): ImageMemory {
  return { known: null };
}
