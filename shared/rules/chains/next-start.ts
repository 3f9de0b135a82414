/** Disks of a running VM that will be other images from its next start on: what is written now is then in an image that is not used. */
import type { Disk, ReadableVm } from '../../model/inventory.ts';
import { writableDisks } from '../inventory/disks.ts';

export interface NextStart {
  readonly disk: Disk;
  /** The image that its definition for the next start names. */
  readonly imageId: string;
  /** A whole sentence. */
  readonly message: string;
}

export function otherAtNextStart(vm: ReadableVm): readonly NextStart[] {
  return writableDisks(vm.disks).flatMap((disk) =>
    (vm.uses ?? [])
      .filter(({ by, use, place }) => by === 'nextStart' && use === 'disk' && place === disk.target)
      .filter(({ imageId }) => imageId !== disk.imageId)
      .map(({ imageId }) => ({
        disk,
        imageId,
        message: `VM “${vm.name}” writes to ${disk.imageId ?? disk.source ?? 'nothing'} (disk ${disk.target}), and from its next start on will use ${imageId} instead: what it writes until then, and snapshots of it, stay in an image that it no longer uses.`,
      })),
  );
}
