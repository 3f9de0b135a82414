/** For tests on the real tool: what Snaptree reads of a libvirt of the testbed, and plans there. */
import { placeOf, type LibvirtVersion } from './index.ts';
import { runAt } from './places.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { asUser, createLocalRunner } from '../../electron/hosts/commands/local-runner.fixtures.ts';
import type { PlanDraft } from '../../electron/hypervisors/driver.ts';
import { readLibvirt } from '../../electron/hypervisors/libvirt/read/read.ts';
import { carryOutOn, type PlannedHost } from '../../electron/hypervisors/libvirt/plan/carry-out.fixtures.ts';
import { planLibvirt } from '../../electron/hypervisors/libvirt/plan/plan.ts';

export const uri = 'qemu:///system';

/** @param user whose account the reading is made with; root where it is not given */
export function inventoryOf(version: LibvirtVersion, user?: string): Promise<Inventory> {
  const runner = createLocalRunner(placeOf(version).root);
  return readLibvirt(user === undefined ? runner : asUser(runner, user), uri, { priority: 'user' });
}

/** Plans and runs the steps one after the other (see `carryOutOn`). Gives the plan. */
export function carryOut(version: LibvirtVersion, request: ChangeRequest): Promise<PlanDraft> {
  return carryOutOn(plannedHost(version), request);
}

export function plannedHost(version: LibvirtVersion): PlannedHost {
  return {
    read: () => inventoryOf(version),
    run: ([program = '', ...words]) => runAt(placeOf(version), program, words),
  };
}

/** From a fresh reading. */
export async function planOn(version: LibvirtVersion, request: ChangeRequest, user?: string): Promise<PlanDraft> {
  return planLibvirt(uri, request, await inventoryOf(version, user));
}
