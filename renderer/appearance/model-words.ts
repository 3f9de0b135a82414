/** The model's values in the words of the field. */
import type { Snapshot, SnapshotDisk } from '../../shared/model/inventory.ts';

export const snapshotKindWords: Readonly<Record<Snapshot['kind'], string>> = {
  internal: 'internal',
  external: 'external',
  mixed: 'mixed',
  volume: 'volume',
  copy: 'copy',
  unknown: 'unknown',
};

export const diskKindWords: Readonly<Record<SnapshotDisk['kind'], string>> = {
  none: 'not in this snapshot',
  internal: 'inside the image',
  external: 'in the layer below',
  volume: 'in a volume of its own',
  copy: 'in a copy',
};
