/** What Snaptree needs of a hypervisor: to read it, and to plan for it. A driver never executes a plan. */
import type { HypervisorKind, Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan, PlanStep } from '../../shared/model/plan.ts';
import type { CommandRunner } from '../hosts/runner.ts';

export interface ReadOptions {
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
}

/** What a driver decides of a plan; identity, fingerprint and script are added by whoever asked for it. */
export type PlanDraft = Pick<
  Plan,
  'title' | 'refusals' | 'warnings' | 'space' | 'expectedPause' | 'after' | 'vmName'
> & { readonly steps: readonly Omit<PlanStep, 'index'>[] };

export interface HypervisorDriver {
  readonly kind: HypervisorKind;
  /** Says in a sentence what is there, for the connection test. Throws what `read` throws. */
  probe(runner: CommandRunner): Promise<string>;
  /**
   * Reads the host in as few round trips as it can. A VM or image that cannot be read is in the inventory as such.
   * Throws `commandNotFound`, `daemonUnavailable`, `permissionDenied`, or what the runner throws, where nothing can be.
   */
  read(runner: CommandRunner, options: ReadOptions): Promise<Inventory>;
  /**
   * The plan for `request` against a freshly read inventory. Pure. Throws `vmNotFound`, `vmUnreadable` where there is
   * nothing to plan for; everything else that stands in the way is a refusal in the plan.
   */
  plan(request: ChangeRequest, inventory: Inventory): PlanDraft;
}
