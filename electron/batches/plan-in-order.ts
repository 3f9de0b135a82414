/** Plans the changes of a batch one after the other, each of a VM for what those before it leave. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { BatchRequest } from '../../shared/model/batch.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { reasonsAgainst, vmKeyOf } from '../../shared/rules/operations/batch-items.ts';
import type { HostReading, PlanService } from '../operations/plans/plans.ts';
import { afterPlan, inStateOf, isDoneBefore, needsWhatIsMadeBefore } from './batch-forecast.ts';
import { asOneDeletion, neighbours } from './batch-order.ts';

export interface PlannedRequest {
  readonly each: BatchRequest;
  readonly outcome: Plan | SnaptreeError;
  /** What it was planned for; null where the host could not be read. */
  readonly inventory: Inventory | null;
}

/** What is known of a VM by those of its changes that were planned. */
interface Before {
  /** The host after them; null where there are none. */
  readonly later: Inventory | null;
  /** The title of a snapshot that was to be made and is left out. */
  readonly notMade: string | null;
}

/**
 * Each is planned for the host as it is, with the VM as the changes before it leave it: on or off. What is refused so may be refused for
 * what deletions before it make away with, such as the name of a snapshot that is made anew: it is planned once more without that.
 *
 * A deletion that one before it includes is left out, as what is asked for twice is. Where a snapshot that was to be made cannot be, what
 * takes something away behind it is not made either: it may have been the way back.
 */
export async function plannedInOrder(
  { plans }: { readonly plans: Pick<PlanService, 'createOn'> },
  ordered: readonly BatchRequest[],
  readings: ReadonlyMap<string, HostReading | SnaptreeError>,
): Promise<readonly PlannedRequest[]> {
  const planned: PlannedRequest[] = [];
  /** What is made new on a host, and by which change. */
  const made = new Map<string, PlannedRequest>();
  const known = new Map<string, Before>();

  async function planOne(each: BatchRequest): Promise<PlannedRequest> {
    const { hostId, request } = each;
    const reading = readings.get(hostId);
    if (!reading || reading instanceof SnaptreeError) {
      const outcome = reading ?? new SnaptreeError('hostNotFound', 'This host is not known.');
      return { each, outcome, inventory: null };
    }
    const planFor = async (inventory: Inventory): Promise<PlannedRequest> => {
      const outcome = await plans.createOn(hostId, request, { ...reading, inventory }).catch(asError);
      return { each, outcome, inventory };
    };
    const { later, notMade } = before(each);
    if (notMade !== null && needsWhatIsMadeBefore(request)) {
      const message = `“${notMade}” comes before it on this VM and is left out, so this is left out as well: it may have been the way back. Look at that first.`;
      return { each, outcome: new SnaptreeError('planRefused', message), inventory: reading.inventory };
    }
    if (later === null) return planFor(reading.inventory);
    const first = await planFor(inStateOf(reading.inventory, request.vmUuid, later));
    if (isToBeRun(first)) return first;
    const second = await planFor(later);
    return isToBeRun(second) ? second : first;
  }

  const before = (each: BatchRequest): Before => known.get(vmKeyOf(each)) ?? { later: null, notMade: null };

  function take(given: PlannedRequest): void {
    const one = withoutClash(given, made);
    const { each, outcome } = one;
    planned.push(one);
    const was = before(each);
    const reading = readings.get(each.hostId);
    if (!reading || reading instanceof SnaptreeError) return;
    if (isToBeRun(one) && !(outcome instanceof SnaptreeError)) {
      for (const what of newIn(outcome)) made.set(`${each.hostId}:${what}`, one);
      known.set(vmKeyOf(each), { ...was, later: afterPlan(outcome, was.later ?? reading.inventory) });
    } else if (each.request.action === 'createSnapshot') {
      const notMade = outcome instanceof SnaptreeError ? each.request.name : outcome.title;
      known.set(vmKeyOf(each), { ...was, notMade });
    }
  }

  const inventoryOf = (hostId: string): Inventory | null => {
    const reading = readings.get(hostId);
    return reading && !(reading instanceof SnaptreeError) ? reading.inventory : null;
  };
  const isIncluded = (each: BatchRequest): boolean => {
    const { later } = before(each);
    const present = inventoryOf(each.hostId);
    return later !== null && present !== null && isDoneBefore(each.request, present, later);
  };
  for (const run of neighbours(ordered, inventoryOf)) {
    const left = run.filter((each) => !isIncluded(each));
    const one = asOneDeletion(left);
    const whole = one && (await planOne(one));
    if (whole && isSureToFit(whole)) take(whole);
    else for (const each of left) if (!isIncluded(each)) take(await planOne(each));
  }
  return planned;
}

/** The files that a plan makes, and the VM. */
function newIn({ steps, after }: Plan): readonly string[] {
  const files = steps.flatMap(({ creates }) => creates);
  return after.newVm === undefined ? files : [...files, `the VM ${after.newVm.name}`];
}

/** Of two VMs' changes that make the same, the second is left out: each finds it free, and one of them would fail in its midst. */
function withoutClash(one: PlannedRequest, made: ReadonlyMap<string, PlannedRequest>): PlannedRequest {
  const { each, outcome } = one;
  if (outcome instanceof SnaptreeError) return one;
  for (const what of newIn(outcome)) {
    const other = made.get(`${each.hostId}:${what}`);
    // Of one VM, what was made may be deleted in between: that is looked at in its turn.
    if (!other || other.outcome instanceof SnaptreeError || vmKeyOf(other.each) === vmKeyOf(each)) continue;
    const message = `“${other.outcome.title}” is to make ${what} as well. Choose another name.`;
    return { ...one, outcome: new SnaptreeError('planRefused', message) };
  }
  return one;
}

function isToBeRun({ outcome }: PlannedRequest): boolean {
  return !(outcome instanceof SnaptreeError) && reasonsAgainst({ plan: outcome, error: null }).length === 0;
}

/** Neighbours are one where that can be done and is sure to find its room, since nothing of it is deleted before its end. */
function isSureToFit({ outcome }: PlannedRequest): boolean {
  if (outcome instanceof SnaptreeError || outcome.refusals.length > 0) return false;
  return outcome.rooms.every(
    ({ atMostBytes, freeBytes }) => atMostBytes !== null && freeBytes !== null && atMostBytes <= freeBytes,
  );
}

export function asError(error: unknown): SnaptreeError {
  if (SnaptreeError.is(error)) return error;
  throw error;
}
