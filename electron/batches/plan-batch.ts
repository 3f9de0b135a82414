/** Plans a batch: every change for its host as it is now, in order, and the room for all of them. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { BatchPlan, BatchRequest, PlannedBatchItem } from '../../shared/model/batch.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { vmKeyOf, whyLeftOut } from '../../shared/rules/operations/batch-items.ts';
import { batchTitle, changeInWords } from '../../shared/rules/operations/batch-words.ts';
import type { HostReading, PlanService } from '../operations/plans/plans.ts';
import type { Review } from '../store/batch-files.ts';
import { asOneDeletion, neighbours, orderedRequests } from './batch-order.ts';
import { reviewOf } from './batch-review.ts';
import { batchRoomNotes, batchRooms, fillsRoom, roomUses } from './batch-rooms.ts';
import type { RoomUse } from './batch-rooms.ts';

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
  const ordered = orderedRequests(requests, inventoryOf);
  const planOne = async ({ hostId, request }: BatchRequest): Promise<Plan | SnaptreeError> => {
    const reading = readings.get(hostId);
    if (!reading || reading instanceof SnaptreeError) {
      return reading ?? new SnaptreeError('hostNotFound', 'This host is not known.');
    }
    return parts.plans.createOn(hostId, request, reading).catch(asError);
  };
  const planned = await plannedInRuns(neighbours(ordered, inventoryOf), planOne);
  const items: PlannedBatchItem[] = [];
  const plans: (Plan | null)[] = [];
  const reviews: (Review | null)[] = [];
  const uses: (readonly RoomUse[])[] = [];
  const lastOfVm = new Map<string, number>();
  for (const [index, { each, outcome }] of planned.entries()) {
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
    const inventory = inventoryOf(hostId);
    const runs = whyLeftOut(item) === null && plan !== null && inventory !== null;
    if (runs) lastOfVm.set(vmKeyOf(each), index);
    items.push(item);
    plans.push(plan);
    reviews.push(runs ? reviewOf(plan, inventory, after === null ? plan.fingerprint : null) : null);
    uses.push(runs ? roomUses(plan, inventory) : []);
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
    plans,
    reviews,
    fills: uses.map((ofItem) => ofItem.filter(fillsRoom).map(({ key }) => key)),
  };
}

interface PlannedRequest {
  readonly each: BatchRequest;
  readonly outcome: Plan | SnaptreeError;
}

/** Neighbours as one where that can be done and is sure to find its room, since nothing of it is deleted before its end; else each by itself. */
async function plannedInRuns(
  runs: readonly (readonly BatchRequest[])[],
  planOne: (each: BatchRequest) => Promise<Plan | SnaptreeError>,
): Promise<readonly PlannedRequest[]> {
  const planned: PlannedRequest[] = [];
  for (const run of runs) {
    const one = asOneDeletion(run);
    const whole = one && (await planOne(one));
    if (one && whole && !(whole instanceof SnaptreeError) && isSureToFit(whole)) {
      planned.push({ each: one, outcome: whole });
    } else {
      for (const each of run) planned.push({ each, outcome: await planOne(each) });
    }
  }
  return planned;
}

function isSureToFit({ refusals, rooms }: Plan): boolean {
  return (
    refusals.length === 0 &&
    rooms.every(({ atMostBytes, freeBytes }) => atMostBytes !== null && freeBytes !== null && atMostBytes <= freeBytes)
  );
}

function withoutTree({ after: _after, script: _script, ...plan }: Plan): PlannedBatchItem['plan'] {
  return plan;
}

function asError(error: unknown): SnaptreeError {
  if (SnaptreeError.is(error)) return error;
  throw error;
}
