/** What the walks over a host's images have found so far. */
import type { WalkedFolder, WalkedImage } from './walk-result.ts';

export interface ImageKnowledge {
  readonly images: Map<string, WalkedImage>;
  readonly realPaths: Map<string, string>;
  readonly folders: Map<string, WalkedFolder>;
  readonly readAsRaw: Set<string>;
}
