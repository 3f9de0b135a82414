/** The room that merges need, and find. Pure. */
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../../shared/model/plan.ts';
import { readableBytes } from '../../../../../shared/rules/units.ts';
import { activeLayersStay } from '../../../planning/chain-rules.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { note } from '../../../planning/notes.ts';
import { roomFor, type Room } from '../../../planning/space.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import type { Layer, MergeRange } from './merge-ranges.ts';
import type { Step } from './merge-steps.ts';

/** An image that takes up others, and the bytes that it may grow by at most. */
interface Growth {
  readonly image: Image;
  readonly bytes: number;
}

/** @param into the one that takes up the others: the base (down), or the one above them (up) */
function growths(ranges: readonly MergeRange[], into: 'base' | 'above'): readonly Growth[] {
  return ranges.flatMap(({ merged, [into]: layer }) =>
    layer === null
      ? []
      : [{ image: layer.image, bytes: Math.min(allocated(merged), layer.image.virtualBytes ?? Infinity) }],
  );
}

/** Where the images that take up others are files. */
export function roomForMerge(
  ranges: readonly MergeRange[],
  into: 'base' | 'above',
  context: LibvirtContext,
): readonly Room[] {
  return roomFor(
    context,
    growths(ranges, into).flatMap(({ image, bytes }) => (image.kind === 'block' ? [] : [{ imageId: image.id, bytes }])),
  );
}

/** Where they are volumes: how much room is left in an image on one only QEMU knows, and not while a VM uses it. */
export function fullVolumeWarnings(ranges: readonly MergeRange[], into: 'base' | 'above'): PlanNote[] {
  return growths(ranges, into).flatMap(({ image, bytes }) =>
    image.kind !== 'block' || image.format === 'raw'
      ? []
      : [
          note(
            'volumeMayFill',
            `${image.id} is a volume with an image of the format ${image.format ?? '(unknown)'} in it, and volumes do not grow by themselves: up to ${readableBytes(bytes)} may be needed in it (less where they hold the same places). A merge that finds no room ends, and the VM reads what it read before. Make the volume larger first where you are not sure.`,
            [image.id],
          ),
        ],
  );
}

/** Looks whether there is still as much room as there was when the plan was made, where that was enough. */
export function roomIsThere(rooms: readonly Room[], context: LibvirtContext): readonly Step[] {
  const needs = rooms.flatMap(({ folder, neededBytes, freeBytes }) =>
    folder === null || neededBytes === null || neededBytes === 0 || freeBytes === null || freeBytes < neededBytes
      ? []
      : [folder, String(Math.ceil(neededBytes / 1024))],
  );
  return needs.length === 0
    ? []
    : [
        lookingStep({
          title: 'Check that there is still enough room',
          script: `
while [ "$#" -gt 1 ]; do
  free=$(df -Pk -- "$1" | awk 'NR == 2 { print $4 }')
  if [ "\${free:-0}" -lt "$2" ]; then
    printf '%s\\n' "Nothing was changed: $1 has only \${free:-0} KiB free now, and up to $2 KiB may be needed." >&2
    exit 1
  fi
  shift 2
done`.trim(),
          words: needs,
          reads: [],
          verify: activeLayersStay(context.vm.disks),
        }),
      ];
}

export function allocated(layers: readonly Layer[]): number {
  return layers.reduce((sum, { image }) => sum + (image.allocatedBytes ?? 0), 0);
}
