/** What is wrong with a host, told once for a reading and shown in the list and on the host's page. */
import type { Inventory, Problem } from '../../shared/model/inventory.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import { fileSystems, storageShortage, type FileSystem } from '../../shared/rules/findings/findings-storage.ts';

const known = new WeakMap<Inventory, readonly Problem[]>();
const nothing: readonly Problem[] = [];

/** What could not be read of the host, its unreadable VMs, and its file systems that are nearly full, as reports see it. */
export function hostProblems(inventory: Inventory | null | undefined): readonly Problem[] {
  if (!inventory) return nothing;
  let problems = known.get(inventory);
  if (!problems)
    known.set(inventory, (problems = [...inventory.problems, ...unreadable(inventory), ...fullStorage(inventory)]));
  return problems;
}

function unreadable({ vms }: Inventory): readonly Problem[] {
  return vms.flatMap((vm) =>
    vm.readable ? [] : [{ severity: 'error', message: `${vm.name ?? vm.uuid} could not be read.` }],
  );
}

/** File systems with less free room than a report asks for by default. */
export function fullStorage({ filesystems }: Inventory): readonly Problem[] {
  return fileSystems(filesystems).flatMap((system) => {
    const shortage = shortageOf(system);
    return shortage
      ? [{ severity: shortage.severity === 'critical' ? 'error' : 'warning', message: shortage.message }]
      : [];
  });
}

export function isNearlyFull(system: FileSystem): boolean {
  return shortageOf(system) !== null;
}

function shortageOf(system: FileSystem) {
  return storageShortage(system, defaultReportThresholds.minimumFreePercent);
}
