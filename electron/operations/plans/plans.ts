/** Makes plans and keeps them until they are run, replaced by newer ones, or too old to be believed. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { GuestAgent } from '../../../shared/model/guest-agent.ts';
import type { Inventory, ReadableVm } from '../../../shared/model/inventory.ts';
import type { ChangeRequest, DiskChain, Plan } from '../../../shared/model/plan.ts';
import { chainOfDisk, imagesById } from '../../../shared/rules/chains/chains.ts';
import { stateObstacle } from '../../../shared/rules/snapshots/quiesce.ts';
import type { HypervisorDriver, PlanDraft } from '../../hypervisors/driver.ts';
import { stateDigestOf } from './state-digest.ts';
import { planScript } from './plan-script.ts';

/** A host as it was read. */
export interface HostReading {
  readonly inventory: Inventory;
  readonly hostName: string;
}

export interface PlanServiceDependencies {
  /** The driver that plans for the host. Throws `hostNotFound`. */
  readonly driverFor: (hostId: string) => Pick<HypervisorDriver, 'plan'>;
  /** Asks the agent in a guest; null where the hypervisor has no such agents. Throws what connecting and asking throw. */
  readonly askGuestAgent: (hostId: string, vmUuid: string) => Promise<GuestAgent | null>;
  /** Reads the host now. Throws what connecting and reading throw. */
  readonly readHost: (hostId: string) => Promise<HostReading>;
  /** Whether no change of the host may be planned or run. Throws `hostNotFound`. */
  readonly isReadOnly: (hostId: string) => boolean;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly clock: () => number;
  /** A new UUID. */
  readonly newId: () => string;
}

export interface PlanService {
  /** Reads the host and plans the change. A refused plan is an answer, also that of a host that is read-only. Throws what reading and the driver throw. */
  create(hostId: string, request: ChangeRequest): Promise<Plan>;
  /** As `create`, for a host that was read just now; the plan is not kept. Throws what the driver throws. */
  createOn(hostId: string, request: ChangeRequest, reading: HostReading): Promise<Plan>;
  /** A plan made before. Throws `planNotFound` for one that is unknown, expired or was dropped for newer ones. */
  get(planId: string): Plan;
  /**
   * What the driver plans for the same request on the host as it was read just now. Throws what the driver throws.
   *
   * @param done how many steps of the plan are done
   */
  again(plan: Pick<Plan, 'hostId' | 'request' | 'steps'>, inventory: Inventory, done: number): PlanDraft;
}

const keptPlans = 100;
/** The digest of the state is what refuses a stale plan; the lifetime only bounds what is remembered. */
const lifetimeSeconds = 6 * 3600;

export function createPlanService({
  driverFor,
  askGuestAgent,
  readHost,
  isReadOnly,
  clock,
  newId,
}: PlanServiceDependencies): PlanService {
  const plans = new Map<string, Plan>();

  async function createOn(hostId: string, request: ChangeRequest, reading: HostReading): Promise<Plan> {
    const { inventory, hostName } = reading;
    const guestAgent = wantsAgent(request, inventory) ? await askGuestAgent(hostId, request.vmUuid) : null;
    const draft = driverFor(hostId).plan(request, inventory, undefined, guestAgent ?? undefined);
    const plan: Omit<Plan, 'script'> = {
      ...numbered(isReadOnly(hostId) ? refusedForReadOnly(draft, hostName, request, inventory) : draft),
      id: newId(),
      hostId,
      hostName,
      vmUuid: request.vmUuid,
      request,
      createdAt: Math.floor(clock()),
      fingerprint: stateDigestOf({ vmUuid: request.vmUuid, steps: draft.steps }, inventory),
    };
    return { ...plan, script: planScript(plan) };
  }

  return {
    async create(hostId, request) {
      const plan = await createOn(hostId, request, await readHost(hostId));
      plans.set(plan.id, plan);
      // A Map lists its keys in the order in which they were added: the first is the oldest.
      for (const id of [...plans.keys()].slice(0, -keptPlans)) plans.delete(id);
      return plan;
    },
    createOn,
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
    again: ({ hostId, request, steps }, inventory, done) =>
      driverFor(hostId).plan(request, inventory, { done: steps.slice(0, done), rest: steps.slice(done) }),
  };
}

/** Only a plan that freezes depends on the agent, and only one of a guest that runs can answer. */
function wantsAgent(request: ChangeRequest, { vms }: Inventory): boolean {
  if (request.action !== 'createSnapshot' || request.quiesce !== true) return false;
  const vm = vms.find(({ uuid }) => uuid === request.vmUuid);
  return vm?.readable === true && stateObstacle(vm) === null;
}

function numbered(draft: PlanDraft): Omit<PlanDraft, 'steps'> & Pick<Plan, 'steps'> {
  return { ...draft, steps: draft.steps.map((step, index) => ({ ...step, index })) };
}

/** Whatever a driver plans, nothing of it is for a host that must not be changed. */
function refusedForReadOnly(
  draft: PlanDraft,
  hostName: string,
  { vmUuid }: ChangeRequest,
  inventory: Inventory,
): PlanDraft {
  const vm = inventory.vms.find((candidate) => candidate.uuid === vmUuid);
  const refusal = {
    code: 'hostReadOnly',
    message: `${hostName} is set to read-only in Snaptree, so nothing on it can be changed. To allow changes, edit the host.`,
    names: [hostName],
  };
  return {
    ...draft,
    refusals: [refusal, ...draft.refusals],
    warnings: [],
    steps: [],
    expectedPause: null,
    after: vm?.readable
      ? {
          vmState: vm.state,
          snapshots: vm.snapshots,
          currentSnapshotId: vm.currentSnapshotId,
          chains: presentChains(vm, inventory),
        }
      : { ...draft.after, snapshots: [], chains: [] },
  };
}

function presentChains({ disks }: ReadableVm, { images }: Inventory): DiskChain[] {
  const byId = imagesById(images);
  return disks.flatMap((disk) => {
    const chain = chainOfDisk(disk, byId);
    return chain === null ? [] : [{ target: disk.target, imageIds: chain.images.map(({ id }) => id) }];
  });
}
