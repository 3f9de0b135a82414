/** A plan in one sentence, to begin with. Pure. */
import type { Image, Inventory } from '../../model/inventory.ts';
import type { Plan, PowerChange } from '../../model/plan.ts';
import { allRooms } from './room-words.ts';
import { count, readableBytes } from '../text/units.ts';

/**
 * Such as `Deletes 19 snapshots, frees no room on storage for certain, no pause.`
 *
 * @param before what was read of the host; null where that is not at hand, and then less is said
 */
export function planSentence(plan: Plan, before: Pick<Inventory, 'images' | 'vms'> | null): string {
  const parts = [deed(plan, goneSnapshots(plan, before)), room(plan, before?.images ?? []), pause(plan)];
  return `${parts.filter((part) => part !== null).join(', ')}.`;
}

/** How many snapshots go; null where that is not known. */
function goneSnapshots({ vmUuid, after }: Plan, before: Pick<Inventory, 'vms'> | null): number | null {
  const vm = before?.vms.find(({ uuid }) => uuid === vmUuid);
  if (!vm?.readable) return null;
  const kept = new Set(after.snapshots.map(({ id }) => id));
  return vm.snapshots.filter(({ id }) => !kept.has(id)).length;
}

function deed({ request, vmName }: Plan, gone: number | null): string {
  switch (request.action) {
    case 'createSnapshot':
      return `Creates an ${request.kind} snapshot`;
    case 'revertToSnapshot':
      return request.saveAs === null
        ? `Takes ${vmName} back to a snapshot`
        : `Saves the present state, then takes ${vmName} back to a snapshot`;
    case 'deleteSnapshot':
      return gone === null ? `Deletes snapshots of ${vmName}` : `Deletes ${count(gone, 'snapshot')}`;
    case 'commitImages':
      return `Merges images of ${vmName} down${gone === null || gone === 0 ? '' : `, which takes ${count(gone, 'snapshot')} away`}`;
    case 'pullImages':
      return `Merges images of ${vmName} up`;
    case 'changePower':
      return `${powerDeeds[request.to]} ${vmName}`;
    case 'cloneVm':
      return request.kind === 'thin'
        ? `Makes the VM ${request.newVm.name} on the images of ${vmName}`
        : `Copies ${vmName} to the new VM ${request.newVm.name}`;
    case 'describeSnapshot':
      return `Changes the description of a snapshot of ${vmName}`;
    case 'renameSnapshot':
      return `Renames a snapshot of ${vmName}`;
    case 'repairRecords':
      return gone === null || gone === 0
        ? `Mends records of snapshots of ${vmName}`
        : `Removes the records of ${count(gone, 'snapshot')} of ${vmName} whose data is gone`;
    case 'defineRecords':
      return `Defines records of snapshots of ${vmName} again`;
    case 'adoptSnapshot':
      return `Makes a record of a snapshot of ${vmName} whose data is there`;
    case 'setAsideImage':
      return 'Gives an image that nobody needs another name';
    case 'rebaseImage':
      return `Lets a broken chain of ${vmName} go on at another image`;
    case 'saveMemory':
      return `Saves the memory of ${vmName} and ends it`;
    case 'restoreMemory':
      return `Lets ${vmName} go on from its saved memory`;
    case 'discardMemory':
      return `Gives up the saved memory of ${vmName}`;
  }
}

const powerDeeds: Readonly<Record<PowerChange, string>> = {
  start: 'Starts',
  shutdown: 'Shuts down',
  destroy: 'Forces off',
  suspend: 'Pauses',
  resume: 'Resumes',
};

/**
 * What is deleted is free for certain, unless what it held goes into another image; what becomes free inside of an image is
 * not.
 */
function room({ request, steps, rooms }: Plan, images: readonly Image[]): string | null {
  const needs = roomNeeded(rooms);
  if (request.action !== 'deleteSnapshot' && request.action !== 'commitImages') {
    const isMoreLater = allRooms(rooms).guestBytes !== 0;
    return needs !== null && isMoreLater ? `${needs} at once` : needs;
  }
  const deleted = new Set(steps.flatMap((step) => step.deletes));
  const freed = images
    .filter(({ id }) => deleted.has(id))
    .reduce((sum, { allocatedBytes }) => sum + (allocatedBytes ?? 0), 0);
  if (needs !== null && freed > 0) return `${needs} at first and frees up to ${readableBytes(freed)}`;
  return freed > 0 ? `frees at least ${readableBytes(freed)}` : 'frees no room on storage for certain';
}

/** Such as `needs at most 2 GiB (likely 1.2 GiB)`; null where it needs none. */
function roomNeeded(rooms: Plan['rooms']): string | null {
  const { likelyBytes, atMostBytes } = allRooms(rooms);
  if (atMostBytes === 0) return null;
  const likely = likelyBytes === null ? null : readableBytes(likelyBytes);
  if (atMostBytes === null) return `needs ${likely === null ? 'nobody knows how much room' : `likely ${likely}`}`;
  const most = readableBytes(atMostBytes);
  return `needs at most ${most}${likely === null || likely === most ? '' : ` (likely ${likely})`}`;
}

function pause({ expectedPause, request }: Plan): string | null {
  // What becomes of the guest is what it is about.
  if (request.action === 'changePower' || request.action === 'saveMemory' || request.action === 'restoreMemory')
    return null;
  return expectedPause === null ? 'no pause' : 'with a pause';
}
