/** What plans for internal and external snapshots have in common. */
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { checkNewFile } from '../../../../../shared/rules/snapshots/new-files.ts';
import { memoryFilesIn } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import { checkSnapshotName } from '../../../../../shared/rules/snapshots/snapshot-names.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { LibvirtContext } from '../plan-rules.ts';

export type CreateRequest = Extract<ChangeRequest, { action: 'createSnapshot' }>;

/** Name and description as options of `snapshot-create-as`. virsh refuses an option whose value is empty. */
export function namingOptions({ name, description }: CreateRequest): string[] {
  return [`--name=${name}`, ...(description === '' ? [] : [`--description=${description}`])];
}

/** A name must be possible, and not taken. */
export function nameRefusals(request: CreateRequest, context: LibvirtContext): PlanNote[] {
  const { name } = request;
  const problem = checkSnapshotName(name);
  if (problem !== null) return [note('badName', problem)];
  return isNameTaken(request, context)
    ? [note('nameTaken', `${context.vm.name} already has a snapshot named "${name}".`, [name])]
    : [];
}

/** Whether a record of the VM has the name already. */
export function isNameTaken({ name }: CreateRequest, { vm }: LibvirtContext): boolean {
  return vm.snapshots.some((snapshot) => snapshot.name === name);
}

/**
 * What speaks against files that the user chose. What is at their paths without being an image is looked for on the host.
 *
 * @param all the new files, the chosen ones among them
 */
export function newFileRefusals(
  chosen: readonly string[],
  all: readonly string[],
  { images, inventory }: LibvirtContext,
): PlanNote[] {
  const otherPaths = new Set(inventory.images.flatMap((image) => image.otherPaths));
  const memories = new Set(memoryFilesIn(inventory.vms.flatMap((each) => (each.readable ? each.snapshots : []))));
  return [...new Set(chosen)].flatMap((file) => {
    const problem = checkNewFile(file);
    if (problem !== null) return [note('badPath', problem, [file])];
    const isTaken = images.has(file) || otherPaths.has(file) || memories.has(file);
    return isTaken || all.filter((path) => path === file).length > 1
      ? [note('fileTaken', `${file} is taken already. Name another file.`, [file])]
      : [];
  });
}
