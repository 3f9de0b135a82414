/** What the readings of one host remember of its images, so that the next one examines only what changed. */
import type { ImageKnowledge } from './image-knowledge.ts';
import type { WalkRequest } from './walk-script.ts';

/**
 * Belongs to one host and one way of reading it (libvirt URI, user). Hand it to the readings that only show what is
 * there; never to those that plans are made from.
 */
export interface ImageMemory {
  /** Null: nothing is remembered, and the next reading examines everything. */
  known: RememberedImages | null;
}

export interface RememberedImages {
  /** What was asked for. */
  readonly wanted: readonly WalkRequest[];
  readonly folders: readonly string[];
  readonly knowledge: ImageKnowledge;
  /** Images that changed lately and probably did again: running VMs write to them. */
  readonly busy: ReadonlySet<string>;
}

/** A memory with nothing in it. */
export function createImageMemory(): ImageMemory {
  return { known: null };
}
