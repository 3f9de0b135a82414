/** What the readings of one host remember of its images, so that the next one examines only what changed. */
import type { ImageKnowledge } from './image-knowledge.ts';

/**
 * Belongs to one host and one way of reading it (libvirt URI, user). Hand it to the readings that only show what is
 * there; never to those that plans are made from.
 */
export interface ImageMemory {
  /** Null: nothing is remembered, and the next reading examines everything. */
  known: RememberedImages | null;
}

export interface RememberedImages {
  /** What was asked for; with other questions the memory is of no use. */
  readonly question: string;
  readonly knowledge: ImageKnowledge;
}

/** A memory with nothing in it. */
export function createImageMemory(): ImageMemory {
  return { known: null };
}
