/** For tests on the real tool: what Snaptree reads of a libvirt of the testbed, and plans there. */
import * as testbed from './index.ts';
import { placeOf, type LibvirtVersion } from './index.ts';
import { runAt } from './places.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { asUser, createLocalRunner } from '../../electron/hosts/commands/local-runner.fixtures.ts';
import type { PlanDraft } from '../../electron/hypervisors/driver.ts';
import { readLibvirt } from '../../electron/hypervisors/libvirt/read/read.ts';
import { carryOutOn, type PlannedHost } from '../../electron/hypervisors/libvirt/plan/carry-out.fixtures.ts';
import type { OneDiskHost } from '../../electron/hypervisors/libvirt/plan/one-disk-host.fixtures.ts';
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

/** A host of the testbed with one VM of that name. */
export function oneDiskHost(version: LibvirtVersion, name: string): OneDiskHost {
  const spec = { name, disks: [{ target: 'vda' }], version };
  const offset = 4 * 1024 ** 2;
  let vm: testbed.VirtualMachine;
  return {
    planned: plannedHost(version),
    up: () => testbed.up(),
    async createVirtualMachine() {
      await testbed.deleteVirtualMachine(spec);
      vm = await testbed.createVirtualMachine(spec);
      return vm;
    },
    deleteVirtualMachine: () => testbed.deleteVirtualMachine(spec),
    virsh: (argv) => testbed.virsh(argv, { version }),
    write: (byte) => testbed.writeGuestDisk(vm, 'vda', byte, offset),
    holds: (byte) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset),
  };
}

/** From a fresh reading. */
export async function planOn(version: LibvirtVersion, request: ChangeRequest, user?: string): Promise<PlanDraft> {
  return planLibvirt(uri, request, await inventoryOf(version, user));
}
