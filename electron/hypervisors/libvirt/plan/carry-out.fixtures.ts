/** For tests of plans: makes one on a host, real or simulated, and carries it out. */
import type { Inventory } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../../../shared/model/plan.ts';
import { goesOnBefore } from '../../../../shared/rules/operations/step-order.ts';
import { checkExpectations } from '../../../operations/plans/expectations.ts';
import { needsNoReading } from '../../../operations/run/run-steps.ts';
import { resumeDifferences } from '../../../operations/plans/same-steps.ts';
import type { PlanDraft } from '../../driver.ts';
import { planLibvirt } from './plan.ts';

const uri = 'qemu:///system';

/** A host that plans are carried out on. */
export interface PlannedHost {
  read(): Promise<Inventory>;
  /** Rejects with what it printed where it fails. */
  run(argv: readonly string[]): Promise<unknown>;
}

/**
 * Plans and runs the steps one after the other, as an operation does, but for what it does about failures: each must end well, and
 * what it promises must hold. Gives the plan.
 */
export async function carryOutOn(host: PlannedHost, request: ChangeRequest): Promise<PlanDraft> {
  let inventory = await host.read();
  const plan = planLibvirt(uri, request, inventory);
  if (plan.refusals.length > 0) throw new Error(plan.refusals.map(({ message }) => message).join('\n'));
  for (const [index, { argv, verify, title, runs }] of plan.steps.entries()) {
    if (runs === 'onFailure') continue;
    if (goesOnBefore(plan.steps, index)) expectResumable(request, plan, index, inventory);
    await host.run(argv);
    if (!needsNoReading(plan.steps, index)) inventory = await host.read();
    const { unmet } = checkExpectations(verify, request.vmUuid, inventory);
    if (unmet.length > 0) throw new Error(`${title}: ${unmet.join(' ')}`);
  }
  return plan;
}

/** Cut off between two steps, what is left of the plan is what it would be planned to be. */
function expectResumable(request: ChangeRequest, draft: PlanDraft, next: number, inventory: Inventory): void {
  const steps = draft.steps.map((step, index) => ({ ...step, index }));
  const begun = { done: steps.slice(0, next), rest: steps.slice(next) };
  const again = () => planLibvirt(uri, request, inventory, begun);
  const differences = resumeDifferences({ steps } as unknown as Plan, next, again);
  if (differences.length > 0) throw new Error(`Not resumable before step ${next + 1}: ${differences.join(' ')}`);
}
