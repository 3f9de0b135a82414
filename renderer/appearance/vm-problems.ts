/** What is wrong with the VMs of a host, told once for a reading and shown in the list, the host's page and the VM's. */
import type { Inventory, Problem, Vm } from '../../shared/model/inventory.ts';
import { imagesById } from '../../shared/rules/chains/chains.ts';
import { vmProblems, worstOf } from '../../shared/rules/findings/problems.ts';
import { count } from '../design/format.ts';

const known = new WeakMap<Inventory, ReadonlyMap<string, readonly Problem[]>>();
const nothing: readonly Problem[] = [];

/** The problems of every VM that has any, by UUID. Kept for as long as the inventory is. */
export function problemsByVm(inventory: Inventory): ReadonlyMap<string, readonly Problem[]> {
  const before = known.get(inventory);
  if (before) return before;
  const images = imagesById(inventory.images);
  const found = new Map(
    inventory.vms.flatMap((vm) => {
      const problems = vm.readable ? vmProblems(vm, images, inventory.hypervisor.kind) : nothing;
      return problems.length === 0 ? [] : [[vm.uuid, problems] as const];
    }),
  );
  known.set(inventory, found);
  return found;
}

/** The problems of one VM; none for an unreadable one, which says so itself. */
export function problemsOf(inventory: Inventory | null, vm: Vm): readonly Problem[] {
  return (inventory && problemsByVm(inventory).get(vm.uuid)) ?? nothing;
}

/** The problems in two words: `1 warning`, `2 problems`. A warning alone is not called a problem. */
export function problemCount(problems: readonly Problem[]): string {
  return count(problems.length, worstOf(problems) === 'error' ? 'problem' : 'warning');
}
