/** A look at the images that a change writes to, before the first is changed. */
import type { Expectation, PlanStep } from '../../../shared/model/plan.ts';
import { lookingStep } from './looking-step.ts';

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
