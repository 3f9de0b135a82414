/** Why a snapshot cannot be described or renamed, as far as it follows from what was read of it. */
import type { ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { note } from '../text/plan-note.ts';

/** What speaks against writing the record of a snapshot anew. */
export function describeRefusals({ name, unknownPart }: Snapshot, vm: ReadableVm): PlanNote[] {
  return [
    ...(unknownPart === undefined
      ? []
      : [
          note(
            'recordIncomplete',
            `Not all of the snapshot "${name}" of ${vm.name} is known: ${unknownPart} Written anew, its record could lose what could not be read.`,
            [name],
          ),
        ]),
    ...(vm.persistent
      ? []
      : [
          note(
            'transient',
            `${vm.name} exists only as long as it runs, and so do the records of its snapshots. Define it first (virsh dumpxml, virsh define).`,
          ),
        ]),
  ];
}

/**
 * The data of an internal snapshot bears its name inside of the image, and is found by that alone (virsh(1), snapshot-edit): a record of
 * another name leads to nothing. Nothing renames it there. That of an external one is in images, which its record names by their paths.
 */
export function renameRefusals(snapshot: Snapshot, vm: ReadableVm): PlanNote[] {
  const { name, kind } = snapshot;
  if (kind === 'external') return describeRefusals(snapshot, vm);
  const why =
    kind === 'internal' || kind === 'mixed'
      ? 'its data is inside of images under that name, which nothing can change there: renamed, the snapshot could not be gone back to'
      : 'where its data is, and by what name, is not known';
  return [
    note(
      'nameInData',
      `"${name}" of ${vm.name} cannot be renamed: ${why}. What it is about can be said in its description.`,
      [name],
    ),
  ];
}

/** Why a text cannot be a description, as a sentence; null where it can: libvirt keeps it as XML, which has no other control characters. */
export function checkDescription(text: string): string | null {
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed()
    ? 'The description holds characters that libvirt cannot keep: control characters, or half of one.'
    : null;
}
