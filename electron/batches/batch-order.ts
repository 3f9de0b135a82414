/** In which order the changes of a batch are made. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { BatchRequest } from '../../shared/model/batch.ts';
import type { Inventory, Snapshot } from '../../shared/model/inventory.ts';
import { vmKeyOf } from '../../shared/rules/operations/batch-items.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';

type DeleteRequest = Extract<ChangeRequest, { action: 'deleteSnapshot' }>;

/**
 * The requests in the order in which they are begun: those of one VM together, in the order given but for deletions, which change
 * places among themselves so that no data is copied twice. Merged down, the snapshot above goes into what lies below: parents first.
 * Merged up, the image below goes into the one above: children first. What is asked for twice is there once.
 */
export function orderedRequests(
  requests: readonly BatchRequest[],
  inventoryOf: (hostId: string) => Inventory | null,
): readonly BatchRequest[] {
  const byVm = new Map<string, BatchRequest[]>();
  for (const each of requests) {
    const known = byVm.get(vmKeyOf(each)) ?? [];
    if (!known.some((other) => isDeepStrictEqual(other, each))) byVm.set(vmKeyOf(each), [...known, each]);
  }
  return [...byVm.values()].flatMap((ofVm) => {
    const [first] = ofVm;
    const vm = first && inventoryOf(first.hostId)?.vms.find(({ uuid }) => uuid === first.request.vmUuid);
    return vm?.readable === true ? deletionsInOrder(ofVm, vm.snapshots) : ofVm;
  });
}

function deletionsInOrder(requests: readonly BatchRequest[], snapshots: readonly Snapshot[]): readonly BatchRequest[] {
  const depths = new Map(
    requests.map((each) => [each, isDeletion(each.request) ? depthOf(each.request, snapshots) : 0]),
  );
  const sorted = requests
    .filter(({ request }) => isDeletion(request))
    .sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0));
  let next = 0;
  return requests.map((each) => (isDeletion(each.request) ? (sorted[next++] ?? each) : each));
}

function isDeletion(request: ChangeRequest): request is DeleteRequest {
  return request.action === 'deleteSnapshot';
}

/** How far below the root of the tree it stands; merged up, counted from the other end. */
function depthOf({ snapshotId, direction }: DeleteRequest, snapshots: readonly Snapshot[]): number {
  const parents = new Map(snapshots.map(({ id, parentId }) => [id, parentId]));
  let depth = 0;
  const seen = new Set<string>();
  for (let id: string | null = snapshotId; id !== null && !seen.has(id); id = parents.get(id) ?? null) {
    seen.add(id);
    depth += 1;
  }
  return direction === 'up' ? -depth : depth;
}
