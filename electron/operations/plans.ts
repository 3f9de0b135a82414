/** Makes plans and keeps them until they are run, replaced by newer ones, or too old to be believed. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import type { HypervisorDriver } from '../hypervisors/driver.ts';
import { fingerprintOf } from './fingerprint.ts';
import { planScript } from './plan-script.ts';

export interface PlanServiceDependencies {
  /** Reads the host now, with the driver that plans for it. Throws what connecting and reading throw. */
  readonly readHost: (hostId: string) => Promise<{
    readonly inventory: Inventory;
    readonly hostName: string;
    readonly driver: Pick<HypervisorDriver, 'plan'>;
  }>;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly clock: () => number;
  /** A new UUID. */
  readonly newId: () => string;
}

export interface PlanService {
  /** Reads the host and plans the change. A refused plan is an answer. Throws what reading and the driver throw. */
  create(hostId: string, request: ChangeRequest): Promise<Plan>;
  /** A plan made before. Throws `planNotFound` for one that is unknown, expired or was dropped for newer ones. */
  get(planId: string): Plan;
}

const keptPlans = 100;
/** The fingerprint is what refuses a stale plan; the lifetime only bounds what is remembered. */
const lifetimeSeconds = 6 * 3600;

export function createPlanService({ readHost, clock, newId }: PlanServiceDependencies): PlanService {
  const plans = new Map<string, Plan>();
  return {
    async create(hostId, request) {
      const { inventory, hostName, driver } = await readHost(hostId);
      const draft = driver.plan(request, inventory);
      const plan = {
        ...draft,
        id: newId(),
        hostId,
        hostName,
        vmUuid: request.vmUuid,
        request,
        createdAt: Math.floor(clock()),
        fingerprint: fingerprintOf(request.vmUuid, inventory),
        steps: draft.steps.map((step, index) => ({ ...step, index })),
      };
      const complete: Plan = { ...plan, script: planScript(plan) };
      plans.set(complete.id, complete);
      // A Map lists its keys in the order in which they were added: the first is the oldest.
      for (const id of [...plans.keys()].slice(0, -keptPlans)) plans.delete(id);
      return complete;
    },
    get(planId) {
      const plan = plans.get(planId);
      if (!plan || clock() - plan.createdAt > lifetimeSeconds) {
        plans.delete(planId);
        throw new SnaptreeError(
          'planNotFound',
          'This plan is no longer known: it is too old, or Snaptree was started again since. Nothing was changed; plan the change again.',
        );
      }
      return plan;
    },
  };
}
