/** Plans a batch: every change for its host as it is now, in order, and the room for all of them. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { BatchPlan, BatchRequest, PlannedBatchItem } from '../../shared/model/batch.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { vmKeyOf, whyLeftOut } from '../../shared/rules/operations/batch-items.ts';
import { batchTitle, changeInWords } from '../../shared/rules/operations/batch-words.ts';
import type { HostReading, PlanService } from '../operations/plans/plans.ts';
import type { Review } from '../store/batch-files.ts';
import { orderedRequests } from './batch-order.ts';
import { reviewOf } from './batch-review.ts';
import { batchRoomNotes, batchRooms, filesDeleted, fillsRoom, roomUses } from './batch-rooms.ts';
import type { RoomUse } from './batch-rooms.ts';
import { asError, plannedInOrder } from './plan-in-order.ts';

/** A batch plan, and what running it needs beside it; by the index of the change. */
export interface PlannedBatch {
  readonly batchPlan: BatchPlan;
  readonly plans: readonly (Plan | null)[];
  readonly reviews: readonly (Review | null)[];
  readonly fills: readonly (readonly string[])[];
}

export interface BatchPlanningParts {
  readonly plans: Pick<PlanService, 'createOn'>;
  /** Reads the host now. Throws what connecting and reading throw. */
  readonly readHost: (hostId: string) => Promise<HostReading>;
  /** Throws `hostNotFound`. */
  readonly hostName: (hostId: string) => string;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly clock: () => number;
  /** A new UUID. */
  readonly newId: () => string;
}

/** Reads each host once and plans each change. Hosts that cannot be read have their changes left out, with the reason. Throws `hostNotFound`. */
export async function planBatch(parts: BatchPlanningParts, requests: readonly BatchRequest[]): Promise<PlannedBatch> {
  const hostIds = [...new Set(requests.map(({ hostId }) => hostId))];
  for (const hostId of hostIds) parts.hostName(hostId);
  const readings = new Map(
    await Promise.all(hostIds.map(async (hostId) => [hostId, await parts.readHost(hostId).catch(asError)] as const)),
  );
  const inventoryOf = (hostId: string) => {
    const reading = readings.get(hostId);
    return reading && !(reading instanceof SnaptreeError) ? reading.inventory : null;
  };
  const plannedItems = await plannedInOrder(parts, orderedRequests(requests, inventoryOf), readings);
  const items: PlannedBatchItem[] = [];
  const reviews: (Review | null)[] = [];
  const uses: (readonly RoomUse[])[] = [];
  const lastOfVm = new Map<string, number>();
  const gone = new Map(hostIds.map((hostId) => [hostId, new Set<string>()] as const));
  for (const [index, { each, outcome, inventory }] of plannedItems.entries()) {
    const { hostId, request } = each;
    const vm = inventoryOf(hostId)?.vms.find(({ uuid }) => uuid === request.vmUuid);
    const plan = outcome instanceof SnaptreeError ? null : outcome;
    const after = lastOfVm.get(vmKeyOf(each)) ?? null;
    const item: PlannedBatchItem = {
      ...each,
      index,
      hostName: parts.hostName(hostId),
      vmName: plan?.vmName ?? vm?.name ?? request.vmUuid,
      title: plan?.title ?? changeInWords(request),
      after,
      plan: plan && withoutTree(plan),
      error: outcome instanceof SnaptreeError ? outcome.toData() : null,
    };
    const goneOnHost = gone.get(hostId);
    const runs = whyLeftOut(item) === null && plan !== null && inventory !== null;
    if (runs) lastOfVm.set(vmKeyOf(each), index);
    items.push(item);
    reviews.push(runs ? reviewOf(plan, inventory, after === null ? plan.fingerprint : null) : null);
    uses.push(runs ? roomUses(plan, inventory, goneOnHost) : []);
    if (runs) for (const path of filesDeleted(plan)) goneOnHost?.add(path);
  }
  const all = batchRooms(items.map(({ hostName, index }) => ({ hostName, uses: uses[index] ?? [] })));
  const rooms = all.filter((room) => fillsRoom(room) || room.freedBytes > 0);
  return {
    batchPlan: {
      id: parts.newId(),
      title: batchTitle(items),
      createdAt: Math.floor(parts.clock()),
      items,
      rooms,
      ...batchRoomNotes(rooms),
    },
    plans: plannedItems.map(({ outcome }) => (outcome instanceof SnaptreeError ? null : outcome)),
    reviews,
    fills: uses.map((ofItem) => ofItem.filter(fillsRoom).map(({ key }) => key)),
  };
}

function withoutTree({ after: _after, script: _script, ...plan }: Plan): PlannedBatchItem['plan'] {
  return plan;
}
