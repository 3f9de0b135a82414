/** A plan in one sentence, to begin with. Pure. */
import type { Image } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { allRooms } from '../../shared/rules/room-words.ts';
import { count, formatBytes } from '../design/format.ts';

/** Such as `Deletes 19 snapshots, frees no room on storage for certain, no pause.` */
export function planSentence(plan: Plan, images: readonly Image[], goneSnapshots: number): string {
  const parts = [deed(plan, goneSnapshots), room(plan, images), pause(plan)];
  return `${parts.filter((part) => part !== null).join(', ')}.`;
}

function deed({ request, vmName }: Plan, goneSnapshots: number): string {
  switch (request.action) {
    case 'createSnapshot':
      return `Creates an ${request.kind} snapshot`;
    case 'revertToSnapshot':
      return request.saveAs === null
        ? `Takes ${vmName} back to a snapshot`
        : `Saves the present state, then takes ${vmName} back to a snapshot`;
    case 'deleteSnapshot':
      return `Deletes ${count(goneSnapshots, 'snapshot')}`;
    case 'commitImages':
      return `Merges images of ${vmName} down${goneSnapshots === 0 ? '' : `, which takes ${count(goneSnapshots, 'snapshot')} away`}`;
    case 'pullImages':
      return `Merges images of ${vmName} up`;
  }
}

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
  if (needs !== null && freed > 0) return `${needs} at first and frees up to ${formatBytes(freed)}`;
  return freed > 0 ? `frees at least ${formatBytes(freed)}` : 'frees no room on storage for certain';
}

/** Such as `needs at most 2 GiB (likely 1.2 GiB)`; null where it needs none. */
function roomNeeded(rooms: Plan['rooms']): string | null {
  const { likelyBytes, atMostBytes } = allRooms(rooms);
  if (atMostBytes === 0) return null;
  const likely = likelyBytes === null ? null : formatBytes(likelyBytes);
  if (atMostBytes === null) return `needs ${likely === null ? 'nobody knows how much room' : `likely ${likely}`}`;
  const most = formatBytes(atMostBytes);
  return `needs at most ${most}${likely === null || likely === most ? '' : ` (likely ${likely})`}`;
}

function pause({ expectedPause }: Plan): string {
  return expectedPause === null ? 'no pause' : 'with a pause';
}
