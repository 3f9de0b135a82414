/** For tests on the real tool: what Snaptree reads of a libvirt of the testbed, and plans there. */
import { placeOf, type LibvirtVersion } from './index.ts';
import { runAt } from './places.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { asUser, createLocalRunner } from '../../electron/hosts/commands/local-runner.fixtures.ts';
import type { PlanDraft } from '../../electron/hypervisors/driver.ts';
import { readLibvirt } from '../../electron/hypervisors/libvirt/read/read.ts';
import { checkExpectations } from '../../electron/operations/expectations.ts';
import { resumeDifferences } from '../../electron/operations/same-steps.ts';
import { planLibvirt } from '../../electron/hypervisors/libvirt/plan/plan.ts';

export const uri = 'qemu:///system';

/** @param user whose account the reading is made with; root where it is not given */
export function inventoryOf(version: LibvirtVersion, user?: string): Promise<Inventory> {
  const runner = createLocalRunner(placeOf(version).root);
  return readLibvirt(user === undefined ? runner : asUser(runner, user), uri, { priority: 'user' });
}

/**
 * Plans and runs the steps one after the other, as an operation does, but for what it does about failures: each must end well, and
 * what it promises must hold. Gives the plan.
 */
export async function carryOut(version: LibvirtVersion, request: ChangeRequest): Promise<PlanDraft> {
  let inventory = await inventoryOf(version);
  const plan = planLibvirt(uri, request, inventory);
  if (plan.refusals.length > 0) throw new Error(plan.refusals.map(({ message }) => message).join('\n'));
  for (const [index, { argv, verify, title, onlyLooks }] of plan.steps.entries()) {
    if (isMerge(request)) expectResumable(request, plan, index, inventory);
    const [program = '', ...words] = argv;
    await runAt(placeOf(version), program, words);
    if (!onlyLooks) inventory = await inventoryOf(version);
    const { unmet } = checkExpectations(verify, request.vmUuid, inventory);
    if (unmet.length > 0) throw new Error(`${title}: ${unmet.join(' ')}`);
  }
  return plan;
}

function isMerge({ action }: ChangeRequest): boolean {
  return action === 'deleteSnapshot' || action === 'commitImages' || action === 'pullImages';
}

/** Cut off between two steps, what is left of the plan is what it would be planned to be. */
function expectResumable(request: ChangeRequest, draft: PlanDraft, next: number, inventory: Inventory): void {
  const steps = draft.steps.map((step, index) => ({ ...step, index }));
  const begun = { done: steps.slice(0, next), rest: steps.slice(next) };
  const again = () => planLibvirt(uri, request, inventory, begun);
  const differences = resumeDifferences({ steps } as unknown as Plan, next, again);
  if (differences.length > 0) throw new Error(`Not resumable before step ${next + 1}: ${differences.join(' ')}`);
}

/** From a fresh reading. */
export async function planOn(version: LibvirtVersion, request: ChangeRequest, user?: string): Promise<PlanDraft> {
  return planLibvirt(uri, request, await inventoryOf(version, user));
}
