/** What an operation left working on its host when its command went away. Pure. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';

/**
 * The host as it would be without the hypervisor's jobs on the VM's disks, where an interrupted step is to take these up: they are
 * of its own making, or will be refused by its command. Anything else that changed is a change.
 */
export function besidesOwnWork(
  step: Pick<PlanStep, 'whenInterrupted'> | undefined,
  vmUuid: string,
  inventory: Inventory,
): Inventory {
  if (step?.whenInterrupted !== 'takeUp') return inventory;
  return {
    ...inventory,
    vms: inventory.vms.map((vm) => {
      if (vm.uuid !== vmUuid || !vm.readable) return vm;
      const { uses, ...rest } = vm;
      const others = (uses ?? []).filter(({ use, by }) => use !== 'mirror' || by !== 'definition');
      return {
        ...rest,
        ...(others.length > 0 && { uses: others }),
        disks: vm.disks.map(({ blockJob: _own, ...disk }) => disk),
      };
    }),
  };
}
