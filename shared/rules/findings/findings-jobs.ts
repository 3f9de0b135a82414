/** Findings about jobs that run in a VM: while they do, its snapshots cannot be changed. */
import type { ReadableVm } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { finding } from './findings-context.ts';
import type { FindingContext } from './findings-context.ts';
import { jobsOf } from '../inventory/jobs.ts';

export function jobFindings(vm: ReadableVm, context: FindingContext): readonly Finding[] {
  const images = new Map(vm.disks.map(({ target, imageId }) => [target, imageId]));
  return jobsOf(vm).map(({ target, message, needsSomebody, isSilent }) => {
    const path = target === null ? null : (images.get(target) ?? null);
    return finding(context, {
      code: 'jobRuns',
      severity: needsSomebody ? 'warning' : 'information',
      vm,
      ...(path !== null && { path }),
      message,
      remedy: isSilent
        ? 'If that goes on, its QEMU hangs, or the storage below it does: look there. Until it answers no snapshot of the VM can be made, reverted to or deleted.'
        : needsSomebody
          ? 'Find out who started it, and let them end it. Until then no snapshot of the VM can be made, reverted to or deleted.'
          : 'Wait until it ends. Until then no snapshot of the VM can be made, reverted to or deleted.',
    });
  });
}
