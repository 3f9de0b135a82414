/** Plans that create a snapshot. */
import type { PlanDraft } from '../../../driver.ts';
import { planExternal } from './plan-create-external.ts';
import { planInternal } from './plan-create-internal.ts';
import type { CreateRequest } from './plan-create-rules.ts';
import { quiesceRefusals } from './plan-quiesce.ts';
import type { LibvirtContext } from '../plan-rules.ts';

/**
 * The behaviour of `virsh snapshot-create-as`, by what is asked and what the VM does:
 *
 * | VM               | internal                                   | external, --disk-only                       |
 * |------------------|--------------------------------------------|---------------------------------------------|
 * | running, paused  | disks and memory into the first qcow2 disk; | new overlays, the guest goes on at once;    |
 * |                  | the guest stands still meanwhile           | what was in its memory is not in it         |
 * | shut off         | qemu-img snapshot -c on every disk         | new overlays by qemu-img create             |
 *
 * External with --memspec, of a VM that runs or is paused: the guest stands still while its memory is written to a file, then new
 * overlays; it goes on as it was.
 */
export function planCreate(request: CreateRequest, context: LibvirtContext): PlanDraft {
  if (request.kind === 'external') return planExternal(request, context);
  const draft = planInternal(request, context);
  return { ...draft, refusals: [...quiesceRefusals(request, context), ...draft.refusals] };
}
