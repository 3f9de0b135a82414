/** The disks that go back to an external snapshot, and what they go back to. Pure. */
import type { Disk, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation } from '../../../../../shared/model/plan.ts';
import { overlayBeside } from '../../../../../shared/rules/snapshots/new-files.ts';
import type { LibvirtContext } from '../plan-rules.ts';

export type RevertRequest = Extract<ChangeRequest, { action: 'revertToSnapshot' }>;

/** One disk of the snapshot. */
export interface Branch {
  readonly disk: Disk;
  /** The image that holds the snapshot's data. */
  readonly dataId: string;
  /** The new overlay on that. */
  readonly overlay: string;
}

/** The word by which the steps that make the new overlays are known: `$0` of their script. */
export const overlayWord = 'snaptree-overlay';

/** The overlay on that image that a plan which was begun makes, or has made: it keeps its name, which is in nobody's way. */
function begunOverlay(dataId: string, { done, rest }: LibvirtContext): string | null {
  const step = [...done, ...rest].find(({ argv, reads }) => argv.includes(overlayWord) && reads.includes(dataId));
  return step?.creates[0] ?? null;
}

export function branchesOf(snapshot: Snapshot, context: LibvirtContext): readonly Branch[] {
  return snapshot.disks.flatMap(({ target, kind, dataImageId }) => {
    const disk = context.vm.disks.find((each) => each.target === target);
    const begun = dataImageId === null ? null : begunOverlay(dataImageId, context);
    const overlay = begun ?? (disk ? overlayBeside(disk, context.vm, `from-${snapshot.name}`, context.images) : null);
    return kind !== 'external' || dataImageId === null || !disk || overlay === null
      ? []
      : [{ disk, dataId: dataImageId, overlay }];
  });
}

/** A plan that was begun has let the VM use the new overlays already: before that, these have names that nothing has. */
export function isOnNewOverlays(branches: readonly Branch[]): boolean {
  return branches.length > 0 && branches.every(({ disk, overlay }) => disk.imageId === overlay);
}

/** Where the guest's memory is saved; null where it is not, or there is none. */
export function savedMemoryOf({ saveAs, saveMemoryFile }: RevertRequest, { vm }: LibvirtContext): string | null {
  return saveAs === null || vm.state === 'shutoff' ? null : (saveMemoryFile ?? null);
}

/** What holds when the VM uses the new overlays. */
export function hangs(branches: readonly Branch[]): Expectation[] {
  return branches.flatMap(({ disk, dataId, overlay }): Expectation[] => [
    { kind: 'activeLayer', target: disk.target, imageId: overlay },
    { kind: 'imageParent', imageId: overlay, parentId: dataId },
  ]);
}
