/** What Snaptree needs of a hypervisor: to read it, to notice changes, and to plan for it. A driver never executes a plan. */
import type { ErrorCode, SnaptreeError } from '../../shared/errors.ts';
import type { GuestAgent } from '../../shared/model/guest-agent.ts';
import type { Capability, HypervisorKind, Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan, PlanStep } from '../../shared/model/plan.ts';
import type { RecordFiles } from '../../shared/model/record-files.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';

/** What a driver remembers of one host from reading to reading, so that a poll can be cheap. Only the driver looks inside. */
export interface HostMemory {
  readonly kind: HypervisorKind;
}

export interface ReadOptions {
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
  /** Filled with what was read. What it held before has no influence on the reading, but what is equal is the same object. */
  readonly memory?: HostMemory;
}

export interface PollOptions {
  readonly signal?: AbortSignal;
  /** Names of VMs that are known to have changed: they are read again, whatever their outline says. */
  readonly changedVms?: ReadonlySet<string>;
}

export interface PollResult {
  /** VMs, images and other parts that did not change are the objects of the inventory before; `readAt` is new. */
  readonly inventory: Inventory;
  /** False where nothing changed that is worth showing. */
  readonly hasChanged: boolean;
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Called when listening begins. What happened before is not told. */
  readonly onReady: () => void;
  /** Called when something happened to the VM of that name. */
  readonly onChange: (vmName: string) => void;
}

/** What a driver decides of a plan; identity, the digest of the state and script are added by whoever asked for it. */
export type PlanDraft = Pick<
  Plan,
  'title' | 'refusals' | 'warnings' | 'rooms' | 'expectedPause' | 'after' | 'vmName'
> & { readonly steps: readonly Omit<PlanStep, 'index'>[] };

/** The steps of a plan that was cut off between two of them. */
export interface BegunPlan {
  /** Those that were run and verified. */
  readonly done: readonly Omit<PlanStep, 'index'>[];
  /** Those that are left, as they were reviewed. */
  readonly rest: readonly Omit<PlanStep, 'index'>[];
}

/** What answers on a host. */
export interface HypervisorProbe {
  /** What it is made of, the hypervisor first, each with its version where that is known. */
  readonly software: readonly { readonly name: string; readonly version: string | null }[];
  /** What it can do and what not. */
  readonly capabilities: readonly Capability[];
}

/** One thing that the connection test finds out by probing. */
export interface ProbeStage {
  /** Its name in documents, such as `virsh`. */
  readonly stage: string;
  /** Its name for people. */
  readonly title: string;
  /** The errors of `probe` by which it has failed. They come only once the stages before it have passed. */
  readonly failsWith: readonly ErrorCode[];
  /** What to say where it passed. @param user as whom commands run on the host */
  readonly passed: (user: string) => string;
}

/** Who logs in, and whether commands run through sudo. */
export interface Login {
  /** Null where the settings leave it open. */
  readonly user: string | null;
  readonly sudo: boolean;
}

export interface HypervisorDriver {
  readonly kind: HypervisorKind;
  /** What is there, for the connection test. Throws what `read` throws. */
  probe(runner: CommandRunner): Promise<HypervisorProbe>;
  /** What probing shows, in the order in which it is found out. */
  readonly probeStages: readonly ProbeStage[];
  /** What to do about an error of `probe`, in a sentence or more; null where it has nothing to do with the hypervisor. */
  remedyFor(error: SnaptreeError, login: Login): string | null;
  /**
   * Reads all of the host, in two round trips where nothing is strange on it. A VM or image that cannot be read is in the inventory as such.
   * Throws `commandNotFound`, `daemonUnavailable`, `permissionDenied` or what the runner throws, where nothing can be.
   */
  read(runner: CommandRunner, options: ReadOptions): Promise<Inventory>;
  /** A memory with nothing in it. */
  createMemory(): HostMemory;
  /**
   * Reads what changed since `memory` was filled, at low priority; everything where it is empty. For showing, not for
   * deciding: see the driver for what it cannot notice. Throws what `read` throws.
   */
  poll(runner: CommandRunner, memory: HostMemory, options: PollOptions): Promise<PollResult>;
  /**
   * Listens to the hypervisor's own events until `signal` aborts (then resolves), or until they end: rejects with
   * what the runner throws, or `commandFailed` where the hypervisor gives no events. Takes one channel for as long. Absent
   * where the hypervisor never tells anything by itself: such a host is polled only.
   */
  watch?(runner: CommandRunner, options: WatchOptions): Promise<void>;
  /**
   * The plan for `request` against a freshly read inventory. Pure. Throws `vmNotFound`, `vmUnreadable` where there is
   * nothing to plan for; everything else that stands in the way is a refusal in the plan.
   *
   * @param begun an earlier plan for the same request: what its steps did counts as asked for, not as something that stands
   *   in the way
   * @param guestAgent what the agent in the guest answered, where it was asked for this plan
   */
  plan(request: ChangeRequest, inventory: Inventory, begun?: BegunPlan, guestAgent?: GuestAgent): PlanDraft;
  /**
   * Asks the agent in a guest that runs whether it can freeze file systems. Takes seconds where it does not answer. Throws what the runner
   * throws. Absent where there are no such agents.
   */
  askGuestAgent?(runner: CommandRunner, vmUuid: string, signal?: AbortSignal): Promise<GuestAgent>;
  /**
   * Reads records of snapshots of a VM from files in a folder of the host; from the last one in which Snaptree kept copies, where `folder`
   * is null. Throws what the runner throws, and `commandFailed` where there is no such folder. Absent where records are no files.
   */
  readRecordFiles?(
    runner: CommandRunner,
    vmUuid: string,
    folder: string | null,
    signal?: AbortSignal,
  ): Promise<RecordFiles>;
}
