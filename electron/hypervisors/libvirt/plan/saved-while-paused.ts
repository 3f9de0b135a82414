/** Guests that stand still since their memory was saved. Pure. */
import type { ReadableVm, Snapshot } from '../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../shared/model/plan.ts';
import { note } from '../../../../shared/rules/text/plan-note.ts';

/**
 * The snapshot for which the memory of a VM was saved while it was paused, as it is now; null where there is none. Whether its guest
 * went on in between is not to be had from libvirt.
 */
export function savedWhilePaused({ state, snapshots, currentSnapshotId }: ReadableVm): Snapshot | null {
  if (state !== 'paused') return null;
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const seen = new Set<string>();
  for (let id = currentSnapshotId; id !== null && !seen.has(id);) {
    seen.add(id);
    const snapshot = byId.get(id);
    if (snapshot?.memory.kind === 'external' && snapshot.vmState === 'paused') return snapshot;
    id = snapshot?.parentId ?? null;
  }
  return null;
}

/**
 * QEMU lets go of the images when the memory is saved, and takes them up when the guest goes on. Until then it begins no commit (“Block
 * node is read-only” of QEMU 5.2 and 7.2, “Inactive … can't be a backing child” of 10), and QEMU 10 no pull either (seen with libvirt
 * 7.0, 9.0 and 11.3).
 */
export function standsStillWarnings(vm: ReadableVm): PlanNote[] {
  const snapshot = savedWhilePaused(vm);
  return snapshot === null
    ? []
    : [
        note(
          'guestStandsStill',
          `${vm.name} is paused, and was when its memory was saved for "${snapshot.name}". Where its guest has not gone on since, QEMU does not begin the merge, and nothing is changed. Let the guest go on first (virsh resume ${vm.uuid}).`,
          [snapshot.name],
        ),
      ];
}
