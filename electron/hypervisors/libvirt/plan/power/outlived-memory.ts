/** Memory of a guest in a file that is worth nothing once a plan was run. */
import { isDeepStrictEqual } from 'node:util';
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { reachedFrom } from '../../../../../shared/rules/chains/chains.ts';
import { restorePointsOf } from '../../../../../shared/rules/snapshots/restore-points.ts';
import { firstOf } from '../../../../../shared/rules/text/first-of.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { chainsOf } from '../../../planning/chain-rules.ts';
import type { LibvirtContext } from '../plan-rules.ts';

/**
 * A warning where files hold memory from which the guest can go on now, and not afterwards: its disks are other images then, were written
 * to, or will be by a VM that runs. What libvirt itself keeps (a managed save) has rules of its own.
 */
export function outlivedMemoryWarnings(
  request: ChangeRequest,
  draft: Pick<PlanDraft, 'steps' | 'after'>,
  context: LibvirtContext,
): PlanNote[] {
  const { vm, images } = context;
  const own = request.action === 'restoreMemory' ? request.file : null;
  const files = restorePointsOf(vm, images).flatMap(({ file, worn }) =>
    file === null || file === own || worn !== null ? [] : [file],
  );
  if (files.length === 0 || !isOutlived(draft, context)) return [];
  const [it, is] = files.length === 1 ? ['it', 'is'] : ['them', 'are'];
  return [
    note(
      'outlivesMemory',
      `Memory of ${vm.name} that was saved fits its disks now (${firstOf(files)}). Afterwards ${it === 'it' ? 'it does' : 'they do'} not fit any more, and ${is} worth nothing. Restore the VM from ${it} first where its guest is to go on from there.`,
      files,
    ),
  ];
}

function isOutlived({ steps, after }: Pick<PlanDraft, 'steps' | 'after'>, context: LibvirtContext): boolean {
  if (after.vmState !== 'shutoff' || !isDeepStrictEqual(after.chains, chainsOf(context))) return true;
  const present = context.vm.disks.flatMap(({ imageId }) => imageId ?? []);
  const read = reachedFrom(present, context.images);
  return steps.some(({ writes, invalidates, deletes }) =>
    [...writes, ...invalidates, ...deletes].some((path) => read.has(path)),
  );
}
