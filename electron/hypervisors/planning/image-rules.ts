/** Rules about images that a change writes to: what is known to make one of them unwritable, and a look before the first is changed. */
import type { Disk } from '../../../shared/model/inventory.ts';
import type { Expectation, PlanNote, PlanStep } from '../../../shared/model/plan.ts';
import { chainOfDisk } from '../../../shared/rules/chains.ts';
import { lookingStep } from './looking-step.ts';
import { note } from './notes.ts';
import type { PlanningContext } from './planning-context.ts';

/**
 * Images of the disks' chains that are marked corrupt. QEMU opens none of these for writing, and a command over several
 * disks then ends between two of them: some set back, some not (seen with snapshot-revert on 7.0, 9.0 and 11.3).
 */
export function corruptRefusals({ images }: PlanningContext, disks: readonly Disk[]): PlanNote[] {
  return disks.flatMap((disk) =>
    (chainOfDisk(disk, images)?.images ?? [])
      .filter(({ corrupt }) => corrupt === true)
      .map(({ id }) =>
        note(
          'imageCorrupt',
          `${id}, in the chain of disk ${disk.target}, is marked corrupt by its own format: QEMU does not open it for writing, and a change of several disks would end half done. Copy what can still be read to a safe place first; then examine the copy with qemu-img check.`,
          [id],
        ),
      ),
  );
}

/**
 * Opens each image for writing as the change will, and closes it again. One command that changes several images is not
 * atomic, and where it must end a VM first, that is not taken back: whatever keeps an image from being written to (its
 * storage became read-only, an attribute, a lock that another program or another host holds) is to be found before anything
 * is changed. A user who may not write to an image learns nothing of it here; libvirt may all the same.
 *
 * `: >>` opens without writing, and `qemu-io -c quit` takes the locks that QEMU takes. Where there is no qemu-io, `qemu-img
 * info` finds those who write, and not those who only read (QEMU docs, system/images: “Disk image file locking”).
 */
const script = `
refuse() {
  printf '%s\\n' "Nothing was changed: $path cannot be written to. $(printf %s "$1" | tr '\\n' ' ')" >&2
  exit 1
}
locks=$1
shift
for path in "$@"; do
  [ -e "$path" ] || refuse 'It is not there.'
  if [ -w "$path" ]; then
    why=$( (: >>"$path") 2>&1 ) || refuse "$why"
  elif [ "$(id -u)" -eq 0 ]; then
    refuse 'Its storage is read-only.'
  else
    continue
  fi
  [ "$locks" = locks ] || continue
  if command -v qemu-io >/dev/null 2>&1; then
    why=$(qemu-io -f qcow2 -c quit -- "$path" 2>&1) || refuse "$why"
  else
    why=$(qemu-img info -f qcow2 -- "$path" 2>&1) || refuse "$why"
  fi
done
`.trim();

/**
 * The step that looks whether all of these qcow2 images can be written to.
 *
 * @param heldByVm the VM runs, so that its own QEMU holds the locks
 * @param verify what is to be so before the change and after this step
 */
export function imagesAreWritable(
  imageIds: readonly string[],
  heldByVm: boolean,
  verify: Expectation[],
): Omit<PlanStep, 'index'> {
  return lookingStep({
    title: `Check that ${imageIds.length === 1 ? 'the image' : 'every image'} can be written to`,
    script,
    words: [heldByVm ? 'nolocks' : 'locks', ...imageIds],
    reads: [...imageIds],
    verify,
  });
}
