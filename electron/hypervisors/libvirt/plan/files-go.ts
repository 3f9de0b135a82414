/** The last steps of plans after which images are of no use: look whether that is so, and delete them. Pure. */
import type { Expectation, PlanStep } from '../../../../shared/model/plan.ts';
import { lookingStep } from '../../planning/looking-step.ts';
import { plainStep } from '../../planning/plain-step.ts';

type Step = Omit<PlanStep, 'index'>;

/**
 * Looks whether really nothing needs these images any more, neither by what the host shows nor by a lock that is held.
 *
 * @param written images that were merged into and that nobody writes to now: where a QEMU has one open for writing all the same, as
 *   after an earlier merge that found no room, its tables may not be on storage yet (seen on QEMU 7.2)
 * @param what how the images came to be of no use, for the title
 */
export function nothingNeeds(
  imageIds: readonly string[],
  { written = [], what = 'merged' }: { readonly written?: readonly string[]; readonly what?: 'merged' | 'left' } = {},
): Step {
  return lookingStep({
    title: `Check that nothing needs the ${what} ${imageIds.length === 1 ? 'image' : 'images'} any more`,
    script: `
written=$1
shift
for path in "$@"; do
  isWritten=$((written > 0)) written=$((written - 1))
  [ -e "$path" ] || continue
  why=$(LC_ALL=C qemu-img info -- "$path" 2>&1 >/dev/null) || {
    [ "$isWritten" -eq 0 ] || why="The merged images stay until all of the data is on storage: shut the VM down for that, look whether it is right, and remove them then. $why"
    printf '%s\n' "$path is in use, or cannot be examined. Nothing was removed. $why" >&2
    exit 1
  }
done`.trim(),
    words: [String(written.length), ...written, ...imageIds],
    reads: [...written, ...imageIds],
    verify: [{ kind: 'noDependents', imageIds: [...imageIds] }],
  });
}

/** Removes files, as the last step of all. */
export function filesGo(imageIds: readonly string[], memoryFiles: readonly string[]): Step {
  const paths = [...imageIds, ...memoryFiles];
  return {
    title: `Delete ${paths.length === 1 ? (paths[0] ?? '') : `${paths.length} files`}`,
    argv: ['rm', '-f', '--', ...paths],
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: paths,
    verify: imageIds.map((imageId): Expectation => ({ kind: 'imageGone', imageId })),
    ...plainStep,
    whenInterrupted: 'redo',
  };
}
