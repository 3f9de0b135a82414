/**
 * Records of external snapshots that name an older image than the one that holds their data. libvirt 9.0 writes that into the record of a
 * snapshot when the one above it in the tree is removed without its data (`virsh snapshot-delete --metadata`): going back to it would
 * give the state of the removed one, without a word (seen there; not on 7.0 and 11.3). Pure.
 */
import type { Image, Snapshot } from '../../model/inventory.ts';
import { chainFrom } from '../chains/chains.ts';
import { isWrittenSince } from './snapshot-data.ts';

export interface RenamedData {
  readonly snapshot: Snapshot;
  readonly target: string;
  /** What the record says. */
  readonly recordedId: string;
  /** The overlay that was made when the snapshot was taken. */
  readonly overlayId: string;
  /** What that hangs on, and so most likely the data. */
  readonly parentId: string;
}

/**
 * An overlay is made on the image that holds the data. It comes to hang on a lower one by merges, never on a higher one. Where what it
 * hangs on was written to after the snapshot was taken, it is not what the snapshot held, and may be another overlay of that name.
 */
export function renamedData(
  snapshots: readonly Snapshot[],
  images: ReadonlyMap<string, Image>,
): readonly RenamedData[] {
  return snapshots.flatMap((snapshot) =>
    snapshot.disks.flatMap(({ target, kind, dataImageId, overlayImageId }): readonly RenamedData[] => {
      if (kind !== 'external' || dataImageId === null || overlayImageId === null) return [];
      if (images.get(overlayImageId)?.parent?.imageId === dataImageId) return [];
      const [, parent, ...below] = chainFrom(overlayImageId, images).images;
      if (!parent || !below.some(({ id }) => id === dataImageId) || isWrittenSince(snapshot, parent) === true)
        return [];
      return [{ snapshot, target, recordedId: dataImageId, overlayId: overlayImageId, parentId: parent.id }];
    }),
  );
}

/** What is wrong with it, in sentences. */
export function wordsOfRenamed({ snapshot, target, recordedId, overlayId, parentId }: RenamedData): string {
  return `The record of “${snapshot.name}” says that its data of disk ${target} is in ${recordedId}, but the overlay that was made for it, ${overlayId}, hangs on ${parentId}, which lies above that. libvirt 9.0 writes an older image into a record when the snapshot before it is removed by virsh snapshot-delete --metadata: going back would give the state of that.`;
}

export function remedyOfRenamed({ recordedId, parentId }: RenamedData): string {
  return `Look at what ${parentId} holds. If it is the data, keep a copy of the record (virsh snapshot-dumpxml --security-info), and put ${parentId} in the place of ${recordedId} in the disk of its <domain> (virsh snapshot-edit).`;
}
