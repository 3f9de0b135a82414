/** For tests on the real tool: what Snaptree reads of a libvirt of the testbed, and plans there. */
import { placeOf, type LibvirtVersion } from './index.ts';
import { runAt } from './places.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { asUser, createLocalRunner } from '../../electron/hosts/commands/local-runner.fixtures.ts';
import type { PlanDraft } from '../../electron/hypervisors/driver.ts';
import { readLibvirt } from '../../electron/hypervisors/libvirt/read/read.ts';
import { checkExpectations } from '../../electron/operations/expectations.ts';
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
  const plan = await planOn(version, request);
  if (plan.refusals.length > 0) throw new Error(plan.refusals.map(({ message }) => message).join('\n'));
  for (const { argv, verify, title } of plan.steps) {
    const [program = '', ...words] = argv;
    await runAt(placeOf(version), program, words);
    const { unmet } = checkExpectations(verify, request.vmUuid, await inventoryOf(version));
    if (unmet.length > 0) throw new Error(`${title}: ${unmet.join(' ')}`);
  }
  return plan;
}

/** From a fresh reading. */
export async function planOn(version: LibvirtVersion, request: ChangeRequest, user?: string): Promise<PlanDraft> {
  return planLibvirt(uri, request, await inventoryOf(version, user));
}
