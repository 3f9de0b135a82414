/** In which order the changes of a batch are made. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { BatchRequest } from '../../shared/model/batch.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { vmKeyOf } from '../../shared/rules/operations/batch-items.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { depthsOf } from '../../shared/rules/snapshots/snapshot-forest.ts';

type DeleteRequest = Extract<ChangeRequest, { action: 'deleteSnapshot' }>;

/**
 * The requests in the order in which they are begun: those of one VM together, in the order given but for deletions with nothing else
 * between them, which change places among themselves so that no data is copied twice. Merged down, the snapshot above goes into what
 * lies below: parents first. Merged up, the image below goes into the one above: children first. What is asked for twice, with nothing
 * or nothing but deletions between, is there once: a guest that is paused before each of two snapshots is paused twice.
 */
export function orderedRequests(
  requests: readonly BatchRequest[],
  inventoryOf: (hostId: string) => Inventory | null,
): readonly BatchRequest[] {
  const byVm = Map.groupBy(requests, vmKeyOf);
  return [...byVm.values()].flatMap((ofVm) => {
    const [first] = ofVm;
    const vm = first && inventoryOf(first.hostId)?.vms.find(({ uuid }) => uuid === first.request.vmUuid);
    const depths = depthsOf(vm?.readable === true ? vm.snapshots : []);
    return stretches(ofVm).flatMap((stretch) => deletionsInOrder(stretch, depths));
  });
}

/** Deletions that follow each other together, everything else by itself, each without repetitions. */
function stretches(ofVm: readonly BatchRequest[]): readonly (readonly BatchRequest[])[] {
  const all: BatchRequest[][] = [];
  for (const each of ofVm) {
    const last = all.at(-1);
    if (last?.some((other) => isDeepStrictEqual(other, each)) === true) continue;
    if (last?.every(({ request }) => isDeletion(request)) === true && isDeletion(each.request)) last.push(each);
    else all.push([each]);
  }
  return all;
}

/** A snapshot with all below it comes before that snapshot alone, of which nothing is left then. */
function deletionsInOrder(
  stretch: readonly BatchRequest[],
  depths: ReadonlyMap<string, number>,
): readonly BatchRequest[] {
  const placeOf = ({ request }: BatchRequest) => {
    if (!isDeletion(request)) return 0;
    const depth = depths.get(request.snapshotId) ?? 0;
    // Merged up, the tree is walked from its other end.
    return request.direction === 'up' ? -depth : depth;
  };
  const isWide = ({ request }: BatchRequest) => isDeletion(request) && request.withDescendants;
  return stretch.toSorted((a, b) => placeOf(a) - placeOf(b) || Number(isWide(b)) - Number(isWide(a)));
}

function isDeletion(request: ChangeRequest): request is DeleteRequest {
  return request.action === 'deleteSnapshot';
}

/**
 * Requests, in their order, of which neighbours can be one: deletions of external snapshots of a VM of which each is the parent of
 * the next, merged down. What lies between the first and the last is then merged once, by one operation, instead of by as many as
 * there are snapshots.
 */
export function neighbours(
  ordered: readonly BatchRequest[],
  inventoryOf: (hostId: string) => Inventory | null,
): readonly (readonly BatchRequest[])[] {
  const runs: BatchRequest[][] = [];
  for (const each of ordered) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && vmKeyOf(last) === vmKeyOf(each) && areNeighbours(last, each, inventoryOf(each.hostId)))
      run.push(each);
    else runs.push([each]);
  }
  return runs;
}

function areNeighbours(upper: BatchRequest, lower: BatchRequest, inventory: Inventory | null): boolean {
  const vm = inventory?.vms.find(({ uuid }) => uuid === upper.request.vmUuid);
  if (!vm?.readable) return false;
  const [above, below] = [upper, lower].map(({ request }) => {
    const isPlain =
      isDeletion(request) && !request.withDescendants && request.direction !== 'up' && !request.otherSnapshotIds;
    return isPlain ? vm.snapshots.find(({ id, kind }) => kind === 'external' && id === request.snapshotId) : undefined;
  });
  return above !== undefined && below?.parentId === above.id;
}

/** Deletions that are neighbours, as one. */
export function asOneDeletion(run: readonly BatchRequest[]): BatchRequest | null {
  const [first, ...others] = run;
  const otherSnapshotIds = others.flatMap(({ request }) => (isDeletion(request) ? request.snapshotId : []));
  if (!first || !isDeletion(first.request) || otherSnapshotIds.length === 0) return null;
  return { ...first, request: { ...first.request, otherSnapshotIds } };
}
